// Twins: a failure that the relay makes byte-exactly and the same failure made by the kernel must
// end alike: `stall` and `drop`, `reset` and `reject`.
//
// If they did not, one of the two would not be the failure it says it is. Compared are verdict and
// survivor, under `handshake`, healed and for good, on TCP, each way at four points from the first
// page to the end mark. MIGFUZZ_QEMU names another QEMU than that of the PATH. Exit status 77 and
// the reason where this machine cannot run it; a twin that it cannot run is named and left out.
#include <fmt/format.h>

#include <cstdlib>

#include "harness/campaign/campaign.h"
#include "harness/core/error.h"
#include "harness/core/scenario.h"
#include "tests/fakes/catalogs.h"

namespace migfuzz {
namespace {

constexpr std::array kPoints{"precopy/begin", "stopcopy/enter", "stopcopy/device:cpu/middle",
                             "commit/eof"};

struct Twins {
  const char* relay;
  const char* kernel;
  bool healed;
};
constexpr std::array kTwins{Twins{"stall", "drop", true}, Twins{"stall", "drop", false},
                            Twins{"reset", "reject", false}};

PlannedCase case_of(const Plan& base, const FaultKind& kind, Side side, const char* point,
                    const Twins& twins, const FaultKind& kernel) {
  PlannedCase planned;
  Plan& plan = planned.plan;
  plan = base;
  plan.scenario = "twins";
  plan.transport = Transport::tcp;
  // The twins are about the channel. On a locked image a source of QEMU 7.2 that resumes aborts, or
  // not, by a race (docs/findings/qemu-7.2-abort-after-lost-acknowledgement.md).
  plan.disk = "none";
  if (twins.healed) plan.patience_ms = std::max(kind.patience_ms, kernel.patience_ms);
  FaultSpec fault;
  fault.kind = kind.name;
  fault.side = side;
  fault.trigger = trigger_from(point);
  fault.heal_after_ms = twins.healed ? kernel.heal_after_ms : 0;
  plan.faults = {fault};
  return planned;
}

class Comparison {
 public:
  Comparison(Pool& pool, const Plan& base, const Catalogs& catalogs)
      : pool_(pool), base_(base), catalogs_(catalogs), missing_(pool.missing_capabilities()) {}

  // How many disagree.
  int run() {
    int different = 0;
    for (const auto& twins : kTwins) {
      const auto& kernel = catalogs_.find_fault(twins.kernel);
      const auto missing = missing_.find(std::string(kernel.needs));
      if (missing != missing_.end()) {
        fmt::print("SKIPPED {}: {}\n", twins.kernel, missing->second);
        continue;
      }
      for (const auto* point : kPoints)
        for (const auto side : kernel.sides) different += compare(twins, kernel, point, side);
    }
    return different;
  }

 private:
  int compare(const Twins& twins, const FaultKind& kernel, const char* point, Side side) {
    const auto& relay = catalogs_.find_fault(twins.relay);
    const auto one = outcome(case_of(base_, relay, Side::channel, point, twins, kernel));
    const auto two = outcome(case_of(base_, kernel, side, point, twins, kernel));
    const bool alike = one == two && one.starts_with("pass");
    fmt::print("{} {} {}{}: {} {}, {} {}\n", alike ? "alike    " : "DIFFERENT", point,
               to_string(side), twins.healed ? " healed" : "", twins.relay, one, twins.kernel, two);
    return alike ? 0 : 1;
  }

  std::string outcome(PlannedCase planned) {
    CaseResult result;
    ListSource one({std::move(planned)});
    pool_.run(
        one, [&](Pool::Done& done) { result = std::move(done.result); }, [] { return false; });
    return fmt::format("{} ({})", to_string(result.verdict),
                       result.survivor.empty() ? "nobody" : result.survivor);
  }

  Pool& pool_;
  const Plan& base_;
  const Catalogs& catalogs_;
  const std::map<std::string, std::string> missing_;
};

int run() {
  const auto catalogs = fakes::real_catalogs();
  io::Loop loop;
  const TrialFunction trial = [&](io::Loop& inner, const std::string& request) {
    return answer_trial(inner, request, catalogs);
  };
  Pool pool(loop, catalogs, trial, 1);
  Plan base;
  if (const char* binary = std::getenv("MIGFUZZ_QEMU"); binary != nullptr)
    base.source.binary = base.destination.binary = binary;
  try {
    const auto chosen = choose(pool, base, false, catalogs.find_guest("tiny"));
    base.accel = chosen.accel;
    base.guest.memory_bytes = chosen.memory_bytes;
    return Comparison(pool, base, catalogs).run() == 0 ? 0 : 1;
  } catch (const CannotRun& reason) {
    fmt::print("SKIPPED: {}\n", reason.what());
    return 77;
  }
}

}  // namespace
}  // namespace migfuzz

int main() { return migfuzz::run(); }
