#include "harness/core/combination.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "harness/core/mode.h"

namespace migfuzz {
namespace {

using enum Effect;

// The only protocol that promises one owner whatever fails: under the others each pair of faults
// has hazards of its own.
constexpr std::string_view kReviewed = "handshake";

bool survived_in_flight(Effect effect) {
  switch (effect) {
    case pauses_host:
    case silences_channel:
    case slows_channel:
    case blinds_manager:
    case fails_storage:
    case stops_arbiter:
    case intrudes:
    case isolates_guest:
      return true;
    default:
      return false;
  }
}

// --- the order of points -------------------------------------------------------------------------

// The place of a point among those of its phase, as far as every stream has them in that order;
// "page:7" stands behind the 7 pages before it. Nothing: a device, whose place is the machine's.
std::optional<std::uint64_t> place_of(const Point& point) {
  const auto& name = point.name;
  constexpr std::string_view kOrder[] = {
      "job-start",     "mirroring",
      "ready",         "connected",       "first-byte",   "header-end",     "configuration-end",
      "ram-setup-begin", "ram-setup-end", "begin",        "enter",          "ram-end",
      "eof-begin",     "eof",             "vmdesc-begin", "vmdesc-middle",  "vmdesc-end",
      "ack",           "ack-end",         "before-cont",  "cont-journalled", "resumed",
      "before-discard",
      // post-copy
      "discard", "package-begin", "run", "package-end", "last-page",
      // recover
      "paused", "connected", "bitmap-request", "bitmap", "bitmap-middle", "bitmap-end", "resume",
      "resume-ack",
      // file
      "saving", "file-complete", "file-loaded",
      // storage
      "pre-switchover", "job-gone", "switched"};
  constexpr std::uint64_t kStep = std::uint64_t{1} << 32;
  const auto* known = std::find(std::begin(kOrder), std::end(kOrder), name);
  if (known == std::end(kOrder)) return std::nullopt;
  return static_cast<std::uint64_t>(known - std::begin(kOrder)) * kStep +
         std::min(point.plus_bytes, kStep - 1);
}

// The mirror of a disk begins before everything else, ends when memory has been copied, and its
// last point is the last one before the destination is told to run.
int stage_of(const Point& point) {
  const auto of = [](Phase phase) { return 2 * static_cast<int>(phase); };
  if (point.phase != Phase::storage) return of(point.phase);
  if (point.name == "switched") return of(Phase::activate) - 1;
  const bool late = point.name == "pre-switchover" || point.name == "job-gone";
  return late ? of(Phase::stopcopy) - 1 : of(Phase::storage);
}

// "page:N", "pass:N": the number, where both points count the same.
std::optional<std::uint64_t> count_of(const Point& point, std::string_view word) {
  if (!point.name.starts_with(word)) return std::nullopt;
  std::uint64_t number = 0;
  std::from_chars(point.name.data() + word.size(), point.name.data() + point.name.size(), number);
  return number;
}

// Within one device: its beginning, middle and end.
std::optional<int> part_of(const Point& point) {
  if (point.name.ends_with("/begin")) return 0;
  if (point.name.ends_with("/middle")) return 1;
  if (point.name.ends_with("/end")) return 2;
  return std::nullopt;
}

// Something that is counted behind the package or on the new channel.
bool is_counted(const Point& point) {
  for (const auto* word : {"page:", "request:", "answer:", "preempt-page:"})
    if (point.name.starts_with(word)) return true;
  return false;
}

// Devices lie between `ram-end` and `eof-begin`, in post-copy inside the package before `run`; what
// is counted lies behind everything of its phase but the last page.
bool place_before(const Point& place, const Point& other) {
  if (is_counted(other)) return place.name != "last-page";
  return place.name != "eof-begin" && place.name != "run" && place.name != "package-end" &&
         place.name != "last-page";
}

std::string device_of(const Point& point) { return point.name.substr(0, point.name.rfind('/')); }

}  // namespace

bool meet(Side a, Side b) { return a == b || a == Side::channel || b == Side::channel; }

bool may_precede(const Trigger& first, const Trigger& second) {
  const auto& a = first.point;
  const auto& b = second.point;
  if (stage_of(a) != stage_of(b)) return stage_of(a) < stage_of(b);
  const auto place_a = place_of(a), place_b = place_of(b);
  if (place_a && place_b) return *place_a <= *place_b;
  if (a.phase == Phase::precopy) {
    for (const auto* word : {"page:", "pass:"})
      if (const auto n = count_of(a, word), m = count_of(b, word); n && m) return *n <= *m;
    return !place_b;  // everything is behind `begin`
  }
  if (place_a) return place_before(a, b);
  if (place_b) return !place_before(b, a);
  for (const auto* word : {"page:", "request:", "answer:", "preempt-page:"})
    if (const auto n = count_of(a, word), m = count_of(b, word); n && m) return *n <= *m;
  if (is_counted(a) != is_counted(b)) return is_counted(b);
  if (device_of(a) == device_of(b) && part_of(a) && part_of(b)) {
    if (first.nth != second.nth) return first.nth < second.nth;
    return *part_of(a) != *part_of(b) ? *part_of(a) < *part_of(b) : a.plus_bytes <= b.plus_bytes;
  }
  if (device_of(a) == "device:last" || device_of(b) == "device:first") return false;
  return true;
}

// --- what is left of the VM ----------------------------------------------------------------------

namespace {

// The faults of one plan, walked in the order in which they strike.
class Walk {
 public:
  explicit Walk(const Plan& plan) : plan_(plan) {}

