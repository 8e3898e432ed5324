// Protocol: the manager's rules of who may run. A pure function from what is known to what to do.
//
// decide() is called whenever something changed. It has no memory of its own: what it decided
// before comes back in the Situation, as an arbiter that restarts would read it from its journal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "harness/core/world.h"

namespace migfuzz {

enum class Action {
  wait,
  continue_switchover,  // the source stands at pre-switchover: go on
  cancel,               // migrate_cancel on the source
  yank_source,
  yank_destination,  // close a host's migration channel, out of band
  fence_source,
  fence_destination,
  hand_over,  // journal entry: the destination owns the VM from now on
  take_back,  // journal entry: the source owns the VM from now on
  ask_destination,  // query-status: its answer proves that it still lives and listens
  run_source,
  run_destination,  // cont
  discard_source,   // orderly quit of the source, which has lost
  start_postcopy,     // migrate-start-postcopy: the rest of memory follows the VM
  pause_source,
  pause_destination,  // migrate-pause, out of band: give the channel up, keep what has arrived
  load_file,          // migrate-incoming file:…: the destination loads what the source has saved
  recover,            // migrate-recover and `migrate` with resume: a new channel
  give_up,            // both hosts answer, neither moves, and nothing is left that could be tried
  done              // settled: nothing is left to decide
};
std::string_view to_string(Action action);  // the word in the journal: "hand-over"
std::optional<Action> action_from(std::string_view word);

/// The journal, as persisted: at most one owner is ever written after the start.
struct Journal {
  bool handed_over = false;
  bool taken_back = false;
  bool cancelled = false;  // cancel was tried
  bool yanked_source = false, yanked_destination = false;  // since the last recovery
  bool continued = false;                            // migrate-continue was sent
  bool started_postcopy = false;                     // migrate-start-postcopy was sent
  bool paused_source = false, paused_destination = false;  // since the last recovery
  bool paused_again = false;                               // after its channel was shut
  bool loading = false;                              // migrate-incoming was sent for the file
  bool asked_destination = false;                    // since the hand-over
  bool ran_source = false, ran_destination = false;  // cont was sent
  bool operator==(const Journal&) const = default;
};

struct Situation {
  Sight source, destination;
  Milliseconds quiet{0};         // since anything moved or the last action was taken
  Milliseconds since_action{0};  // since the last action was taken
  Milliseconds patience{0};      // of the plan
  /// The destination has answered a question that was asked after the last action.
  bool destination_fresh = false;
  bool postcopy = false;    // the mode of the plan can do it
  bool switch_due = false;  // its pre-copy rounds are over
  bool through_file = false;  // the destination loads a file when the source has saved it
  bool snapshot = false;      // nobody hands over: the source runs on
  /// `migrate` was sent. Until then the disk is mirrored, in a mode that does so.
  bool begun = true;
  MirrorSight mirror;
  std::string refused;  // nobody will migrate this VM: why, in whose words; empty: nobody said so
  Journal journal;
};

struct Decision {
  Action action = Action::wait;
  std::string why;  // one clause, for the history
};

class Protocol {
 public:
  virtual ~Protocol() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view summary() const = 0;
  virtual bool destination_starts_paused() const = 0;  // -S
  virtual bool pause_before_switchover() const = 0;
  /// The disk that shows best what the protocol is known for (a word of kDisks): taken where the
  /// user names none.
  virtual std::string_view disk() const { return "raw"; }
  virtual Decision decide(const Situation& situation) const = 0;
};

/// The journal after `action` has been written to it.
Journal record(Journal journal, Action action);

}  // namespace migfuzz
