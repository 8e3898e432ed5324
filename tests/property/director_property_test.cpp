// The director under rapidcheck: random faults, sides, points, offsets, heals and patiences on the
// scripted world.
//
// Whatever is drawn, a case ends within the director's own bounds, handshake never lets both hosts
// execute the guest, and nothing is called a failure although nothing is broken. Plans that the
// table itself is known to judge wrongly are left out, by name. Run alone: property_director.
#include <rapidcheck/catch.h>

#include <catch2/catch.hpp>

#include "harness/campaign/pool.h"
#include "scenarios/cells.h"
#include "tests/fakes/scripted_case.h"

namespace migfuzz {
namespace {

using fakes::Defects;
using fakes::ScriptedCase;

Plan arbitrary_plan(const std::string& protocol) {
  auto kinds = all_faults();
  // Those of another mode have no meaning in a plain migration.
  std::erase_if(kinds, [](const FaultKind& kind) {
    const bool somewhere =
        kind.before_start || kind.excluded(trigger_from("stopcopy/enter"), kind.sides[0]).empty();
    return !somewhere || !excluded_in(Plan().mode, kind).empty();
  });
  const auto& kind = kinds[*rc::gen::inRange<std::size_t>(0, kinds.size())];
  const auto side = kind.sides[*rc::gen::inRange<std::size_t>(0, kind.sides.size())];
  auto point = *rc::gen::element<std::string>(
      "reserve/first-byte", "reserve/header-end", "reserve/ram-setup-end", "precopy/begin",
      "precopy/page:100", "precopy/pass:2", "precopy/pass:3", "stopcopy/enter", "stopcopy/ram-end",
      "stopcopy/device:first/begin", "stopcopy/device:cpu/middle", "stopcopy/device:virtio-net/end",
      "stopcopy/device:last/end", "stopcopy/eof-begin", "commit/eof", "commit/vmdesc-middle");
  if (!kind.excluded(trigger_from(point), side).empty()) point = "stopcopy/enter";
  if (kind.before_start) point = "prepare/ready";
  auto plan = fakes::scripted_cell(kind, side, point, protocol);
  plan.guest.seed = *rc::gen::arbitrary<std::uint64_t>();
  plan.patience_ms = *rc::gen::inRange<std::uint32_t>(100, 5000);
  auto& fault = plan.faults[0];
  // Of a host that is set up wrongly the parameter may say a difference that QEMU accepts.
  if (!kind.before_start) fault.parameter = *rc::gen::inRange<std::uint64_t>(0, 4096 * 8);
  // "+N" moves a point; past the next boundary it would be another cell of the table.
  if (point.starts_with("stopcopy/device") && !point.ends_with("last/end"))
    fault.trigger.point.plus_bytes = *rc::gen::inRange<std::uint64_t>(0, 8);
  if (kind.heal_after_ms > 0 || kind.name == "hang")
    fault.heal_after_ms =
        *rc::gen::inRange<std::uint32_t>(kind.must_heal ? 1 : 0, plan.patience_ms / 4);
  // The table's `healed-hole` holds for a hole shorter than the patience, retransmission included.
  if (kind.transport == Transport::tcp && kind.heal_after_ms > 0) plan.patience_ms += 400;
  // A channel that is slow for longer than the patience is given up: no plan of the table's.
  if (kind.effect == Effect::slows_channel) plan.patience_ms += 5000;
  return plan;
}

// No bound of the director's is longer than this together; a worker is ended by the pool after it.
void ends_in_time(const ScriptedCase& one) { RC_ASSERT(one.world->elapsed() < kCaseLimit); }

TEST_CASE("Handshake never lets both hosts run and never fails without a defect",
          "[director][property]") {
  rc::prop("one owner, no failure, an end", [] {
    const auto plan = arbitrary_plan("handshake");
    const ScriptedCase one(plan);
    RC_LOG() << to_string(plan.faults[0].trigger) << " " << plan.faults[0].kind << " "
             << to_string(plan.faults[0].side) << " heal " << plan.faults[0].heal_after_ms
             << " patience " << plan.patience_ms << "\n"
             << one.story();
    ends_in_time(one);
    RC_ASSERT(one.world->overlap_ms() == 0U);
    RC_ASSERT(one.evidence.settled);
    if (one.evidence.delivered) RC_ASSERT(one.result.verdict > Verdict::infra);
    RC_ASSERT((one.result.verdict == Verdict::pass) <= one.evidence.delivered);
  });
}

TEST_CASE("Autostart shows hazards at worst without a defect", "[director][property]") {
  rc::prop("no failure, an end", [] {
    const auto plan = arbitrary_plan("autostart");
    const ScriptedCase one(plan);
    RC_LOG() << to_string(plan.faults[0].trigger) << " " << plan.faults[0].kind << " "
             << to_string(plan.faults[0].side) << " heal " << plan.faults[0].heal_after_ms
             << " patience " << plan.patience_ms << "\n"
             << one.story();
    ends_in_time(one);
    RC_ASSERT(one.evidence.settled);
    if (one.evidence.delivered && one.evidence.expected.expect != Expect::double_run)
      RC_ASSERT(one.result.verdict > Verdict::infra);
  });
}

TEST_CASE("With any defect and any fault a case ends in time and passes no double run",
          "[director][property]") {
  rc::prop("broken worlds end, too", [] {
    const auto plan = arbitrary_plan(*rc::gen::element<std::string>("handshake", "autostart"));
    Defects defects;
    bool Defects::*const all[] = {
        &Defects::runs_although_paused, &Defects::source_runs_after_completed,
        &Defects::acknowledgement_lost, &Defects::claims_completed,
        &Defects::never_settles,        &Defects::loses_a_page,
        &Defects::image_is_old,         &Defects::aborts_at_load,
        &Defects::runs_without_steps,   &Defects::deaf_to_quit};
    const auto which = *rc::gen::inRange<std::size_t>(0, std::size(all));
    defects.*all[which] = true;
    const ScriptedCase one(plan, defects);
    RC_LOG() << which << " " << to_string(plan.faults[0].trigger) << " " << plan.faults[0].kind
             << "\n"
             << one.story();
    ends_in_time(one);
    // Heartbeats come every 4 ms: an overlap of a few of them cannot be missed.
    if (one.world->overlap_ms() > 20) RC_ASSERT(one.result.verdict <= Verdict::hazard);
  });
}

}  // namespace
}  // namespace migfuzz
