// World: both hosts, the network between them, the relay and the guest of one case. The seam
// between the director's decisions and every effect; one real implementation and one scripted.
//
// What faults may do to it is in breakable.h. Calls either act at once or start something whose
// outcome is later seen in sight(); nothing here waits except pump(), and pump() has a deadline.
// What must not happen throws InfraError.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/breakable.h"
#include "harness/core/history.h"
#include "harness/core/network_sight.h"
#include "harness/core/plan.h"
#include "harness/core/reached.h"
#include "harness/core/sight.h"
#include "harness/core/types.h"

namespace migfuzz {

/// A guest RAM image; valid as long as the world lives, and still when the host is dead.
using Image = Bytes;

/// Both hosts' own disks compared as the guest sees them, when the mirror had ended.
struct DiskPair {
  std::uint64_t bytes = 0, differing = 0, first_differing = 0;
};

/// What a host that is gone has left behind.
struct Remains {
  std::string guest_text, messages, transcript;
  HostTrace trace{};
  std::string stacks{};
};

class World : public Breakable {
 public:

  // --- life -------------------------------------------------------------------------------------
  /// From the next start of a host on, it traces what its migration does; see trace().
  virtual void trace_hosts() = 0;
  /// Brings both hosts up and the guest to its first heartbeat on the source.
  virtual void start() = 0;
  /// That channel will stand there until release(); once for each place, before migrate(). "" is
  /// the main channel; the points of side channels (on_side_channel) are found on those.
  virtual void arm(const Trigger& trigger, const std::string& channel) = 0;
  virtual void migrate() = 0;
  /// Lets what is behind that place flow again; one that was not reached yet will not hold.
  virtual void release(const Trigger& trigger, const std::string& channel) = 0;
  /// Handles what comes until `done()` or `until`; true when done. The only place that waits.
  virtual bool pump(const std::function<bool()>& done, Clock::time_point until) = 0;
  virtual Clock::time_point now() const = 0;
  virtual History& history() = 0;

  // --- what is known ----------------------------------------------------------------------------
  virtual Sight sight(Side host) const = 0;
  /// The main channel, or a side channel by its name; nothing has passed one that is not there.
  virtual ChannelSight channel(const std::string& name) const = 0;
  ChannelSight channel() const { return channel(""); }
  virtual std::optional<PagesAfterSwitch> pages_after_switch() const { return std::nullopt; }
  /// Passes over memory that the source has begun (MIGRATION_PASS).
  virtual std::uint32_t passes() const = 0;
  /// Asks both hosts for status and migration state; answers appear in sight().
  virtual void ask(Side host) = 0;
  /// When the newest question that has been answered was asked; the epoch when none has.
  virtual Clock::time_point last_answer(Side host) const = 0;
  /// Last moment at which anything moved: a byte, an event, a changed answer.
  virtual Clock::time_point last_progress() const = 0;
  /// For how long, in all, hosts and harness were ready to run and had no processor: on a machine
  /// that is busy elsewhere nobody's silence means what it says.
  virtual Clock::duration starved() const { return Clock::duration::zero(); }
  /// The guest's evidence channel of that host, as far as written.
  virtual std::string guest_text(Side host) const = 0;
  virtual Image image(Side host) const = 0;
  /// What the host's process traced so far; empty when it was not to.
  virtual HostTrace trace(Side host) const = 0;
  virtual std::string messages(Side host) const = 0;  // what the host's process printed
  virtual std::string transcript(
      Side host) const = 0;  // its management traffic, one line a message
  /// Keeps where every thread of a host's process stands now, under that heading: for a host that
  /// was waited for in vain. It stops the process for some milliseconds.
  virtual void keep_stacks(Side, std::string_view) {}
  /// What was kept of them so far.
  virtual std::string stacks(Side) const { return {}; }

