// Expected outcomes: one reviewed table that says, for every cell, who must survive and why.
//
// The table knows no fault by name. A kind says what its failure amounts to (Effect), a trigger
// says how far the migration had come (Reached), and the first row that matches both decides. A
// disagreement with the table is a finding, in either direction; a plan without a row is refused.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "harness/core/plan.h"

namespace migfuzz {

/// What a failure amounts to, whichever way it came about.
enum class Effect {
  loses_host,         // a host stops for good; healed in time it is only paused
  pauses_host,        // a host stands still and comes back before the manager's patience ends
  cuts_channel,       // the connection is ended for at least one peer
  cuts_return,        // the source loses the return path; the image arrives whole
  silences_channel,   // nothing that matters gets through; not healed in time it counts as cut
  slows_channel,      // everything gets through, later
  refuses_migration,  // it cannot succeed: found out before or while the stream is read
  cancels_migration,  // somebody other than the arbiter cancels it
  blinds_manager,     // the manager loses sight of a host until the heal
  fails_storage,      // the disk fails or hangs until the heal
  fails_file,         // the file cannot be written to its end, or is not whole any more
  fails_mirror,       // the copy of the disk cannot be brought to its end
  stops_arbiter,      // the arbiter is away until the heal
  damages_page,       // an owned page changes on the wire
  damages_frame,      // a framing byte of the stream changes on the wire
  damages_record,     // a record of an encrypted stream changes on the wire
  intrudes,           // a stranger speaks to the destination, and must harm nothing
  takes_channel,      // … and without TLS was there first: QEMU takes it for the source
  isolates_guest      // clients do not reach the VM on one host until the heal
};
std::string_view to_string(Effect effect);  // "loses-host"

/// How far a migration has come at a point, as far as it matters for who must survive.
enum class Reached {
  incomplete = 1,    // before QEMU_VM_EOF was delivered: only the source has the image
  complete = 2,      // from there on, until the destination's acknowledgement is under way
  acknowledged = 4,  // the source has it or will get it; the destination was not told to run
  activated = 8,     // the destination was told to run, or runs by itself
  // Post-copy: the source has stopped and sends the package; the destination cannot run yet.
  switching = 16,
  switched = 32,  // the destination was told to run, and the source has pages that it lacks
  saved = 128,    // the file has the whole image, and nobody was given the VM
  followed = 64   // it has every page; only its acknowledgement is missing
};
/// `side` matters at commit/ack: a destination that is lost there has sent its acknowledgement.
/// Of the plan only the mode counts.
Reached reached_at(const Plan& plan, const Trigger& trigger, Side side, Effect effect);

/// What must be left of the VM.
enum class Expect {
  source,       // the source runs on, untouched
  destination,  // the destination's image runs
  one,          // exactly one of them: which depends on a race that is nobody's mistake
  at_most_one,  // one of them, or the VM is honestly lost: which is a race
  loss,         // the VM is lost, as this kind of migration is known to lose it
  seen,         // one of them runs, and the damage is seen by the memory checker
  double_run    // both may run: a hazard that this protocol is known for
};
std::string_view to_string(Expect expect);

struct Expectation {
  Expect expect = Expect::one;
  std::string_view rule;    // stable short name
  std::string_view reason;  // why, with its source
};

/// One row. An empty protocol and no side match every one.
struct OutcomeRule {
  std::string_view rule;
  Effect effect = Effect::loses_host;
  std::optional<Side> side;
  unsigned reached = 255;  // a set of Reached
  std::string_view protocol;
  Expect expect = Expect::one;
  std::string_view reason;
  /// Only a fault of a side channel that strikes where the main channel stands, in that phase.
  std::optional<Phase> side_channel_in{};
  /// Only where multifd's channels carry the pages.
  bool with_multifd = false;
};

/// The rule of faults that control the harness's own eyesight.
inline constexpr std::string_view kDamageIsSeen = "damage-is-seen";
std::span<const OutcomeRule> outcome_table();
/// What a failure amounts to in the end: one that is healed in time is only a pause or a hole.
Effect as_it_ends(Effect effect, const FaultSpec& fault, const Plan& plan);
/// What the plan would leave with that fault alone, `effect` being what it amounts to in the end.
std::optional<Expectation> single_outcome(const Plan& plan, const FaultSpec& fault, Effect effect);
/// `effects` are those of the plan's faults, in their order. Several: see combination.h.
std::optional<Expectation> expected_outcome(const Plan& plan, std::span<const Effect> effects);

}  // namespace migfuzz
