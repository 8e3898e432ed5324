// Breakable: what faults may do to the parts of a world, and how the effect is read back.
//
// The half of World that fault kinds use. A call that breaks something acts at once; a question
// reads what the kernel, the relay or QEMU says now, because a call that returned proves nothing.
// What must not happen throws InfraError.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/core/failures.h"
#include "harness/core/types.h"

namespace migfuzz {

class Breakable {
 public:
  virtual ~Breakable() = default;

  // --- processes -------------------------------------------------------------------------------
  virtual void kill(Side host) = 0;
  virtual void freeze(Side host) = 0;
  virtual void thaw(Side host) = 0;
  /// Every thread of the host stands still (read back from the kernel).
  virtual bool frozen(Side host) const = 0;

  // --- the migration channel -------------------------------------------------------------------
  // `channel` as in FaultSpec: "" is the main one. What is done to a side channel that has not
  // connected yet is done as soon as it has; the other channels are left alone.
  /// Ends the channel towards that peer; Side::channel: towards both. Once; later calls do nothing.
  virtual void cut(Cut how, Side towards, const std::string& channel) = 0;
  /// What the relay does from now on to the bytes that go towards that host.
  virtual void set_stage(Side towards, const Stage& stage, const std::string& channel) = 0;
  /// Nothing past the hold leaves the source any more, whatever its kernel still has queued; on no
  /// channel.
  virtual void seal_source() = 0;
  /// That peer has noticed the cut: its socket is no longer established.
  virtual bool cut_seen(Side host, const std::string& channel) const = 0;
  /// Flips one bit of the next owned page record after the trigger.
  virtual void corrupt_next_page(std::uint64_t which_bit) = 0;
  virtual std::optional<Flip> flip() const = 0;
  /// Flips one bit of the first byte behind the hold.
  virtual void corrupt_next_byte(unsigned bit, const std::string& channel) = 0;
  /// The same of a byte that comes so many later, of the main channel.
  virtual void corrupt_later_byte(std::uint64_t bytes_later, unsigned bit) = 0;
  virtual std::optional<FrameFlip> frame_flip() const = 0;

  // --- the network -----------------------------------------------------------------------------
  virtual void set_port(Side host, bool forwarding) = 0;
  virtual bool port_forwarding(Side host) const = 0;  // read back
  virtual void set_link(Side host, bool up) = 0;
  virtual bool link_up(Side host) const = 0;  // read back: carrier
  /// The host answers a probe datagram sent from the switch.
  virtual bool reachable(Side host) const { return port_forwarding(host) && link_up(host); }
  /// Bytes sent towards or by that host that the other kernel has not acknowledged.
  virtual std::uint64_t unacknowledged_bytes(Side host) const = 0;
  /// Filters the migration packets of that host's leg; nothing: all filters of that host go.
  virtual void set_filter(Side host, const std::optional<Filter>& filter) = 0;
  virtual FilterCounts filter_counts(Side host) const = 0;
  /// Queues at both ends of that host's leg; nothing: as the network was made.
  virtual void set_queueing(Side host, const std::optional<Queueing>& queueing) = 0;
  virtual QueueCounts queue_counts(Side host) const = 0;
  /// TCP packets travel that host's leg both ways: a window probe, connections nobody accepts.
  virtual void provoke(Side host) = 0;
  /// Ends that host's sockets of the migration in its kernel, those of every channel.
  virtual void destroy_socket(Side host) = 0;

  /// A third party connects to the destination's incoming port, past the relay.
  virtual void intrude(const Intrusion& stranger) = 0;
  virtual IntrusionSight intrusion() const = 0;

  /// That host's cable to the VM's clients; read back, nothing: the VM is on no network.
  virtual void set_guest_link(Side /*host*/, bool /*up*/) {}
  virtual std::optional<bool> guest_link_up(Side /*host*/) const { return std::nullopt; }

  // --- storage ---------------------------------------------------------------------------------
  /// Of one host; only the disk `nbd` has servers that can fail.
  virtual void break_storage(Side host, StorageFailure how) = 0;
  virtual void heal_storage(Side host) = 0;
  /// A third party takes (or gives back) the write lock of the image: disks `raw` and `qcow2`.
  virtual void lock_image(bool locked) = 0;
  virtual StorageSight storage(Side host) const = 0;
  /// The connection of the disk's mirror (a mode that has one) is reset towards both hosts.
  virtual void cut_mirror() {}
  /// Nothing passes on it, and it stays open, until it is told otherwise.
  virtual void stall_mirror(bool /*stalled*/) {}
  virtual MirrorPathSight mirror_path() const { return {}; }
  /// Somebody else tells the destination to stop serving its disk (nbd-server-stop).
  virtual void stop_disk_server() {}
  /// No byte more fits on the file system of the destination's own disk; or it has room again.
  virtual void fill_destination_disk(bool /*full*/) {}
  /// What a third party is told that writes one byte more there; empty: it is written.
  virtual std::string destination_disk_refusal() const { return ""; }

  // --- the file, in a mode that goes through one -----------------------------------------------
  /// No byte more fits on its file system; or it has room again.
  virtual void fill_file(bool /*full*/) {}
  /// What a third party is told that writes one byte more there; empty: it is written.
  virtual std::string file_refusal() const { return ""; }
  /// Somebody cuts it off; `where` is a parameter of `file-short`.
  virtual void cut_file(std::uint64_t /*where*/) {}
  /// Flips that bit of a page in the file that the guest owns; flip() tells which.
  virtual void corrupt_file(std::uint64_t /*which_bit*/) {}
  virtual std::optional<FileCut> file_cut() const { return std::nullopt; }

  // --- the management channel ------------------------------------------------------------------
  /// The manager's connections to that host end; new ones wait for restore_management().
  virtual void close_management(Side host) = 0;
  /// The proof of that: the host has closed its ends, and a new connection gets no greeting.
  virtual std::optional<std::string> management_shut_out(Side host) const = 0;
  /// The manager's connections to that host stay open, nothing passes until restore_management().
  virtual void silence_management(Side host) = 0;
  /// For how long the oldest question to that host has had no answer.
  virtual Milliseconds management_unanswered(Side host) const = 0;
  /// Undoes both; what happened meanwhile was not heard. Harmless at any time.
  virtual void restore_management(Side host) = 0;
  /// After that: the host has taken the manager's new connections, or has ended.
  virtual bool management_restored(Side host) const = 0;

  // --- before the hosts are started ------------------------------------------------------------
  /// The destination is configured unlike the source: it has less of that, or something more.
  virtual void mismatch(Mismatch what, bool more) = 0;
  /// That host's credentials are such that the other one must not trust it.
  virtual void distrust(Side host, Distrust how) = 0;
  /// Nobody listens where the source will connect to.
  virtual void without_listener() = 0;
};

}  // namespace migfuzz
