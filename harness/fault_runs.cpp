#include "harness/fault_runs.h"

#include <algorithm>

#include "harness/core/combination.h"
#include "harness/core/error.h"

namespace migfuzz {
namespace {

// The destination reads a package within 10 ms; beside a busy compiler 50 were seen.
constexpr Milliseconds kRunLimit{200};

std::vector<Effect> effects_of(const std::vector<const FaultKind*>& kinds) {
  std::vector<Effect> effects;
  for (const auto* kind : kinds) effects.push_back(kind->effect);
  return effects;
}

}  // namespace

FaultRuns::FaultRuns(World& world, const Plan& plan, std::vector<const FaultKind*> kinds)
    : world_(world), plan_(plan), kinds_(std::move(kinds)) {
  const bool several = kinds_.size() > 1;
  for (std::size_t i = 0; i < kinds_.size(); ++i)
    runs_.push_back({FaultRun(world_, plan_.faults[i], *kinds_[i],
                              several ? std::optional(i) : std::nullopt),
                     false});
}

Expectation FaultRuns::expected() const {
  const auto expected = expected_outcome(plan_, effects_of(kinds_));
  if (!expected) throw UsageError("plan: the expected-outcome table has no rule for it");
  return *expected;
}

// The table speaks of faults that happened. One that never came to its point changes nothing; of
// one that struck without a proof nobody knows what it did, and only what always holds is asked.
Expectation FaultRuns::expected_of_delivered() const {
  if (all_delivered() && !any_early()) return expected();
  if (runs_.size() == 1 && !all_delivered())
    return {Expect::one, "not-delivered", "the fault was not observed to happen"};
  auto happened = plan_;
  happened.faults.clear();
  std::vector<const FaultKind*> kinds;
  bool unknown = false;
  for (const auto& one : runs_) {
    const auto& run = one.run;
    if (run.delivered()) {
      happened.faults.push_back(run.spec());
      // Then it struck while the destination still read the package.
      if (one.early) happened.faults.back().trigger = trigger_from("postcopy/package-end");
      kinds.push_back(&run.kind());
    } else if (run.struck()) {
      unknown = true;
    }
  }
  const auto expected = unknown ? std::nullopt : expected_outcome(happened, effects_of(kinds));
  if (expected) return *expected;
  return {Expect::at_most_one, "not-delivered", "a fault was not observed to happen"};
}

void FaultRuns::before_start() {
  for (auto& one : runs_)
    if (one.run.kind().before_start) one.run.inject();
}

void FaultRuns::arm() {
  for (auto& one : runs_) one.run.arm();
}

void FaultRuns::restart_deadlines() {
  for (auto& one : runs_) one.run.restart_deadline();
}

bool FaultRuns::reach(std::string_view point) {
  bool here = false;
  for (auto& one : runs_) {
    const auto& own = one.run.spec().trigger.point;
    if (!one.run.waiting() || in_stream(own) || to_string(own) != point) continue;
    one.due = here = true;
    one.due_at = world_.now();
  }
  if (here) strike_due();
  return here;
}

void FaultRuns::strike_now() {
  for (auto& one : runs_) {
    if (!one.run.waiting() || world_.sight(one.run.spec().side).dead) continue;
    one.due = true;
    one.due_at = world_.now();
  }
  strike_due();
}

bool FaultRuns::hit_host() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const One& one) {
    return one.run.struck() && one.run.kind().component == "host";
  });
}

// Behind the package QEMU's destination still reads it: before it has come to the order to run, a
// lost channel is not recovered (savevm.c, qemu_loadvm_state_main: "LISTENING is still not
// enough"). No byte tells when it has, so the fault waits for the destination to say it; not for
// long, because reading the package may need a page that waits behind the hold.
bool FaultRuns::awaits_run(const One& one) const {
  const auto& spec = one.run.spec();
  const auto reached = reached_at(plan_, spec.trigger, spec.side, one.run.kind().effect);
  if (reached != Reached::switched) return false;
  const auto run = world_.sight(Side::destination).run;
  return run != RunState::running && run != RunState::paused;
}

bool FaultRuns::may_strike(const One& one) const {
  if (awaits_run(one) && world_.now() - one.due_at < kRunLimit) return false;
  for (const auto& other : runs_) {
    const auto& run = other.run;
    if (&other == &one) break;  // only those before it in the plan
    // Those that share a point strike together, whatever its names are.
    const bool shown = run.kind().proof == Proof::while_held;
    if (run.unproved() && shown && !run.kind().before_start && !run.struck_here()) return false;
    if (!run.over() && run.kind().component == one.run.kind().component &&
        meet(run.spec().side, one.run.spec().side))
      return false;
  }
  return true;
}

