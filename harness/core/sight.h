// What can be seen of a world: the states of both hosts, the channel, and what a fault did to it.
// Values only. The enums are QEMU's own (qapi), complete up to 10.2: a word that is not among them
// is an error of this harness, never "finished".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "harness/core/impairment.h"
#include "harness/core/point.h"

namespace migfuzz {

/// QEMU's MigrationStatus (qapi/migration.json), all values up to 10.2. `unknown`: not heard yet.
enum class MigrationStatus {
  unknown,
  none,
  setup,
  cancelling,
  cancelled,
  active,
  postcopy_active,
  postcopy_paused,
  postcopy_recover,
  postcopy_recover_setup,
  completed,
  failed,
  colo,
  pre_switchover,
  device,
  wait_unplug,
  postcopy_device
};
/// QEMU's RunState (qapi/run-state.json). `unknown`: not heard yet.
enum class RunState {
  unknown,
  debug,
  inmigrate,
  internal_error,
  io_error,
  paused,
  postmigrate,
  prelaunch,
  finish_migrate,
  restore_vm,
  running,
  save_vm,
  shutdown,
  suspended,
  watchdog,
  guest_panicked,
  colo
};
std::string_view to_string(MigrationStatus status);
std::string_view to_string(RunState state);
/// Empty when QEMU says a word this harness does not know: an error, never "finished".
std::optional<MigrationStatus> migration_status_from(std::string_view word);
std::optional<RunState> run_state_from(std::string_view word);

/// How a process ended. `signal` is 0 for an ordinary exit.
struct Ending {
  int code = 0;
  int signal = 0;
  bool operator==(const Ending&) const = default;
};

/// What the arbiter knows of a host, from replies and events only; and whether it is proved dead.
struct Sight {
  bool dead = false;    // the process is gone: proved by its pidfd
  bool answers = true;  // false: a question has been open for half the plan's patience
  MigrationStatus migration = MigrationStatus::unknown;
  RunState run = RunState::unknown;
  std::string error;  // query-migrate's error-desc
  std::optional<Ending> ending;
  std::uint32_t regained = 0;  // how often the manager's lost connection to it came back
  bool operator==(const Sight&) const = default;
};

/// One channel of the migration as the relay sees it. Counts are bytes since it opened.
struct ChannelSight {
  bool open = false;     // both ends connected
  bool holding = false;  // stands at an armed trigger with everything before it written
  std::vector<Trigger> held;  // those at which it stands now
  std::uint64_t received = 0, forwarded = 0;            // source to destination
  std::uint64_t back_received = 0, back_forwarded = 0;  // return path
  bool eof_forwarded = false;  // QEMU_VM_EOF has been written to the destination
  bool source_closed = false, destination_closed = false;  // that peer's end was seen closed
  std::string failure;                                     // the stream could not be parsed: reason
  Pace pace, back_pace;  // since a stage was set: towards the destination, towards the source
};

/// Pages that a post-copy's source sent on the main channel once it had stopped; of them: again.
struct PagesAfterSwitch {
  std::uint64_t sent = 0, again = 0;
};

/// The mirror of the source's disk onto the destination's, as the source's monitor told it.
struct MirrorSight {
  enum class State {
    none,
    starting,  // the source was told to connect to the destination's disk
    running,   // it copies
    ready,     // it has caught up, and every write of the guest goes to both disks from now on
    ending,    // it was told to end once both disks are equal
    ended,     // they were, and it is gone
    failed     // it is gone, or was given up, before that
  };
  State state = State::none;
  std::string why;  // it failed: QEMU's words
  bool operator==(const MirrorSight&) const = default;
};
std::string_view to_string(MirrorSight::State state);

/// The running manager: what a fault asks of it, and what was seen meanwhile. The fault writes the
/// first two, whoever runs the arbiter obeys and reports the others.
struct ArbiterSight {
  enum class State {
    decides,
    pauses,  // takes no decision, and goes on later with what it had
    gone     // whatever it knew is forgotten; a new one starts from the journal alone
  };
  State wanted = State::decides;
  std::size_t journal_entries = 0;  // of the journal, when it was stopped
  bool exists = true;               // an arbiter is in memory
  std::string due;  // what one would have done at a moment at which nothing was; empty: nothing yet
};

}  // namespace migfuzz
