// World: both hosts, the network between them, the relay and the guest of one case. The seam
// between the director's decisions and every effect; one real implementation and one scripted.
//
// Calls either act at once or start something whose outcome is later seen in sight(); nothing here
// waits except pump(), and pump() has a deadline. What must not happen throws InfraError.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/failures.h"
#include "harness/core/history.h"
#include "harness/core/plan.h"
#include "harness/core/sight.h"
#include "harness/core/types.h"

namespace migfuzz {

/// A guest RAM image; valid as long as the world lives, and still when the host is dead.
using Image = Bytes;

/// What a host that is gone has left behind.
struct Remains {
  std::string guest_text, messages, transcript;
};

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
  /// When the newest question that has been answered was asked; the epoch when none has.
  virtual Clock::time_point last_answer(Side host) const = 0;
  /// Last moment at which anything moved: a byte, an event, a changed answer.
  virtual Clock::time_point last_progress() const = 0;
  /// The guest's evidence channel of that host, as far as written.
  virtual std::string guest_text(Side host) const = 0;
  virtual Image image(Side host) const = 0;
  virtual std::string messages(Side host) const = 0;  // what the host's process printed
  virtual std::string transcript(
      Side host) const = 0;  // its management traffic, one line a message

  // --- what the arbiter may do -----------------------------------------------------------------
  virtual void continue_switchover() = 0;  // migrate-continue from pre-switchover
  virtual void cancel() = 0;               // migrate_cancel, in band
  virtual void yank(Side host) = 0;        // out of band
  virtual void resume(Side host) = 0;      // cont
  virtual void pause(Side host) = 0;       // stop
  virtual void quit(Side host) = 0;        // orderly end
  virtual void fence(Side host) = 0;       // kill; sight().dead proves it
  /// Makes a decision durable before it is acted on.
  virtual void persist(std::string_view decision) = 0;
  /// Every decision that was persisted, oldest first, read back from where it lies.
  virtual std::vector<std::string> journal() const = 0;

  /// The arbiter's own failures. It decides about the world and is no part of it, so this is no
  /// effect but a note on the desk between a fault and whoever runs the arbiter.
  ArbiterSight& arbiter() { return arbiter_; }

  // --- what faults may do ----------------------------------------------------------------------
  virtual void kill(Side host) = 0;
  virtual void freeze(Side host) = 0;
  virtual void thaw(Side host) = 0;
  /// Every thread of the host stands still (read back from the kernel).
  virtual bool frozen(Side host) const = 0;
  virtual void set_port(Side host, bool forwarding) = 0;
  virtual bool port_forwarding(Side host) const = 0;  // read back
  virtual void set_link(Side host, bool up) = 0;
  virtual bool link_up(Side host) const = 0;  // read back: carrier
  /// The host answers a probe datagram sent from the switch.
  virtual bool reachable(Side host) const { return port_forwarding(host) && link_up(host); }
  /// Bytes sent towards or by that host that the other kernel has not acknowledged.
  virtual std::uint64_t unacknowledged_bytes(Side host) const = 0;
  /// Ends the channel towards that peer; Side::channel: towards both. Once; later calls do nothing.
  virtual void cut(Cut how, Side towards) = 0;
  /// What the relay does from now on to the bytes that go towards that host.
  virtual void set_stage(Side towards, const Stage& stage) = 0;
  /// Nothing past the hold leaves the source any more, whatever its kernel still has queued.
  virtual void seal_source() = 0;
  /// That peer has noticed the cut: its socket is no longer established.
  virtual bool cut_seen(Side host) const = 0;
  /// Flips one bit of the next owned page record after the trigger.
  virtual void corrupt_next_page(std::uint64_t which_bit) = 0;
  virtual std::optional<Flip> flip() const = 0;
  /// Flips one bit of the first byte behind the hold.
  virtual void corrupt_next_byte(unsigned bit) = 0;
  virtual std::optional<FrameFlip> frame_flip() const = 0;
  /// Filters the migration packets of that host's leg; nothing: all filters of that host go.
  virtual void set_filter(Side host, const std::optional<Filter>& filter) = 0;
  virtual FilterCounts filter_counts(Side host) const = 0;
  /// Queues at both ends of that host's leg; nothing: as the network was made.
  virtual void set_queueing(Side host, const std::optional<Queueing>& queueing) = 0;
  virtual QueueCounts queue_counts(Side host) const = 0;
  /// Makes TCP packets travel that host's leg both ways, without a byte of the stream: a window
  /// probe on the migration's connection, and connection attempts that nobody accepts.
  virtual void provoke(Side host) = 0;
  /// Ends that host's socket of the channel in its kernel.
  virtual void destroy_socket(Side host) = 0;

  // --- storage ---------------------------------------------------------------------------------
  /// Of one host; only the disk `nbd` has servers that can fail.
  virtual void break_storage(Side host, StorageFailure how) = 0;
  virtual void heal_storage(Side host) = 0;
  /// A third party takes (or gives back) the write lock of the image: disks `raw` and `qcow2`.
  virtual void lock_image(bool locked) = 0;
  virtual StorageSight storage(Side host) const = 0;
  /// What is on the guest's disk, raw bytes whatever its format, once both hosts have ended;
  /// nothing without a disk, or when the image cannot be read (the history says why).
  virtual std::optional<std::vector<std::byte>> disk() = 0;

  /// The manager's connections to that host end, and new ones are not served until
  /// restore_management().
  virtual void close_management(Side host) = 0;
  /// The proof of that: the host has closed its ends, and a new connection gets no greeting.
  virtual std::optional<std::string> management_shut_out(Side host) const = 0;
  /// The manager's connections to that host stay open, nothing passes until restore_management().
  virtual void silence_management(Side host) = 0;
  /// For how long the oldest question to that host has had no answer.
  virtual Milliseconds management_unanswered(Side host) const = 0;
  /// Undoes both; what happened meanwhile was not heard. Harmless at any time.
  virtual void restore_management(Side host) = 0;

  // --- what faults may do before start() ------------------------------------------------------
  /// The destination is configured unlike the source: it has less of that, or something more.
  virtual void mismatch(Mismatch what, bool more) = 0;
  /// Nobody listens where the source will connect to.
  virtual void without_listener() = 0;

  // --- a second migration ----------------------------------------------------------------------
  /// Brings up another destination, which is Side::destination from now on, at the host of the
  /// first, whose process must be dead, or at a fresh host in its place. New TCP channel through a
  /// relay without a trigger, every link and port up, empty journal, no limit of the bandwidth.
  virtual void start_again(bool fresh_host) = 0;
  /// The first destination, once there is a second one.
  virtual std::optional<Remains> first_destination() const = 0;

  // --- what only the canary may do -------------------------------------------------------------
  /// Overwrites a stretch of a host's RAM.
  virtual void poke(Side host, std::uint64_t gpa, Bytes bytes) = 0;

 private:
  ArbiterSight arbiter_;
};

}  // namespace migfuzz
