#include "reports/coverage.h"

#include <algorithm>
#include <tuple>

namespace migfuzz {
namespace {

using Mood = CoverageCell::Mood;

CoverageCell cell_of(const Coverage& row) {
  if (row.required > 0) {
    const auto text = std::to_string(row.delivered) + "/" + std::to_string(row.required);
    return {text, row.delivered == row.required ? Mood::whole : Mood::short_of};
  }
  if (row.impossible > 0) return {"impossible here", Mood::impossible};
  return {"–", Mood::meaningless};
}

template <typename List, typename Same>
auto& found_or_added(List& list, Same same, typename List::value_type fresh) {
  const auto found = std::find_if(list.begin(), list.end(), same);
  return found != list.end() ? *found : list.emplace_back(std::move(fresh));
}

void add_phase(CoverageGrid& grid, const std::string& phase) {
  if (std::find(grid.phases.begin(), grid.phases.end(), phase) != grid.phases.end()) return;
  grid.phases.push_back(phase);
  for (auto& row : grid.rows) row.cells.emplace_back();
}

}  // namespace

std::vector<CoverageGrid> coverage_grids(const Summary& summary) {
  std::vector<CoverageGrid> grids;
  for (const auto& coverage : summary.coverage) {
    const auto title =
        coverage.protocol + (coverage.versions.empty() ? "" : ", " + coverage.versions);
    auto& grid = found_or_added(
        grids, [&](const auto& one) { return one.title == title; }, CoverageGrid{title, {}, {}});
    add_phase(grid, coverage.phase);
    auto& row = found_or_added(
        grid.rows,
        [&](const auto& one) { return one.fault == coverage.fault && one.side == coverage.side; },
        CoverageGrid::Row{coverage.fault, coverage.side,
                          std::vector<CoverageCell>(grid.phases.size()), {}});
    const auto column = std::find(grid.phases.begin(), grid.phases.end(), coverage.phase);
    row.cells[static_cast<std::size_t>(column - grid.phases.begin())] = cell_of(coverage);
    for (const auto& why : coverage.why)
      if (std::find(row.why.begin(), row.why.end(), why) == row.why.end()) row.why.push_back(why);
  }
  for (auto& grid : grids)
    std::stable_sort(grid.rows.begin(), grid.rows.end(), [](const auto& a, const auto& b) {
      return std::tie(a.fault, a.side) < std::tie(b.fault, b.side);
    });
  return grids;
}

}  // namespace migfuzz
