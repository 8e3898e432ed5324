// clean-exit: no process ended by a signal, an assert or an error that the plan did not cause.
//
// SIGKILL from a fault, a fence or the teardown of a host that was shown to hang belongs to the
// plan. A destination whose load failed ends with status 1 by design (QEMU's
// process_incoming_migration); any other status, any other signal, and an assert in its messages is
// a finding. The symptom tells the function of an assert, or the signal and the host: without them
// two crashes that have nothing to do with each other would have one name.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <sstream>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

std::string line_with(const std::string& text, std::string_view word) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.find(word) != line.npos) return line;
  return "";
}

// ":bdrv_co_write_req_prepare" of assert(3)'s "FILE:LINE: FUNCTION: Assertion `...' failed" and of
// g_assert()'s "ERROR:FILE:LINE:FUNCTION: assertion failed": the same defect in another version has
// another line, but most likely the same function.
std::string function_in(const std::string& line) {
  const auto end = std::min(line.find(": Assertion `"), line.find(": assertion failed"));
  if (end == line.npos || end == 0) return "";
  const auto before = line.find_last_of(" :", end - 1);
  const auto word = line.substr(before == line.npos ? 0 : before + 1,
                                end - (before == line.npos ? 0 : before + 1));
  const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  const bool name = !word.empty() && std::isdigit(static_cast<unsigned char>(word[0])) == 0;
  return name && std::all_of(word.begin(), word.end(), plain) ? ":" + word : "";
}

// The line in which an assert says that it failed.
std::string assertion_in(const std::string& messages) {
  const auto line = line_with(messages, "Assertion");
  return line.empty() ? line_with(messages, ": assertion failed") : line;
}

// "SIGSEGV": its number is another one on some architectures.
std::string signal_name(int number) {
  const char* name = ::sigabbrev_np(number);
  return name == nullptr ? std::to_string(number) : fmt::format("SIG{}", name);
}

class CleanExit final : public Checker {
 public:
  std::string_view name() const override { return "clean-exit"; }
  std::string_view claim() const override {
    return "no process ended by a signal, an assert or an error that the plan did not cause";
  }

  std::vector<Finding> check(const Plan& plan, const History&, const Evidence& e) const override {
    if (auto finding = judge(e.source, "source", false)) return {*finding};
    if (auto finding = judge(e.destination, "destination", !plan.faults.empty())) return {*finding};
    if (e.retry)
      if (auto finding = judge(e.retry->destination, "second-destination", false))
        return {*finding};
    return {checkers::good(name(), "every process ended as the plan or the arbiter told it")};
  }

 private:
  std::optional<Finding> judge(const HostEvidence& host, const char* side,
                               bool load_may_fail) const {
    if (const auto line = assertion_in(host.messages); !line.empty())
      return checkers::broken(name(), "assertion" + function_in(line),
                              fmt::format("{}: {}", side, line));
    if (!host.ending) return std::nullopt;  // liveness speaks of it
    const auto& ending = *host.ending;
    if (ending.signal != 0 && !(ending.signal == 9 && host.ended_by_plan))
      return checkers::broken(name(), fmt::format("signal:{}-{}", signal_name(ending.signal), side),
                              fmt::format("the {} ended by signal {}", side, ending.signal));
    if (ending.code != 0 && !(ending.code == 1 && load_may_fail))
      return checkers::broken(
          name(), fmt::format("exit-status-{}", side),
          fmt::format("the {} ended with status {}: {}", side, ending.code, host.messages));
    return std::nullopt;
  }
};

}  // namespace

std::unique_ptr<Checker> make_clean_exit() { return std::make_unique<CleanExit>(); }

}  // namespace migfuzz