  bool take(const FaultSpec& fault, Effect effect) {
    const auto alone = single_outcome(plan_, fault, effect);
    if (!alone || effect == damages_page || effect == refuses_migration ||
        effect == takes_channel) return false;
    if (survived_in_flight(effect)) return survive(fault, effect, *alone);
    if (recovers(fault, effect)) return !decided_by_;
    if (!decided_by_) return decide(fault, effect, *alone);
    if (fault.trigger == decided_by_->trigger) return decide_together(fault, effect);
    return follow(fault, effect);
  }

  Expectation outcome() const { return so_far_; }

 private:
  // Post-copy goes on over a new channel.
  bool recovers(const FaultSpec& fault, Effect effect) const {
    return (effect == cuts_channel || effect == cuts_return) &&
           reached_at(plan_, fault.trigger, fault.side, effect) == Reached::switched;
  }

  bool set(Expect expect, std::string_view rule, std::string_view reason) {
    so_far_ = {expect, rule, reason};
    return true;
  }

  bool survive(const FaultSpec& fault, Effect effect, const Expectation& alone) {
    const bool together = decided_by_ && fault.trigger == decided_by_->trigger;
    if (effect == fails_storage && fault.side != Side::source) storage_failed_ = true;
    if (decided_by_ && !together && !goes_on(fault)) return false;
    if (decided_by_ && (together || source_lost_)) return lose_to_storage();
    if (alone.expect == Expect::one) set(Expect::one, alone.rule, alone.reason);
    return true;
  }

  // The only host that can still run the VM may be refused by its own disk.
  bool lose_to_storage() {
    if (storage_failed_ && source_lost_ && so_far_.expect == Expect::destination)
      set(Expect::at_most_one, "storage-failed-and-source-lost",
          "a destination whose storage fails while it activates its images may give up, and the "
          "source is gone");
    return true;
  }

  // Behind a decision only the manager's own points are passed, where the destination gets the VM.
  bool goes_on(const FaultSpec& fault) const {
    return fault.trigger.point.phase == Phase::activate && !in_stream(fault.trigger.point) &&
           (so_far_.expect == Expect::destination || so_far_.expect == Expect::one);
  }

  bool decide(const FaultSpec& fault, Effect effect, const Expectation& alone) {
    decided_by_ = &fault;
    effect_ = effect;
    so_far_ = alone;
    lose(fault, effect);
    return lose_to_storage();
  }

  void lose(const FaultSpec& fault, Effect effect) {
    if (effect != loses_host) return;
    (fault.side == Side::source ? source_lost_ : destination_lost_) = true;
  }

