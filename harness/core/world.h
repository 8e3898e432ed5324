// World: both hosts, the network between them, the relay and the guest of one case. The seam
// between the director's decisions and every effect; one real implementation and one scripted.
//
// Calls either act at once or start something whose outcome is later seen in sight(); nothing here
// waits except pump(), and pump() has a deadline. What must not happen throws InfraError.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "harness/core/history.h"
#include "harness/core/plan.h"
#include "harness/core/types.h"

namespace migfuzz {

/// QEMU's MigrationStatus (qapi/migration.json), all values up to 10.2. `unknown`: not heard yet.
enum class MigrationStatus {
  unknown, none, setup, cancelling, cancelled, active, postcopy_active, postcopy_paused,
  postcopy_recover, postcopy_recover_setup, completed, failed, colo, pre_switchover, device,
  wait_unplug, postcopy_device
};
/// QEMU's RunState (qapi/run-state.json). `unknown`: not heard yet.
enum class RunState {
  unknown, debug, inmigrate, internal_error, io_error, paused, postmigrate, prelaunch,
  finish_migrate, restore_vm, running, save_vm, shutdown, suspended, watchdog, guest_panicked, colo
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
  bool dead = false;           // the process is gone: proved by its pidfd
  bool answers = true;         // false: a question has been open for half the plan's patience
  MigrationStatus migration = MigrationStatus::unknown;
  RunState run = RunState::unknown;
  std::string error;           // query-migrate's error-desc
  std::optional<Ending> ending;
  bool operator==(const Sight&) const = default;
};

/// The migration channel as the relay sees it. Counts are bytes since the channel opened.
struct ChannelSight {
  bool open = false;            // both ends connected
  bool holding = false;         // stands at the armed trigger with everything before it written
  std::uint64_t received = 0, forwarded = 0;            // source to destination
  std::uint64_t back_received = 0, back_forwarded = 0;  // return path
  bool eof_forwarded = false;   // QEMU_VM_EOF has been written to the destination
  bool source_closed = false, destination_closed = false;  // that peer's end was seen closed
  std::string failure;          // the stream could not be parsed: reason
};

/// How a cut looks to the peers. reset: RST to both; close: FIN to both; truncate: the destination
/// sees FIN at the point while what the source still sends vanishes.
enum class Cut { reset, close, truncate };

/// The byte that `corrupt` changed.
struct Flip {
  std::uint64_t gpa = 0;       // of the byte
  std::uint64_t offset = 0;    // in the stream
  unsigned bit = 0;
  bool forwarded = false;      // the changed byte has been written to the destination
};

/// A guest RAM image; valid as long as the world lives, and still when the host is dead.
using Image = Bytes;

class World {
 public:
  virtual ~World() = default;

  // --- life -------------------------------------------------------------------------------------
  /// Brings both hosts up and the guest to its first heartbeat on the source.
  virtual void start() = 0;
  virtual void arm(const Trigger& trigger) = 0;
  virtual void migrate() = 0;
  /// Lets everything behind the hold flow again.
  virtual void release() = 0;
  /// Handles what comes until `done()` or `until`; true when done. The only place that waits.
  virtual bool pump(const std::function<bool()>& done, Clock::time_point until) = 0;
  virtual Clock::time_point now() const = 0;
  virtual History& history() = 0;

  // --- what is known ----------------------------------------------------------------------------
  virtual Sight sight(Side host) const = 0;
  virtual ChannelSight channel() const = 0;
  /// Asks both hosts for status and migration state; answers appear in sight().
  virtual void ask(Side host) = 0;
  /// Last moment at which anything moved: a byte, an event, a changed answer.
  virtual Clock::time_point last_progress() const = 0;
  /// The guest's evidence channel of that host, as far as written.
  virtual std::string guest_text(Side host) const = 0;
  virtual Image image(Side host) const = 0;
  virtual std::string messages(Side host) const = 0;    // what the host's process printed
  virtual std::string transcript(Side host) const = 0;  // its management traffic, one line a message

  // --- what the arbiter may do --------------------------------------------------------------------
  virtual void continue_switchover() = 0;  // migrate-continue from pre-switchover
  virtual void cancel() = 0;               // migrate_cancel, in band
  virtual void yank(Side host) = 0;        // out of band
  virtual void resume(Side host) = 0;      // cont
  virtual void pause(Side host) = 0;       // stop
  virtual void quit(Side host) = 0;        // orderly end
  virtual void fence(Side host) = 0;       // kill; sight().dead proves it
  /// Makes a decision durable before it is acted on.
  virtual void persist(std::string_view decision) = 0;

  // --- what faults may do -------------------------------------------------------------------------
  virtual void kill(Side host) = 0;
  virtual void freeze(Side host) = 0;
  virtual void thaw(Side host) = 0;
  /// Every thread of the host stands still (read back from the kernel).
  virtual bool frozen(Side host) const = 0;
  virtual void set_port(Side host, bool forwarding) = 0;
  virtual bool port_forwarding(Side host) const = 0;  // read back
  virtual void set_link(Side host, bool up) = 0;
  virtual bool link_up(Side host) const = 0;          // read back: carrier
  /// The host answers a probe datagram sent from the switch.
  virtual bool reachable(Side host) const { return port_forwarding(host) && link_up(host); }
  /// Bytes sent towards or by that host that the other kernel has not acknowledged.
  virtual std::uint64_t unacknowledged_bytes(Side host) const = 0;
  virtual void cut(Cut how) = 0;
  /// Nothing past the hold leaves the source any more, whatever its kernel still has queued.
  virtual void seal_source() = 0;
  /// That peer has noticed the cut: its socket is no longer established.
  virtual bool cut_seen(Side host) const = 0;
  /// Flips one bit of the next owned page record after the trigger.
  virtual void corrupt_next_page(std::uint64_t which_bit) = 0;
  virtual std::optional<Flip> flip() const = 0;

  // --- what only the canary may do ----------------------------------------------------------------
  /// Overwrites a stretch of a host's RAM.
  virtual void poke(Side host, std::uint64_t gpa, Bytes bytes) = 0;
};

}  // namespace migfuzz
