#include "harness/campaign/yield.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace migfuzz {
namespace {

// How many usual cases each guess begins with.
constexpr double kUsualCases = 3;
// What is left of what was known of a trait when a case with it has ended: the last twenty count.
// News dry up: what brought them at first is not to be preferred for the rest of a night.
constexpr double kKept = 0.95;
// What the machine needs around a case, at the least; a result without a length would be free.
constexpr double kSecondsLeast = 0.1;

std::set<std::string> traits_of(const Plan& plan) {
  std::set<std::string> traits{fmt::format("{} faults", plan.faults.size())};
  for (const auto& fault : plan.faults) {
    const auto what = fmt::format("{} {}", fault.kind, to_string(fault.side));
    traits.insert(what);
    traits.insert(fmt::format("{} {}", what, to_string(fault.trigger.point.phase)));
  }
  return traits;
}

}  // namespace

void Yield::learn(const Plan& plan, bool news, double seconds) {
  const auto add = [&](Seen& seen) {
    seen.news = seen.news * kKept + (news ? 1 : 0);
    seen.seconds = seen.seconds * kKept + std::max(seconds, kSecondsLeast);
    seen.cases = seen.cases * kKept + 1;
  };
  add(all_);
  for (const auto& trait : traits_of(plan)) add(seen_[trait]);
}

double Yield::of(const Plan& plan) const {
  // One case with news in one second stands for what is known before the first.
  const double news = (all_.news + 1) / (all_.cases + 1);
  const double seconds = (all_.seconds + 1) / (all_.cases + 1);
  double news_sum = 0, seconds_sum = 0;
  for (const auto& trait : traits_of(plan)) {
    const auto found = seen_.find(trait);
    const auto seen = found == seen_.end() ? Seen() : found->second;
    const double cases = seen.cases + kUsualCases;
    news_sum += (seen.news + kUsualCases * news) / cases;
    seconds_sum += (seen.seconds + kUsualCases * seconds) / cases;
  }
  return news_sum / seconds_sum;
}

}  // namespace migfuzz