bool FaultRuns::strike_due() {
  bool moved = false;
  for (auto& one : runs_)
    if (one.due && one.run.waiting() && may_strike(one)) {
      one.early = awaits_run(one);
      one.run.inject();
      moved = true;
    }
  if (moved) let_flow();
  return moved;
}

bool FaultRuns::step() {
  if (runs_.empty()) return false;
  for (auto& one : runs_) {
    const auto held = world_.channel(one.run.channel()).held;
    if (one.due || std::find(held.begin(), held.end(), one.run.spec().trigger) == held.end())
      continue;
    one.due = true;
    one.due_at = world_.now();
  }
  bool moved = strike_due();
  for (auto& one : runs_) moved = one.run.step() || moved;
  if (moved) let_flow();
  return moved;
}

// A point flows on when every fault that shares it has let it go.
void FaultRuns::let_flow() {
  for (const auto& one : runs_) {
    const auto& run = one.run;
    if (!run.holds_channel()) continue;
    const auto& trigger = run.spec().trigger;
    const bool all = std::all_of(runs_.begin(), runs_.end(), [&](const One& other) {
      const bool same =
          other.run.spec().trigger == trigger && other.run.channel() == run.channel();
      return !same || other.run.lets_flow();
    });
    if (all) world_.release(trigger, run.channel());
  }
}

void FaultRuns::give_up_waiting() {
  for (auto& one : runs_)
    if (one.run.waiting()) one.run.give_up();
  let_flow();
}

void FaultRuns::heal_all() {
  // One whose effect came only now has its proof, too.
  for (auto& one : runs_)
    if (one.run.unproved()) one.run.step();
  for (auto& one : runs_) one.run.heal();
  let_flow();
}

void FaultRuns::mend_channel() {
  for (auto& one : runs_) {
    const auto& run = one.run;
    const auto effect = run.kind().effect;
    const bool channel = effect == Effect::cuts_channel || effect == Effect::cuts_return ||
                         effect == Effect::silences_channel || effect == Effect::slows_channel;
    if (channel && run.delivered() && run.spec().heal_after_ms == 0)
      run.kind().heal(world_, run.spec());
  }
}

void FaultRuns::undo_all(bool other_network) {
  for (auto& one : runs_)
    if (!other_network || one.run.kind().component != "network")
      one.run.kind().heal(world_, one.run.spec());
}

bool FaultRuns::holds_arbiter() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const One& one) {
    const auto& run = one.run;
    if (run.kind().before_start || in_stream(run.spec().trigger.point)) return false;
    return run.unproved() || (run.waiting() && one.due);
  });
}

bool FaultRuns::under_way() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const One& one) {
    return one.run.unproved() || one.run.to_be_healed() || (one.run.waiting() && one.due);
  });
}

bool FaultRuns::any_waiting() const {
  return std::any_of(runs_.begin(), runs_.end(),
                     [](const One& one) { return one.run.waiting(); });
}

bool FaultRuns::none_has_struck() const {
  return !runs_.empty() && std::all_of(runs_.begin(), runs_.end(),
                                       [](const One& one) { return one.run.waiting(); });
}

bool FaultRuns::all_delivered() const {
  return std::all_of(runs_.begin(), runs_.end(),
                     [](const One& one) { return one.run.delivered(); });
}

bool FaultRuns::any_early() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const One& one) { return one.early; });
}

bool FaultRuns::blinds_manager() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const One& one) {
    return one.run.kind().effect == Effect::blinds_manager;
  });
}

bool FaultRuns::hits_storage() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const One& one) {
    return one.run.kind().effect == Effect::fails_storage;
  });
}

bool FaultRuns::for_good() const {
  return std::any_of(runs_.begin(), runs_.end(),
                     [](const One& one) { return one.run.kind().for_good; });
}

bool FaultRuns::ended(Side side) const {
  return std::any_of(runs_.begin(), runs_.end(), [&](const One& one) {
    return one.run.delivered() && one.run.kind().kills && one.run.spec().side == side;
  });
}

Clock::time_point FaultRuns::acted() const {
  Clock::time_point latest{};
  for (const auto& one : runs_) latest = std::max(latest, one.run.acted());
  return latest;
}

}  // namespace migfuzz
