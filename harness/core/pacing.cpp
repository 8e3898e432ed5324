#include "harness/core/pacing.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace migfuzz {
namespace {

constexpr double kBurstSeconds = 0.01;  // what may pass at once: small beside every hole we make
constexpr Milliseconds kTurn{5};        // a slow direction moves as often
constexpr auto kAll = std::numeric_limits<std::uint64_t>::max();

double milliseconds(Clock::duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

}  // namespace

void Pacing::set(const Stage& stage, std::uint64_t passed, std::uint64_t arrived,
                 Clock::time_point now) {
  stage_ = stage;
  begin_ = passed_ = passed;
  arrived_ = arrived;
  set_at_ = earned_at_ = now;
  credit_bytes_ = 0;
  shortest_wait_.reset();
  waiting_.clear();
  if (arrived > passed) waiting_.push_back({arrived, now});
}

void Pacing::arrived(std::uint64_t offset, Clock::time_point now) {
  arrived_ = offset;
  if (stage_ != Stage{}) waiting_.push_back({offset, now});
}

void Pacing::passed(std::uint64_t offset, Clock::time_point now) {
  const auto before = std::exchange(passed_, offset);
  credit_bytes_ -= static_cast<double>(offset - before);
  auto begin = before;
  while (!waiting_.empty() && begin < offset) {
    const auto wait = now - waiting_.front().since;
    shortest_wait_ = std::min(shortest_wait_.value_or(wait), wait);
    begin = waiting_.front().end;
    if (begin > offset) return;  // a part of it still waits
    waiting_.pop_front();
  }
}

void Pacing::earn(Clock::time_point now) {
  const auto rate = static_cast<double>(stage_.bytes_per_s_max);
  const double seconds = std::chrono::duration<double>(now - earned_at_).count();
  credit_bytes_ = std::min(credit_bytes_ + seconds * rate, std::max(1.0, rate * kBurstSeconds));
  earned_at_ = now;
}

std::uint64_t Pacing::limit(Clock::time_point now) {
  if (stage_.stands) return begin_;
  auto limit = kAll;
  if (stage_.stands_at_acknowledgement && acknowledgement_) limit = *acknowledgement_;
  if (stage_.bytes_per_s_max != 0) {
    earn(now);
    limit = std::min(limit, passed_ + static_cast<std::uint64_t>(std::max(0.0, credit_bytes_)));
  }
  if (stage_.delay_ms != 0) {
    auto due = passed_;
    for (const auto& chunk : waiting_)
      if (chunk.since + Milliseconds(stage_.delay_ms) <= now) due = chunk.end;
    limit = std::min(limit, due);
  }
  return limit;
}

std::optional<Clock::time_point> Pacing::next(Clock::time_point now) const {
  if (stage_.stands || arrived_ <= passed_) return std::nullopt;
  if (stage_.bytes_per_s_max != 0) return now + kTurn;
  if (stage_.delay_ms == 0 || waiting_.empty()) return std::nullopt;
  return std::max(now, waiting_.front().since + Milliseconds(stage_.delay_ms));
}

bool Pacing::stands() const {
  return stage_.stands || (stage_.stands_at_acknowledgement && acknowledgement_);
}

Pace Pacing::pace(Clock::time_point now) const {
  Pace pace;
  pace.passed_bytes = passed_ - begin_;
  pace.waiting_bytes = arrived_ - passed_;
  pace.since_ms = milliseconds(now - set_at_);
  if (shortest_wait_) pace.shortest_wait_ms = milliseconds(*shortest_wait_);
  return pace;
}

}  // namespace migfuzz
