// One fault of a plan on its way: it waits for its point, strikes, is proved, is healed.
//
// It knows its own stages, deadline and proof, and nothing of other faults: which of them may
// strike now, and when the channel flows again, is decided in fault_runs.h. Everything that it
// does becomes an event of the history; where a plan has several faults each event says whose it
// is.
#pragma once

#include <optional>

#include "harness/core/fault.h"
#include "harness/core/world.h"

namespace migfuzz {

/// How long the effect of a fault may take to be observable.
inline constexpr Milliseconds kDeliveryLimit{5000};

class FaultRun {
 public:
  enum class Stage {
    waiting,    // for its point
    injected,   // its effect is not proved yet
    delivered,  // proved; in force, unless it was healed
    missed      // its point was given up, or its effect was not seen in time
  };

  /// `index`: its place in the plan; nothing where it is the only one.
  FaultRun(World& world, const FaultSpec& spec, const FaultKind& kind,
           std::optional<std::size_t> index);

  /// Before the migration starts: the relay learns where to stand.
  void arm();
  void inject();
  /// Looks for the proof and heals when it is time; true when something was done.
  bool step();
  /// At any time, as often as wanted; only the first time counts. A fault that is never healed
  /// stays.
  void heal();
  /// Its point will not be waited for any more.
  void give_up();
  /// The time for its proof begins now: what it hits has only just begun.
  void restart_deadline() {
    if (unproved()) injected_at_ = world_.now();
  }

  const FaultSpec& spec() const { return spec_; }
  const FaultKind& kind() const { return kind_; }
  Stage stage() const { return stage_; }
  bool waiting() const { return stage_ == Stage::waiting; }
  bool unproved() const { return stage_ == Stage::injected; }
  bool delivered() const { return stage_ == Stage::delivered; }
  bool struck() const { return injected_at_ != Clock::time_point{}; }
  /// It has struck, and its heal is still to come.
  bool to_be_healed() const;
  /// What it hit may be hit again: it has not struck, stays for ever, or its heal has worked.
  bool over() const;
  /// The channel need not stand at its point any more because of it.
  bool lets_flow() const { return lets_flow_; }
  /// Its point is a place of the stream, at which the channel stands.
  bool holds_channel() const;
  /// The channel that stands there.
  std::string channel() const { return standing_channel(spec_); }
  /// Not a byte has passed that channel since it struck.
  bool struck_here() const;
  /// When it last did something; the epoch: nothing yet.
  Clock::time_point acted() const { return acted_; }

 private:
  void note(std::string_view name, Fields fields);
  void prove(const std::string& proof);
  Flow flow() const;

  World& world_;
  const FaultSpec& spec_;
  const FaultKind& kind_;
  const std::optional<std::size_t> index_;
  Stage stage_ = Stage::waiting;
  bool healed_ = false, lets_flow_ = false;
  std::uint64_t forwarded_ = 0, back_forwarded_ = 0;  // of channel(), when it struck
  Clock::time_point injected_at_{}, delivered_at_{}, acted_{};
};

}  // namespace migfuzz
