#include "harness/core/simpler.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <string>
#include <utility>

#include "harness/core/error.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
// The two sizes that a run takes by itself (campaign/machine.cpp): both are plain.
constexpr std::uint64_t kPlainMemory[] = {16 * kMiB, 16 * kMiB + (8 << 10)};

// "page:N" and "pass:N" are points with a number in their name.
std::optional<std::uint64_t> ordinal_of(const Point& point) {
  if (!point.name.starts_with("page:") && !point.name.starts_with("pass:")) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = point.name.data() + point.name.size();
  const auto [stop, error] = std::from_chars(point.name.data() + 5, end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::string_view first_point(Phase phase) {
  switch (phase) {
    case Phase::storage:
      return "job-start";
    case Phase::prepare:
      return "ready";
    case Phase::reserve:
      return "first-byte";
    case Phase::precopy:
      return "begin";
    case Phase::stopcopy:
      return "enter";
    case Phase::postcopy:
      return "package-begin";
    case Phase::recover:
      return "connected";
    case Phase::commit:
      return "eof";
    case Phase::activate:
      return "before-cont";
  }
  return "";
}

// A boundary is plainer than a middle, the phase's own beginning the plainest.
std::size_t rank_of(const Point& point) {
  if (point.name.ends_with("middle")) return 3;
  if (point.name.starts_with("device:") || ordinal_of(point)) return 2;
  return point.name == first_point(point.phase) ? 0 : 1;
}

std::size_t oddities_of(const FaultSpec& fault) {
  const auto& [point, nth] = fault.trigger;
  return rank_of(point) + (fault.heal_after_ms != 0) + (fault.parameter != 0) +
         (point.plus_bytes != 0) + (nth != 1);
}

std::uint64_t magnitude_of(const FaultSpec& fault) {
  // Bounded, so that a hostile plan's numbers cannot wrap the sum.
  constexpr std::uint64_t kMost = std::uint64_t{1} << 48;
  const auto& [point, nth] = fault.trigger;
  return std::min(point.plus_bytes, kMost) + std::min(ordinal_of(point).value_or(0), kMost) + nth +
         fault.heal_after_ms;
}

// The proposals for one plan. Each step adds what it finds; what is no simpler is not taken.
class Proposals {
 public:
  explicit Proposals(const Plan& plan) : plan_(plan), least_(complexity_of(plan)) {}

  void add(Plan plan) {
    const bool known = std::find(plans_.begin(), plans_.end(), plan) != plans_.end();
    if (!known && complexity_of(plan) < least_) plans_.push_back(std::move(plan));
  }
  void with(const std::function<void(Plan&)>& change) {
    auto plan = plan_;
    change(plan);
    add(std::move(plan));
  }
  // Zero or one at once, then half of it, then one less.
  template <typename Number, typename Set>
  void smaller(Number number, Number least, const Set& set) {
    if (number <= least) return;
    for (const Number less : {least, Number(number / 2), Number(number - 1)})
      if (less >= least && less < number) with([&](Plan& plan) { set(plan, less); });
  }

  void fewer_faults() {
    const auto count = plan_.faults.size();
    if (count > 2)
      for (std::size_t i = 0; i < count; ++i)
        with([&](Plan& plan) { plan.faults = {plan_.faults[i]}; });
    if (count > 3) {
      const auto half = plan_.faults.begin() + static_cast<std::ptrdiff_t>(count / 2);
      with([&](Plan& plan) { plan.faults.assign(plan_.faults.begin(), half); });
      with([&](Plan& plan) { plan.faults.assign(half, plan_.faults.end()); });
    }
    for (std::size_t i = 0; i < count; ++i)
      with([&](Plan& plan) { plan.faults.erase(plan.faults.begin() + std::ptrdiff_t(i)); });
    if (count > 0) with([](Plan& plan) { plan.faults.clear(); });
  }

  void plain_surroundings() {
    const Plan plain;
    with([&](Plan& plan) { plan.transport = plain.transport; });
    with([&](Plan& plan) { plan.disk = plain.disk; });
    with([&](Plan& plan) { plan.bandwidth_bytes_per_s = plain.bandwidth_bytes_per_s; });
    with([&](Plan& plan) { plan.downtime_limit_ms = plain.downtime_limit_ms; });
    with([&](Plan& plan) { plan.least_passes = plain.least_passes; });
    with([&](Plan& plan) { plan.guest.dirty_pages_per_s = plain.guest.dirty_pages_per_s; });
    with([&](Plan& plan) { plan.guest.disk_writes_per_s = plain.guest.disk_writes_per_s; });
    for (const auto memory : kPlainMemory)
      with([&](Plan& plan) { plan.guest.memory_bytes = memory; });
    with([](Plan& plan) { plan.source = plan.destination; });
    with([](Plan& plan) { plan.destination = plan.source; });
    with([&](Plan& plan) { plan.policy = plain.policy; });
    with([&](Plan& plan) { plan.migration_networks = plain.migration_networks; });
    with([&](Plan& plan) { plan.evacuation = plain.evacuation; });
    with([&](Plan& plan) {
      plan.evacuation.vms = std::max(plain.evacuation.vms, plan.evacuation.vms / 2);
      plan.evacuation.at_once = std::min(plan.evacuation.at_once, plan.evacuation.vms);
    });
  }

  void plainer_fault(std::size_t i) {
    const auto& point = plan_.faults[i].trigger.point;
    const auto at = [&](std::string name) {
      with([&](Plan& plan) { plan.faults[i].trigger = {{point.phase, std::move(name), 0}, 1}; });
    };
    with([&](Plan& plan) { plan.faults[i].heal_after_ms = 0; });
    with([&](Plan& plan) { plan.faults[i].parameter = 0; });
    at(std::string(first_point(point.phase)));
    if (point.name.ends_with("middle")) {
      const auto stem = point.name.substr(0, point.name.size() - std::string("middle").size());
      at(stem + "begin");
      at(stem + "end");
    }
    smaller(point.plus_bytes, std::uint64_t{0}, [&](Plan& plan, std::uint64_t bytes) {
      plan.faults[i].trigger.point.plus_bytes = bytes;
    });
    smaller(plan_.faults[i].trigger.nth, std::uint32_t{1},
            [&](Plan& plan, std::uint32_t nth) { plan.faults[i].trigger.nth = nth; });
    if (const auto number = ordinal_of(point))
      smaller(*number, std::uint64_t{1}, [&](Plan& plan, std::uint64_t less) {
        plan.faults[i].trigger.point.name = point.name.substr(0, 5) + std::to_string(less);
      });
  }

  std::vector<Plan> take() { return std::move(plans_); }

 private:
  const Plan& plan_;
  const Complexity least_;
  std::vector<Plan> plans_;
};

// What the kinds of the plan ask of the manager: a hole must be shorter than its patience.
std::uint32_t least_patience(const Plan& plan, const Catalogs& catalogs) {
  auto patience = Plan().patience_ms;
  for (const auto& fault : plan.faults)
    patience = std::max(patience, catalogs.find_fault(fault.kind).patience_ms);
  return patience;
}

}  // namespace

bool accepted(const Plan& plan, const Catalogs& catalogs) {
  try {
    check_plan(plan, catalogs);
  } catch (const UsageError&) {
    return false;
  }
  return true;
}

bool plain_memory(std::uint64_t bytes) {
  const auto* const end = std::end(kPlainMemory);
  return bytes == 0 || std::find(std::begin(kPlainMemory), end, bytes) != end;
}

Complexity complexity_of(const Plan& plan) {
  const Plan plain;
  Complexity size;
  size.faults = plan.faults.size();
  size.magnitude = plan.patience_ms;
  for (const auto& fault : plan.faults) {
    size.oddities += oddities_of(fault);
    size.magnitude += magnitude_of(fault);
  }
  for (const bool odd : {plan.transport != plain.transport, plan.disk != plain.disk,
                         plan.bandwidth_bytes_per_s != plain.bandwidth_bytes_per_s,
                         plan.downtime_limit_ms != plain.downtime_limit_ms,
                         plan.least_passes != plain.least_passes,
                         plan.guest.dirty_pages_per_s != plain.guest.dirty_pages_per_s,
                         plan.guest.disk_writes_per_s != plain.guest.disk_writes_per_s,
                         !plain_memory(plan.guest.memory_bytes), plan.source != plan.destination,
                         plan.policy != plain.policy, plan.evacuation != plain.evacuation,
                         plan.migration_networks != plain.migration_networks})
    size.oddities += odd ? 1 : 0;
  size.magnitude += plan.evacuation.vms;
  return size;
}

std::vector<Plan> simpler(const Plan& plan) {
  Proposals proposals(plan);
  proposals.fewer_faults();
  proposals.plain_surroundings();
  for (std::size_t i = 0; i < plan.faults.size(); ++i) proposals.plainer_fault(i);
  return proposals.take();
}

std::vector<Plan> simpler(const Plan& plan, const Catalogs& catalogs) {
  Proposals proposals(plan);
  for (auto& one : simpler(plan)) {
    // A kind that is gone takes the patience along that only it had asked for.
    if (one.faults.size() < plan.faults.size()) {
      const auto patience = std::max(least_patience(one, catalogs), Plan().patience_ms);
      one.patience_ms = std::min(one.patience_ms, patience);
    }
    proposals.add(std::move(one));
  }
  proposals.with([&](Plan& one) { one.patience_ms = least_patience(plan, catalogs); });
  for (std::size_t i = 0; i < plan.faults.size(); ++i)
    proposals.with([&](Plan& one) {
      one.faults[i].heal_after_ms = catalogs.find_fault(one.faults[i].kind).heal_after_ms;
    });
  auto plans = proposals.take();
  std::erase_if(plans, [&](const Plan& one) { return !accepted(one, catalogs); });
  return plans;
}

}  // namespace migfuzz
