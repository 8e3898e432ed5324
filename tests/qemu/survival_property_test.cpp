// The one property of the project, on real QEMUs: after any fault at any moment of stop-and-copy a
// consistent image survives on at least one host and at most one runs it, or the table of expected
// outcomes expects the loss.
//
// Plans are drawn by rapidcheck: point and byte offset, fault, side, heal, transport, protocol,
// dirty rate, passes. MIGFUZZ_PLANS says how many (default 20); RC_PARAMS="seed=N" repeats a draw;
// a failing plan is printed with the line that replays it. Not shrunk: a run costs half a second
// and the plans are small. Exit status 77 and a reason where this machine cannot run it.
#include <fmt/format.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "harness/campaign/campaign.h"
#include "harness/core/error.h"
#include "harness/core/scenario.h"
#include "harness/io/files.h"
#include "tests/fakes/catalogs.h"

namespace migfuzz {
namespace {

std::string draw_point() {
  const auto device = [](const char* where) {
    const auto name =
        *rc::gen::element<std::string>("first", "cpu", "virtio-blk", "virtio-net", "last");
    return fmt::format("stopcopy/device:{}/{}", name, where);
  };
  switch (*rc::gen::inRange(0, 6)) {
    case 0:
      return fmt::format("stopcopy/enter+{}", *rc::gen::inRange(0, 64));
    // Bytes behind RAM's end belong to the first device, which is far longer.
    case 1:
      return fmt::format("stopcopy/ram-end+{}", *rc::gen::inRange(0, 16));
    case 2:
      return device("begin");
    case 3:
      return device("middle");
    case 4:
      return device("end");
    default:
      return *rc::gen::element<std::string>("stopcopy/eof-begin", "commit/eof");
  }
}

// What a kind of fault needs may be missing here; such kinds are not drawn.
Plan draw_plan(const Plan& base, const std::vector<const FaultKind*>& kinds) {
  Plan plan = base;
  plan.scenario = "survival-property";
  plan.protocol = *rc::gen::element<std::string>("handshake", "autostart");
  plan.guest.seed = *rc::gen::arbitrary<std::uint64_t>();
  plan.guest.dirty_pages_per_s = *rc::gen::inRange<std::uint32_t>(500, 30000);
  plan.least_passes = *rc::gen::inRange<std::uint32_t>(1, 4);
  const auto& kind = *kinds[*rc::gen::inRange<std::size_t>(0, kinds.size())];
  FaultSpec fault;
  fault.kind = kind.name;
  fault.side = *rc::gen::elementOf(kind.sides);
  fault.trigger = trigger_from(kind.acts_on_page ? "stopcopy/enter" : draw_point());
  RC_PRE(kind.excluded(fault.trigger, fault.side).empty());
  fault.parameter = kind.acts_on_page ? *rc::gen::inRange<std::uint64_t>(0, 4096 * 8) : 0;
  // A hole is healed, or stays until the arbiter gives the migration up.
  const bool healed = kind.heal_after_ms > 0 && (kind.must_heal || *rc::gen::arbitrary<bool>());
  fault.heal_after_ms = healed ? kind.heal_after_ms : 0;
  plan.patience_ms = healed ? kind.patience_ms : base.patience_ms;
  plan.transport = kind.transport == Transport::unix_tight && *rc::gen::arbitrary<bool>()
                       ? Transport::tcp
                       : kind.transport;
  // On AF_UNIX QEMU before 8.2 cannot be freed from such a hole, see
  // docs/findings/qemu-7.2-yank-after-return-path-end.md: on TCP nothing of ours may fail.
  if (!healed && kind.effect == Effect::silences_channel) plan.transport = Transport::tcp;
  plan.disk = disk_for(kind, plan.disk);
  plan.faults = {fault};
  return plan;
}

bool promised(Verdict verdict) {
  return verdict == Verdict::pass || verdict == Verdict::expected_loss ||
         verdict == Verdict::hazard || verdict == Verdict::known_issue;
}

int run() {
  const auto catalogs = fakes::real_catalogs();
  io::Loop loop;
  Pool pool(
      loop, catalogs,
      [&](io::Loop& inner, const std::string& request) {
        return answer_trial(inner, request, catalogs);
      },
      1);
  Plan base;
  base.accel = "auto";
  std::string version;
  const std::string list = MIGFUZZ_SOURCE_DIR "/known-issues.json";
  const auto known = known_issues_from_text(io::read_input(list, 16 << 20), list);
  try {
    const auto chosen = choose(pool, base, false, catalogs.find_guest("tiny"));
    base.accel = chosen.accel;
    version = chosen.source_version;
    base.guest.memory_bytes = chosen.memory_bytes;
  } catch (const CannotRun& reason) {
    fmt::print("SKIPPED: {}\n", reason.what());
    return 77;
  }
  const auto missing = pool.missing_capabilities();
  std::vector<const FaultKind*> kinds;
  for (const auto& kind : catalogs.faults)
    if (missing.count(std::string(kind.needs)) == 0 &&
        excluded_with(base.guest, kind, catalogs).empty())
      kinds.push_back(&kind);
  const bool good = rc::check("a consistent image survives, and at most one host runs it", [&] {
    const auto plan = draw_plan(base, kinds);
    CaseResult result;
    ListSource one({PlannedCase{plan, std::nullopt}});
    pool.run(
        one, [&](Pool::Done& done) { result = std::move(done.result); }, [] { return false; });
    // A drawn plan may meet a defect of this QEMU that is understood.
    apply_known_issues(result, known, version, version, "");
    if (promised(result.verdict)) return;
    const auto path = fmt::format("survival-{}.json", case_id(plan));
    std::ofstream(path) << to_json(plan).dump(2) << "\n";
    RC_FAIL(fmt::format("{}: {}\nplan: {}\nreplay: migfuzz replay {}", to_string(result.verdict),
                        result.headline, to_json(plan).dump(), path));
  });
  return good ? 0 : 1;
}

}  // namespace
}  // namespace migfuzz

int main() {
  const char* plans = std::getenv("MIGFUZZ_PLANS");
  const char* given = std::getenv("RC_PARAMS");
  const auto params = fmt::format("max_success={} noshrink=1 {}", plans != nullptr ? plans : "20",
                                  given != nullptr ? given : "");
  ::setenv("RC_PARAMS", params.c_str(), 1);
  return migfuzz::run();
}