  // Two decisive faults at one point, in either order.
  bool decide_together(const FaultSpec& fault, Effect effect) {
    if (decided_twice_) return false;
    decided_twice_ = true;
    lose(fault, effect);
    if (source_lost_ && destination_lost_)
      return set(Expect::loss, "both-hosts-lost", "nobody is left who could run the VM");
    const auto reached = reached_at(plan_, fault.trigger, Side::channel, cuts_channel);
    const bool before_eof = reached == Reached::incomplete;
    const auto other = effect == loses_host ? effect_ : effect;
    const bool cut = other == cuts_channel, cancelled = other == cancels_migration;
    if (!cut && !cancelled) return false;
    if (source_lost_ && cut && before_eof)
      return set(Expect::loss, "source-lost-and-channel-cut",
                 "before QEMU_VM_EOF the destination's image is incomplete");
    if (destination_lost_ && (before_eof || plan_.protocol == "handshake"))
      return set(Expect::source, "destination-lost-and-given-up",
                 "the destination was not told to run yet: the source's image is current");
    return false;
  }

  // Later, at a point of `activate`.
  bool follow(const FaultSpec& fault, Effect effect) {
    if (!goes_on(fault) || effect != loses_host || so_far_.expect != Expect::destination)
      return false;
    if (fault.side == Side::source) {
      if (source_lost_) return false;
      source_lost_ = true;
      return lose_to_storage();
    }
    const auto alone = single_outcome(plan_, fault, effect);
    if (source_lost_)
      return set(Expect::loss, "both-hosts-lost", "nobody is left who could run the VM");
    so_far_ = *alone;
    destination_lost_ = true;
    return true;
  }