  // --- what the arbiter may do -----------------------------------------------------------------
  virtual void continue_switchover() = 0;  // migrate-continue from pre-switchover
  virtual void cancel() = 0;               // migrate_cancel, in band
  virtual void yank(Side host) = 0;        // out of band
  virtual void start_postcopy() = 0;       // migrate-start-postcopy
  virtual void pause_channel(Side host) = 0;  // migrate-pause, out of band: post-copy only
  /// A new channel for a post-copy that is paused on both sides: migrate-recover, then `migrate`
  /// with resume. Places that were armed and not reached hold there, too.
  virtual void recover() = 0;
  virtual void resume(Side host) = 0;      // cont
  virtual void pause(Side host) = 0;       // stop
  virtual void quit(Side host) = 0;        // orderly end
  virtual void fence(Side host) = 0;       // kill; sight().dead proves it
  // --- the mirror of the disk, in a mode that has one (mode.h, mirrors_disk) -------------------
  /// The source begins to copy its disk onto the destination's, slowly, so that it can be met.
  virtual void start_mirror() {}
  /// As fast as it can from now on.
  virtual void hurry_mirror() {}
  /// Of a source that stands still: copies what is left and ends.
  virtual void end_mirror() {}
  /// Broken off whatever it waits for; nothing where there is none.
  virtual void abandon_mirror() {}
  /// The destination stops serving its disk, which it is about to run on.
  virtual void end_export() {}
  virtual MirrorSight mirror() const { return {}; }
  /// Both disks side by side while nobody writes; nothing when they cannot be read.
  virtual std::optional<DiskPair> compare_disks() { return std::nullopt; }
  /// A reader beside that host's QEMU begins to read a sector of the disk.
  virtual void read_storage(Side) {}
  /// What it was told; empty: it has read. Nothing: there is no answer yet.
  virtual std::optional<std::string> storage_answer(Side) { return ""; }

  // --- the file, in a mode that goes through one (mode.h, through_file) ------------------------
  /// A source that saves slowly, so that it can be met, saves as fast as the plan lets it.
  virtual void hurry_saving() {}
  /// The destination begins to load the file.
  virtual void load_file() {}

  /// Makes a decision durable before it is acted on.
  virtual void persist(std::string_view decision) = 0;
  /// Every decision that was persisted, oldest first, read back from where it lies.
  virtual std::vector<std::string> journal() const = 0;

  /// The arbiter's own failures. It decides about the world and is no part of it, so this is no
  /// effect but a note on the desk between a fault and whoever runs the arbiter.
  ArbiterSight& arbiter() { return arbiter_; }

  /// What clients and the switch have seen of the VM up to now; nothing: it is on no network.
  virtual std::optional<NetworkSight> network() { return std::nullopt; }
  virtual ClientSight client() const { return {}; }

  /// What is on the guest's disk, raw bytes whatever its format, once both hosts have ended; of
  /// that host, where each has its own. Nothing without a disk, or when the image cannot be read
  /// (the history says why).
  virtual std::optional<std::vector<std::byte>> disk(Side host) = 0;

  // --- a second migration ----------------------------------------------------------------------
  /// Brings up another destination, which is Side::destination from now on, at the host of the
  /// first, whose process must be dead, or at a fresh host in its place. New TCP channel through a
  /// relay without a trigger, every link and port up, empty journal, no limit of the bandwidth.
  virtual void start_again(bool fresh_host) = 0;
  /// The first destination, once there is a second one.
  virtual std::optional<Remains> first_destination() const = 0;

  // --- a new life ------------------------------------------------------------------------------
  /// Starts the VM from its disk in place of the destination, which is Side::destination from now
  /// on, and "restarted" in the history. Both processes must be dead.
  virtual void restart() {}

  // --- what only the canary may do -------------------------------------------------------------
  /// Sends what the VM sent last once more, from that host: somebody there still speaks for it.
  virtual void repeat_frame(Side) {}
  /// Overwrites a stretch of a host's RAM.
  virtual void poke(Side host, std::uint64_t gpa, Bytes bytes) = 0;

 private:
  ArbiterSight arbiter_;
};

}  // namespace migfuzz
