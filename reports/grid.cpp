#include "reports/grid.h"

#include <algorithm>
#include <set>
#include <tuple>


namespace migfuzz {
namespace {

// What coverage tells apart; a case adds transport and disk.
auto place_of(const GridCell& cell) {
  return std::tie(cell.phase, cell.fault, cell.side, cell.protocol, cell.versions);
}

GridCell cell_of(const CaseResult& result) {
  const auto& fault = telling_fault(result.plan);
  GridCell cell;
  cell.phase = to_string(fault.trigger.point.phase);
  cell.fault = fault.kind;
  cell.side = to_string(fault.side);
  cell.protocol = rules_text(result.plan.protocol, result.plan.mode);
  cell.versions = pair_of(result);
  cell.transport = to_string(result.plan.transport);
  cell.disk = result.plan.disk;
  return cell;
}

GridCell cell_of(const Coverage& row) {
  GridCell cell;
  cell.phase = row.phase;
  cell.fault = row.fault;
  cell.side = row.side;
  cell.protocol = row.protocol;
  cell.versions = row.versions;
  cell.required = row.required;
  cell.delivered = row.delivered;
  cell.impossible = row.impossible;
  cell.meaningless = row.meaningless;
  return cell;
}

}  // namespace

std::string pair_of(const CaseResult& result) {
  // "point × fault × side × protocol × versions"
  constexpr std::string_view kBetween = " \xc3\x97 ";
  std::size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    at = result.required_cell.find(kBetween, at);
    if (at == std::string::npos) return "";
    at += kBetween.size();
  }
  return result.required_cell.substr(at);
}

std::vector<GridCell> grid_of(const Summary& summary, const std::vector<CaseResult>& results) {
  using Mode = std::tuple<std::string, std::string, std::string, std::string, std::string,
                          std::string, std::string>;
  std::map<Mode, GridCell> cells;
  for (const auto& result : results) {
    const auto& plan = result.plan;  // a cell, and no plan that a search drew
    if (plan.faults.empty() || faults_besides(plan) > 0 || !plan.plant.empty()) continue;
    const auto fresh = cell_of(result);
    const auto mode = std::tuple_cat(place_of(fresh), std::tie(fresh.transport, fresh.disk));
    ++cells.try_emplace(mode, fresh).first->second.verdicts[result.verdict];
  }
  std::vector<GridCell> grid;
  grid.reserve(cells.size() + summary.coverage.size());
  for (auto& [mode, cell] : cells) grid.push_back(std::move(cell));
  // Where all cases of a place have one transport and disk, so has what was required there.
  using Place = std::tuple<std::string, std::string, std::string, std::string, std::string>;
  std::map<Place, std::vector<std::size_t>> by_place;
  for (std::size_t i = 0; i < grid.size(); ++i) by_place[place_of(grid[i])].push_back(i);
  for (const auto& row : summary.coverage) {
    auto cell = cell_of(row);
    if (const auto found = by_place.find(place_of(cell));
        found != by_place.end() && found->second.size() == 1) {
      cell.transport = grid[found->second.front()].transport;
      cell.disk = grid[found->second.front()].disk;
    }
    grid.push_back(std::move(cell));
  }
  return grid;
}

GridCell sum_of(const std::vector<GridCell>& grid, const std::string& phase,
                const std::string& fault) {
  GridCell sum;
  sum.phase = phase;
  sum.fault = fault;
  for (const auto& cell : grid) {
    if (cell.phase != phase || cell.fault != fault) continue;
    sum.required += cell.required;
    sum.delivered += cell.delivered;
    sum.impossible += cell.impossible;
    sum.meaningless += cell.meaningless;
    for (const auto& [verdict, count] : cell.verdicts) sum.verdicts[verdict] += count;
  }
  return sum;
}

std::vector<std::string> faults_of(const std::vector<GridCell>& grid) {
  std::set<std::string> names;
  for (const auto& cell : grid) names.insert(cell.fault);
  return {names.begin(), names.end()};
}

std::vector<std::string> phases_of(const std::vector<GridCell>& grid) {
  std::vector<std::string> names;
  for (const Phase phase : all_phases()) {
    const std::string name(to_string(phase));
    const auto in_it = [&](const GridCell& cell) { return cell.phase == name; };
    if (std::any_of(grid.begin(), grid.end(), in_it)) names.push_back(name);
  }
  return names;
}

}  // namespace migfuzz
