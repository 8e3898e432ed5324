// Checker: a pure claim about a finished case. (Plan, History, Evidence) in, findings out.
//
// A checker states `pass` with its proof, or what is broken with a stable symptom. It never looks
// at the machine. One that throws makes the case `infra`: nothing checked is never a pass.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/core/guest.h"
#include "harness/core/history.h"
#include "harness/core/outcome.h"
#include "harness/core/plan.h"
#include "harness/core/verdict.h"
#include "harness/core/world.h"

namespace migfuzz {

/// What was kept of one host.
struct HostEvidence {
  std::string guest_text;         // debugcon of this host, whole
  Sight at_settle;                // when the arbiter was done
  std::optional<ImageExam> exam;  // of its image, when it stood still for the last time
  std::optional<Ending> ending;   // nothing: it was still alive at teardown and refused to end
  bool frozen = false;            // every thread stood still by the plan when the case ended
  bool ended_by_plan = false;     // killed by a fault, by fencing, or by teardown after a hang
  bool ended_by_fault = false;    // of these, by a fault
  std::string messages;           // its stderr
};

/// Comparison of both images between "source completed" and "destination runs".
struct PairEvidence {
  std::uint64_t pages = 0;
  std::uint64_t differing = 0;
  std::vector<std::uint64_t> first_differing_gpa;  // at most 16
};

/// One look at the guest's clock, in the order in which they were taken.
struct ClockReading {
  std::string host;        // as an actor of the history
  std::int64_t at_ns = 0;  // on the history's clock
  GuestClock guest;
};

/// A second migration, of a source that ran on after the first.
struct RetryEvidence {
  std::string to;       // "the same host", "a fresh host"
  std::string refused;  // what the source answered to `migrate`, if it refused
  bool settled = false;
  std::string settle_note;
  HostEvidence destination;  // the second one
  std::uint64_t beats_after_settle_source = 0, beats_after_settle_destination = 0;
  std::optional<PairEvidence> pair;
  std::optional<ImageExam> exam_at_switch;
  std::optional<std::string> records_disagree;  // as in Evidence, for the second migration
  std::optional<DiskPair> disks;                // likewise
};

/// A VM that nobody ran any more, started again from its disk by a manager.
struct RestartEvidence {
  std::string why;         // what it was started again for
  bool refused = false;    // it should have been, and could not: `why` says so
  HostEvidence host;
  GuestRecords records;    // of its new life
  std::uint64_t beats = 0;
};

/// What a client and the switch saw, from the guest's beginning until the survivor was examined.
struct NetworkEvidence {
  struct Frame {
    Side from = Side::source;
    std::int64_t at_ns = 0;  // on the history's clock
    VmFrame::Kind kind = VmFrame::Kind::traffic;
  };
  ClientSight client;
  std::vector<Frame> frames;
  std::optional<Side> place;
  std::uint64_t frames_lost = 0;
  /// Of a survivor: it answered again after the arbiter was done.
  bool pinged_again = false, echoed_again = false;
  std::string unheard;  // why nobody could be asked to answer again; empty: it was asked
};

struct Evidence {
  HostEvidence source, destination;
  std::optional<PairEvidence> pair;
  std::optional<ImageExam> exam_at_switch;  // destination's image, before it first ran
  /// Of a snapshot: the steps between which it was taken.
  std::optional<std::pair<std::uint64_t, std::uint64_t>> snapshot_steps;
  std::optional<Flip> flip;
  bool settled = false;     // the arbiter reached `done` in time
  std::string settle_note;  // what it waited for, when not
  std::uint64_t beats_after_settle_source = 0, beats_after_settle_destination = 0;
  /// Why the records cannot belong to the survivor's last image; nothing when they can.
  std::optional<std::string> records_disagree;
  GuestRecords records;          // the records in the order in which the hosts owned the guest
  std::optional<DiskExam> disk;  // what the disk held in the end; nothing: the case had none
  std::optional<DiskPair> disks;  // a mirrored disk: both, when the mirror had ended
  bool disk_kept = true;         // false: the plan's failure took the disk's contents along
  std::vector<ClockReading> clock;
  std::optional<NetworkEvidence> network;  // of a guest that speaks on one
  std::optional<RetryEvidence> retry;  // tried where the source was the survivor
  std::optional<RestartEvidence> restart;  // by the plan's policy
  std::optional<PagesAfterSwitch> pages_after_switch;  // post-copy, plain pages only
  std::string blocked;  // QEMU will not migrate this VM: its words
  /// The guest was told of the migration, and how long it took to answer; nothing: it was not told.
  /// Negative: it has not answered.
  std::optional<Milliseconds> notice;
  bool delivered = false;
  Expectation expected;
};

/// Nobody runs the VM any more, and the first migration was the last.
inline bool is_lost(const Evidence& e) {
  const auto gone = [](const HostEvidence& host) { return host.at_settle.dead || host.frozen; };
  return e.settled && !e.retry && gone(e.source) && gone(e.destination);
}

class Checker {
 public:
  virtual ~Checker() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view claim() const = 0;  // one sentence
  virtual std::vector<Finding> check(const Plan& plan, const History& history,
                                     const Evidence& evidence) const = 0;
};

}  // namespace migfuzz
