// Pacing: how many bytes of one direction may pass the relay now, and when to ask again.
//
// It sees no byte and drops none; it counts. Time comes from outside, so it can be tested without
// waiting. Offsets are bytes of the direction since the channel opened.
#pragma once

#include <deque>
#include <optional>

#include "harness/core/impairment.h"
#include "harness/core/types.h"

namespace migfuzz {

class Pacing {
 public:
  /// From now on `stage` holds. What has arrived but not passed is treated as arriving now.
  void set(const Stage& stage, std::uint64_t passed, std::uint64_t arrived, Clock::time_point now);
  /// Bytes up to `offset` have arrived.
  void arrived(std::uint64_t offset, Clock::time_point now);
  /// Bytes up to `offset` have passed.
  void passed(std::uint64_t offset, Clock::time_point now);
  /// The acknowledgement begins at `offset`.
  void acknowledgement(std::uint64_t offset) { acknowledgement_ = offset; }

  /// The offset up to which bytes may pass now.
  std::uint64_t limit(Clock::time_point now);
  /// When the limit rises without anything arriving, as far as that is known.
  std::optional<Clock::time_point> next(Clock::time_point now) const;
  /// True while not even the end of the direction may pass.
  bool stands() const;
  Pace pace(Clock::time_point now) const;

 private:
  struct Chunk {
    std::uint64_t end;
    Clock::time_point since;
  };
  void earn(Clock::time_point now);

  Stage stage_;
  std::uint64_t begin_ = 0, passed_ = 0, arrived_ = 0;
  std::optional<std::uint64_t> acknowledgement_;
  Clock::time_point set_at_{}, earned_at_{};
  double credit_bytes_ = 0;    // what may pass at once under bytes_per_s_max
  std::deque<Chunk> waiting_;  // what arrived when, oldest first
  std::optional<Clock::duration> shortest_wait_;
};

}  // namespace migfuzz
