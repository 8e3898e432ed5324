// Ways that have no owner at the other end of a channel: through a file, and a snapshot.
//
// One case without a fault and a few with one for each mode, on real QEMUs: what must be left of
// the VM, and that the fault was proved. MIGFUZZ_QEMU names another QEMU than that of the PATH; a
// mode that it refuses is named with its words and left out. Exit status 77 and the reason where
// this machine cannot run it, or where QEMU refuses both modes.
#include <fmt/format.h>

#include <cstdlib>

#include "harness/campaign/campaign.h"
#include "harness/core/error.h"
#include "harness/core/scenario.h"
#include "tests/fakes/catalogs.h"

namespace migfuzz {
namespace {

struct Way {
  const char* mode;
  const char* fault;  // "": none
  Side side;
  const char* point;
  std::uint64_t parameter;
  const char* left;
};
constexpr auto kChannel = Side::channel, kSource = Side::source, kDestination = Side::destination;
constexpr Way kWays[] = {
    {"mapped-ram", "", kChannel, "", 0, "pass (destination)"},
    {"mapped-ram", "file-short", kChannel, "commit/file-complete", 0, "pass (source)"},
    {"mapped-ram", "file-short", kChannel, "commit/file-complete", 1, "pass (source)"},
    {"mapped-ram", "file-full", kChannel, "precopy/saving", 0, "pass (source)"},
    {"mapped-ram", "file-full", kChannel, "stopcopy/paused", 0, "pass (source)"},
    {"mapped-ram", "corrupt-file", kChannel, "commit/file-complete", 77, "pass (destination)"},
    {"mapped-ram", "crash", kSource, "commit/file-complete", 0, "pass (destination)"},
    {"mapped-ram", "crash", kDestination, "commit/file-loaded", 0, "pass (source)"},
    {"mapped-ram", "crash", kSource, "precopy/saving", 0, "expected-loss (none)"},
    {"background-snapshot", "", kChannel, "", 0, "pass (source)"},
    {"background-snapshot", "reset", kChannel, "precopy/page:100", 0, "pass (source)"},
    {"background-snapshot", "crash", kDestination, "commit/eof", 0, "pass (source)"},
};

class Ways {
 public:
  Ways(Pool& pool, const Plan& base, const Catalogs& catalogs, std::string version)
      : pool_(pool), base_(base), catalogs_(catalogs), version_(std::move(version)) {}

  // The exit status.
  int run() {
    const auto refused = refused_modes(pool_, base_, {"mapped-ram", "background-snapshot"});
    for (const auto& [mode, why] : refused) fmt::print("SKIPPED {}: {}\n", mode, why);
    int wrong = 0, ran = 0;
    for (const auto& way : kWays)
      if (is_known(way)) {
        fmt::print("SKIPPED {} {}: {}\n", way.mode, way.fault, kKnown);
      } else if (refused.count(way.mode) == 0) {
        ++ran;
        wrong += one(way) ? 0 : 1;
      }
    return ran == 0 ? 77 : wrong == 0 ? 0 : 1;
  }

 private:
  static constexpr const char* kKnown = "docs/findings/qemu-7.2-snapshot-failure-freezes-guest.md";
  bool is_known(const Way& way) const {
    return version_.starts_with("7.2") && way.fault == std::string("reset") &&
           way.mode == std::string("background-snapshot");
  }

  bool one(const Way& way) {
    PlannedCase planned;
    planned.plan = base_;
    planned.plan.scenario = "ways";
    planned.plan.mode = way.mode;
    planned.plan.transport = Transport::unix_tight;
    planned.plan.patience_ms = 1000;
    if (*way.fault != '\0') {
      planned.plan.transport = catalogs_.find_fault(way.fault).transport;
      planned.plan.faults = {{way.fault, way.side, trigger_from(way.point), 0, way.parameter}};
    }
    check_plan(planned.plan, catalogs_);
    CaseResult result;
    ListSource source({std::move(planned)});
    pool_.run(
        source, [&](Pool::Done& done) { result = std::move(done.result); }, [] { return false; });
    const auto left = fmt::format("{} ({})", to_string(result.verdict), result.survivor);
    const bool right = left == way.left && result.delivered;
    fmt::print("{} {} {} {} {}: {}; {}\n", right ? "right" : "WRONG", way.mode, way.fault,
               way.point, way.parameter, left, result.headline);
    return right;
  }

  Pool& pool_;
  const Plan& base_;
  const Catalogs& catalogs_;
  const std::string version_;
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
    return Ways(pool, base, catalogs, chosen.source_version).run();
  } catch (const CannotRun& reason) {
    fmt::print("SKIPPED: {}\n", reason.what());
    return 77;
  }
}

}  // namespace
}  // namespace migfuzz

int main() { return migfuzz::run(); }
