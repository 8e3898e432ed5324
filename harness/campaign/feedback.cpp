#include "harness/campaign/feedback.h"

#include <algorithm>
#include <cmath>

namespace migfuzz {
namespace {

// A growth curve needs no more points than a small picture shows.
constexpr std::size_t kGrowthMost = 64;

std::string without_state(std::string_view event) {
  return std::string(event.substr(0, event.find('(')));
}

}  // namespace

std::string_view to_string(Feedback feedback) {
  constexpr std::string_view kWords[] = {"off", "watch", "on", "auto"};
  return kWords[static_cast<std::size_t>(feedback)];
}

std::optional<Feedback> feedback_from(std::string_view word) {
  for (const auto one : {Feedback::off, Feedback::watch, Feedback::on, Feedback::automatic})
    if (word == to_string(one)) return one;
  return std::nullopt;
}

// --- CoverageMap -------------------------------------------------------------------------------

void CoverageMap::know(Side host, const std::vector<std::string>& events) {
  auto& known = host == Side::source ? source_.known : destination_.known;
  known.insert(events.begin(), events.end());
}

// A log may hold anything; an event that the binary does not have did not happen.
bool CoverageMap::counts(const ReachedItem& item) const {
  const bool event = item.kind == "event", pair = item.kind == "pair";
  if (!event && !pair) return true;
  const auto& known = (item.where == "source" ? source_ : destination_).known;
  if (known.empty()) return true;
  const auto knows = [&](std::string_view name) { return known.contains(without_state(name)); };
  if (event) return knows(item.name);
  const auto arrow = item.name.find('>');
  if (arrow == item.name.npos) return false;
  const auto before = item.name.substr(0, arrow);
  return knows(item.name.substr(arrow + 1)) && (before == "begin" || knows(before));
}

std::vector<std::string> CoverageMap::fresh(const std::vector<std::string>& reached) const {
  std::vector<std::string> list;
  if (items_.size() >= kItemsMost) return list;
  for (const auto& one : reached)
    if (!items_.contains(one) && counts(reached_item(one))) list.push_back(one);
  return list;
}

std::vector<std::string> CoverageMap::add(const std::vector<std::string>& reached) {
  auto list = fresh(reached);
  std::erase_if(list, [&](const auto& one) { return !items_.insert(one).second; });
  for (const auto& one : list) count(reached_item(one));
  ++cases_;
  grow();
  return list;
}

void CoverageMap::count(const ReachedItem& item) {
  if (item.where == "channel") {
    ++channel_;
    return;
  }
  auto& host = item.where == "source" ? source_ : destination_;
  if (item.kind == "status" || item.kind == "run") ++host.states;
  if (item.kind == "pair") ++host.pairs;
  if (item.kind == "event" && host.happened.insert(without_state(item.name)).second) ++host.events;
}

// Every stride-th case is a point of the curve; when there are too many, every second one goes.
void CoverageMap::grow() {
  const Growth now{cases_, source_.events + destination_.events,
                   source_.pairs + destination_.pairs};
  if (cases_ % stride_ == 0) growth_.push_back(now);
  if (growth_.size() < kGrowthMost) return;
  stride_ *= 2;
  std::erase_if(growth_, [&](const Growth& one) { return one.cases % stride_ != 0; });
}

RunReach CoverageMap::reach() const {
  RunReach reach;
  for (const auto side : {Side::source, Side::destination}) {
    const auto& host = side == Side::source ? source_ : destination_;
    HostReach one{
        std::string(to_string(side)), host.known.size(), host.events, host.pairs, host.states, {}};
    for (const auto& event : host.known)
      if (!host.happened.contains(event)) one.never.push_back(event);
    std::sort(one.never.begin(), one.never.end());
    reach.hosts.push_back(std::move(one));
  }
  reach.channel = channel_;
  reach.growth = growth_;
  const Growth last{cases_, source_.events + destination_.events,
                    source_.pairs + destination_.pairs};
  if (cases_ > 0 && (growth_.empty() || growth_.back().cases != cases_))
    reach.growth.push_back(last);
  return reach;
}

// --- InterestingPlans ---------------------------------------------------------------------------

// The root: the first cases of a campaign reach hundreds of items, because nothing was known yet,
// and are not hundreds of times as promising as the one that found the rarest.
void InterestingPlans::keep(const PlannedCase& planned, std::size_t fresh_items) {
  plans_.push_back({planned, 1 + std::sqrt(double(fresh_items)), 0});
  if (plans_.size() <= most_) return;
  const auto least =
      std::min_element(plans_.begin(), plans_.end(),
                       [](const auto& a, const auto& b) { return a.weight() < b.weight(); });
  plans_.erase(least);
}

const PlannedCase& InterestingPlans::take(std::uint64_t& random) {
  double sum = 0;
  for (const auto& one : plans_) sum += one.weight();
  // 53 bits: every value is exact in a double.
  double at = double(next_random(random) >> 11) / double(std::uint64_t{1} << 53) * sum;
  auto* chosen = &plans_.back();
  for (auto& one : plans_) {
    at -= one.weight();
    if (at >= 0) continue;
    chosen = &one;
    break;
  }
  ++chosen->taken;
  return chosen->planned;
}

// --- FeedbackSource -----------------------------------------------------------------------------

FeedbackSource::FeedbackSource(CaseSource& fresh, Mutate mutate, const Options& options)
    : fresh_(fresh),
      mutate_(std::move(mutate)),
      options_(options),
      random_(options.seed ^ 0xfeedbac4) {}

std::optional<PlannedCase> FeedbackSource::mutated_case() {
  if (plans_.empty() || next_random(random_) % 100 >= options_.mutated_of_100) return std::nullopt;
  const auto& parent = plans_.take(random_);
  return mutate_(parent, next_random(random_));
}

std::optional<PlannedCase> FeedbackSource::next() {
  if (options_.cases != 0 && given_ >= options_.cases) return std::nullopt;
  auto planned = mutated_case();
  if (planned) ++mutated_;
  if (!planned) planned = fresh_.next();
  if (planned) ++given_;
  return planned;
}

void FeedbackSource::learn(const PlannedCase& planned, const CaseResult& result) {
  fresh_.learn(planned, result);
  // Where the harness failed, what was reached says nothing about the plan.
  if (result.reached.empty() || result.verdict == Verdict::infra) return;
  plans_.keep(planned, result.reached.size());
  ++kept_;
}

}  // namespace migfuzz
