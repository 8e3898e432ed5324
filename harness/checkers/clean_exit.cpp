// clean-exit: no process ended by a signal, an assert or an error that the plan did not cause.
//
// SIGKILL from a fault, a fence or the teardown of a host that was shown to hang belongs to the
// plan. A destination whose load failed ends with status 1 by design (QEMU's
// process_incoming_migration); any other status, any other signal, and an assert in its messages is
// a finding.
#include <fmt/format.h>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

class CleanExit final : public Checker {
 public:
  std::string_view name() const override { return "clean-exit"; }
  std::string_view claim() const override {
    return "no process ended by a signal, an assert or an error that the plan did not cause";
  }

  std::vector<Finding> check(const Plan& plan, const History&, const Evidence& e) const override {
    for (const auto* host : {&e.source, &e.destination})
      if (auto finding = judge(plan, *host, host == &e.source)) return {*finding};
    return {checkers::good(name(), "every process ended as the plan or the arbiter told it")};
  }

 private:
  std::optional<Finding> judge(const Plan& plan, const HostEvidence& host, bool is_source) const {
    const auto* side = is_source ? "source" : "destination";
    if (host.messages.find("Assertion") != std::string::npos)
      return checkers::broken(name(), "assertion", fmt::format("{}: {}", side, host.messages));
    if (!host.ending) return std::nullopt;  // liveness speaks of it
    const auto& ending = *host.ending;
    if (ending.signal != 0 && !(ending.signal == 9 && host.ended_by_plan))
      return checkers::broken(name(), "signal",
                              fmt::format("the {} ended by signal {}", side, ending.signal));
    const bool load_failed = !is_source && ending.code == 1 && !plan.faults.empty();
    if (ending.code != 0 && !load_failed)
      return checkers::broken(
          name(), "exit-status",
          fmt::format("the {} ended with status {}: {}", side, ending.code, host.messages));
    return std::nullopt;
  }
};

}  // namespace

std::unique_ptr<Checker> make_clean_exit() { return std::make_unique<CleanExit>(); }

}  // namespace migfuzz
