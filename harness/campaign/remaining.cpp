#include "harness/campaign/remaining.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/core/error.h"

namespace migfuzz {

Remaining::Remaining(CaseSource& inner, const Shard& shard, Drawing& drawing, Output& output,
                     std::function<bool()> time_left)
    : inner_(inner),
      shard_(shard),
      drawing_(drawing),
      output_(output),
      time_left_(std::move(time_left)) {}

// Results that this source has not drawn (controls, under another one) are passed over.
void Remaining::teach(std::uint64_t most) {
  most = std::min<std::uint64_t>(most, output_.results().size());
  for (; taught_ < most; ++taught_) {
    const auto found = untaught_.find(output_.keys()[taught_]);
    if (found == untaught_.end()) continue;
    inner_.learn(found->second, output_.results()[taught_]);
    untaught_.erase(found);
  }
}

std::optional<PlannedCase> Remaining::next() {
  while (time_left_()) {
    // Draws that were another shard's have no record: they were made together with the next own.
    const auto& drawn = output_.drawn();
    const auto before = drawn.lower_bound(drawing_.ordinal);
    teach(before == drawn.end() ? UINT64_MAX : before->second.learned);
    auto one = inner_.next();
    if (!one) return std::nullopt;
    one->key = drawing_.keys.next(one->plan);
    const auto ordinal = drawing_.ordinal++;
    if (before != drawn.end() && before->first == ordinal && before->second.key != one->key)
      throw UsageError(fmt::format(
          "--resume: case {} is {} now and was {} when {} was begun: something that "
          "decides the cases is not what it was; start a new run",
          ordinal + 1, case_id(one->plan), case_id(before->second.plan), output_.folder()));
    if (!shard_.holds(one->key)) continue;
    untaught_.emplace(one->key, *one);
    if (output_.has(one->key)) continue;
    output_.start(*one, ordinal, taught_);
    return one;
  }
  return std::nullopt;
}

void Remaining::learn(const PlannedCase&, const CaseResult&) {
  const auto& drawn = output_.drawn();
  const auto before = drawn.lower_bound(drawing_.ordinal);
  teach(before == drawn.end() ? UINT64_MAX : before->second.learned);
}

}  // namespace migfuzz