  const Plan& plan_;
  Expectation so_far_{Expect::destination, "survived-in-flight",
                      "each failure goes away within the manager's patience: together they cost "
                      "time and nothing else"};
  const FaultSpec* decided_by_ = nullptr;
  Effect effect_{};  // of that fault
  bool decided_twice_ = false;
  bool source_lost_ = false, destination_lost_ = false, storage_failed_ = false;
};

}  // namespace

std::optional<Expectation> combined_outcome(const Plan& plan, std::span<const Effect> effects) {
  if (plan.faults.size() != effects.size() || plan.faults.size() > kFaultsAtOnceMax)
    return std::nullopt;
  if (mode_from(plan.mode).snapshot()) return std::nullopt;  // not thought through
  std::uint64_t healed_ms = 0;
  for (std::size_t i = 0; i < effects.size(); ++i) {
    // One that outlasts the manager alone counts as a cut.
    if (as_it_ends(effects[i], plan.faults[i], plan) != cuts_channel)
      healed_ms += plan.faults[i].heal_after_ms;
    for (std::size_t j = 0; j < i; ++j)
      if (!may_precede(plan.faults[j].trigger, plan.faults[i].trigger)) return std::nullopt;
  }
  // Holes may lie end to end: the manager has to outlast all of them.
  if (healed_ms != 0 && healed_ms >= plan.patience_ms) return std::nullopt;
  Walk walk(plan);
  for (std::size_t i = 0; i < effects.size(); ++i)
    if (!walk.take(plan.faults[i], as_it_ends(effects[i], plan.faults[i], plan)))
      return std::nullopt;
  return walk.outcome();
}

// --- which kinds go together ---------------------------------------------------------------------

namespace {

struct One {
  const FaultSpec& spec;
  const FaultKind& kind;
  Effect effect;  // as it ends
  bool decisive() const { return !survived_in_flight(effect); }
  bool stops_host() const { return effect == loses_host || effect == pauses_host; }
  bool cuts() const { return effect == cuts_channel || effect == cuts_return; }
  bool activating() const { return spec.trigger.point.phase == Phase::activate; }
};

bool share_point(const One& a, const One& b) { return a.spec.trigger == b.spec.trigger; }
bool serialized(const One& a, const One& b) {
  return a.kind.component == b.kind.component && meet(a.spec.side, b.spec.side);
}

// What one host cannot suffer twice, or while it stands still.
std::string same_host(const One& a, const One& b) {
  const bool same = meet(a.spec.side, b.spec.side);
  if (a.stops_host() && b.stops_host() && a.spec.side == b.spec.side &&
      !(a.effect == pauses_host && serialized(a, b)))
    return "both stop the same host";
  const auto touches_host = [](const One& one) { return one.kind.component == "host"; };
  const auto touches_leg = [](const One& one) { return one.kind.component == "network"; };
  if (same && ((touches_host(a) && touches_leg(b)) || (touches_leg(a) && touches_host(b))))
    return "both work on the same host's port, and one would heal the other";
  const auto commands = [](const One& one) {
    return one.decisive() && one.kind.component == "management";
  };
  const auto deafens = [](const One& one) {
    return one.effect == blinds_manager || one.effect == pauses_host ||
           one.effect == fails_storage;
  };
  if (same && ((commands(a) && deafens(b)) || (commands(b) && deafens(a))))
    return "the command would come late or never";
  return "";
}

// What the second does to the proof of the first.
std::string proof_lost(const One& a, const One& b) {
  const auto later_phase = b.spec.trigger.point.phase > a.spec.trigger.point.phase;
  if (share_point(a, b) && serialized(a, b)) return "one would heal the other";
  if (a.kind.proof == Proof::by_flow && !later_phase && (b.decisive() || serialized(a, b)))
    return "too little would flow between them to show the first";
  if (a.kind.proof == Proof::at_end && !b.activating()) {
    if (serialized(a, b)) return "the second would wait for the first, and that for the end";
    if (b.decisive() && a.effect != stops_arbiter)
      return "the migration ends before the first can show";
  }
  if (a.kind.component == "network" && !a.decisive() && b.cuts())
    return "the end of the connection may not reach the peer, which has to show it";
  return "";
}

// Without an arbiter nobody asks, and whoever does not speak up is not found out.
std::string nobody_asks(const Plan& plan, const One& a, const One& b) {
  if (a.effect != stops_arbiter || !b.decisive() || b.activating()) return "";
  const bool silent = (b.effect == loses_host && !b.kind.kills) ||
                      (b.effect == cuts_channel && b.kind.effect == silences_channel);
  const bool source_gone = b.effect == loses_host && b.spec.side == Side::source &&
                           reached_at(plan, b.spec.trigger, b.spec.side, b.effect) ==
                               Reached::incomplete;
  return silent || source_gone ? "without an arbiter nobody would find out in time" : "";
}

std::string at_one_point(const One& a, const One& b) {
  if (!share_point(a, b)) return "";
  const auto quiet = [](const One& one) {
    return one.effect == fails_storage || one.effect == blinds_manager ||
           one.effect == pauses_host;
  };
  const bool apart = !meet(a.spec.side, b.spec.side);
  if (a.decisive() != b.decisive())
    return apart && quiet(a.decisive() ? b : a)
               ? ""
               : "the decisive one would keep the other from showing at the same point";
  const auto lasting = [](const One& one) { return one.kind.effect == silences_channel; };
  if (a.decisive() && (lasting(a) || lasting(b)))
    return "the decisive one would keep the other from showing at the same point";
  return "";
}

}  // namespace

std::string not_together(const Plan& plan, std::span<const FaultKind* const> kinds) {
  if (kinds.size() > kFaultsAtOnceMax)
    return fmt::format("a plan has at most {} faults", kFaultsAtOnceMax);
  if (kinds.size() > 1 && plan.protocol != kReviewed)
    return fmt::format("what several faults leave behind has been thought through for `{}` only",
                       kReviewed);
  std::vector<One> all;
  for (std::size_t i = 0; i < kinds.size(); ++i)
    all.push_back({plan.faults[i], *kinds[i],
                   as_it_ends(kinds[i]->effect, plan.faults[i], plan)});
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      const auto& a = all[i];
      const auto& b = all[j];
      auto why = std::string();
      if (!may_precede(a.spec.trigger, b.spec.trigger))
        why = "they are listed in the order in which their points are passed";
      for (auto* rule : {&same_host, &at_one_point, &proof_lost})
        if (why.empty()) why = (*rule)(a, b);
      if (why.empty()) why = nobody_asks(plan, a, b);
      if (!why.empty())
        return fmt::format("`{}` at {} and `{}` at {} do not go together: {}", a.spec.kind,
                           to_string(a.spec.trigger), b.spec.kind, to_string(b.spec.trigger), why);
    }
  return "";
}

}  // namespace migfuzz
