#include "harness/campaign/nights.h"

#include <algorithm>
#include <set>

#include "harness/core/nearest_rank.h"

namespace migfuzz {
namespace {

const Sighting* found_in(const Night& night, const Sighting& finding) {
  const auto same = [&](const Sighting& one) { return same_finding(one, finding); };
  const auto found = std::find_if(night.findings.begin(), night.findings.end(), same);
  return found == night.findings.end() ? nullptr : &*found;
}

SeenBefore seen_before(const Sighting& finding, const std::vector<Night>& earlier) {
  SeenBefore seen;
  if (earlier.empty()) return seen;
  for (const auto& night : earlier) {
    if (found_in(night, finding) == nullptr) continue;
    if (seen.nights++ == 0) seen.first_night = night.started;
    seen.last_night = night.started;
  }
  const bool last = found_in(earlier.back(), finding) != nullptr;
  seen.state = seen.nights == 0 ? "new" : last ? "seen" : "back";
  return seen;
}

std::vector<Gone> gone_since(const Night& last, const Night& now,
                             const std::set<std::string>& delivered) {
  std::vector<Gone> gone;
  for (const auto& then : last.findings) {
    if (found_in(now, then) != nullptr) continue;
    const auto tried = std::count_if(then.cells.begin(), then.cells.end(),
                                     [&](const auto& cell) { return delivered.contains(cell); });
    gone.push_back({then, last.started, static_cast<std::uint64_t>(tried)});
  }
  std::stable_sort(gone.begin(), gone.end(),
                   [](const Gone& a, const Gone& b) { return a.then.verdict < b.then.verdict; });
  return gone;
}

void add_once(std::vector<std::string>& list, const std::string& one) {
  if (std::find(list.begin(), list.end(), one) == list.end()) list.push_back(one);
}

}  // namespace

void see(Sighting& sighting, const CaseResult& result) {
  sighting.verdict =
      sighting.count == 0 ? result.verdict : std::min(sighting.verdict, result.verdict);
  ++sighting.count;
  if (result.signature != sighting.signature) add_once(sighting.also, result.signature);
  if (!result.required_cell.empty() && sighting.cells.size() < Sighting::kCellsMax)
    add_once(sighting.cells, result.required_cell);
}

std::optional<Night::Spread> spread_of(std::vector<double> numbers) {
  if (numbers.empty()) return std::nullopt;
  std::sort(numbers.begin(), numbers.end());
  return Night::Spread{nearest_rank(numbers, 0.5), nearest_rank(numbers, 0.95)};
}

Night night_of(const Summary& summary, const std::vector<CaseResult>& results,
               const std::map<std::string, Sighting>& seen) {
  Night night;
  night.started = summary.started;
  night.seed = summary.seed;
  night.source_qemu = summary.source_qemu;
  night.destination_qemu = summary.destination_qemu;
  night.duration_s = summary.duration_s;
  night.cases = summary.cases;
  night.verdicts = summary.verdicts;
  for (const auto& [key, one] : seen) night.findings.push_back(one);
  std::vector<double> blackouts;
  for (const auto& result : results)
    if (result.blackout_ms >= 0) blackouts.push_back(result.blackout_ms);
  night.blackout_ms = spread_of(std::move(blackouts));
  return night;
}

void compare(Summary& summary, std::vector<Night> earlier, std::uint64_t run,
             const std::vector<CaseResult>& results) {
  auto now = summary.nights.empty() ? night_of(summary, results, {}) : summary.nights.back();
  now.id = run;
  for (auto& group : summary.findings) {
    const auto same = [&](const auto& one) { return one.signature == group.signature; };
    const auto own = std::find_if(now.findings.begin(), now.findings.end(), same);
    if (own != now.findings.end()) group.before = seen_before(*own, earlier);
  }
  std::set<std::string> delivered;
  for (const auto& result : results)
    if (result.delivered && !result.required_cell.empty()) delivered.insert(result.required_cell);
  summary.gone.clear();
  if (!earlier.empty()) summary.gone = gone_since(earlier.back(), now, delivered);
  summary.nights = std::move(earlier);
  summary.nights.push_back(std::move(now));
}

}  // namespace migfuzz
