#include "reports/page_data.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "harness/core/strict_json.h"
#include "reports/inline_json.h"
#include "reports/rows.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

using nlohmann::json;

constexpr std::size_t kTextMax = 300;
constexpr std::size_t kPointsMax = 2000;  // of a search: each with its own bytes
constexpr std::size_t kFindingsMax = 2000;

std::string cut(std::string_view text) { return clean_utf8(text.substr(0, kTextMax)); }

json verdict_counts(const std::map<Verdict, std::uint64_t>& verdicts) {
  json out = json::object();
  for (const auto& [verdict, count] : verdicts)
    if (count > 0) out[std::string(to_string(verdict))] = count;
  return out;
}

json grid_json(const std::vector<GridCell>& grid) {
  json out = json::array();
  for (const auto& cell : grid)
    out.push_back({cut(cell.phase), cut(cell.fault), cut(cell.side), cut(cell.protocol),
                   cut(cell.versions), cut(cell.transport), cut(cell.disk), cell.required,
                   cell.delivered, cell.impossible, cell.meaningless,
                   verdict_counts(cell.verdicts)});
  return out;
}

// The same in every report, also where an older summary has less: trends.js draws from it.
json nights_json(const Summary& summary) {
  json out = json::array();
  for (const Night& night : summary.nights) {
    json verdicts = json::object(), findings = json::array(), blackout;
    for (const Verdict verdict : all_verdicts()) {
      const auto found = night.verdicts.find(verdict);
      verdicts[std::string(to_string(verdict))] = found == night.verdicts.end() ? 0 : found->second;
    }
    for (const auto& one : night.findings) {
      if (findings.size() == kFindingsMax) break;
      findings.push_back({{"signature", cut(one.signature)}, {"count", one.count}});
    }
    if (night.blackout_ms)
      blackout = {{"median", night.blackout_ms->median}, {"p95", night.blackout_ms->p95}};
    out.push_back({{"id", night.id},
                   {"started", cut(night.started)},
                   {"seed", std::to_string(night.seed)},  // a script's numbers end at 2^53
                   {"source_qemu", cut(night.source_qemu)},
                   {"destination_qemu", cut(night.destination_qemu)},
                   {"duration_s", night.duration_s},
                   {"cases", night.cases},
                   {"verdicts", std::move(verdicts)},
                   {"findings", std::move(findings)},
                   {"blackout_ms", std::move(blackout)}});
  }
  return out;
}

/// By which signatures the cases of a finding are found: a shrink may have named it otherwise.
json names_json(const Summary& summary) {
  json out = json::object();
  if (summary.nights.empty()) return out;
  for (const auto& one : summary.nights.back().findings) {
    if (one.also.empty() || out.size() == kFindingsMax) continue;
    json names = json::array();
    for (const auto& name : one.also) names.push_back(cut(name));
    out[cut(one.signature)] = std::move(names);
  }
  return out;
}

json points_json(const std::vector<CaseResult>& results) {
  json points = json::array();
  for (const std::string& point : points_in_stream_order(results)) {
    if (points.size() == kPointsMax) break;
    points.push_back(cut(point));
  }
  return points;
}

}  // namespace

std::string page_data(const Summary& summary, const std::vector<CaseResult>& results,
                      const std::vector<GridCell>& grid, std::size_t bytes_max) {
  json verdicts = json::array(), phases = json::array();
  for (const Verdict verdict : all_verdicts())
    verdicts.push_back({{"word", to_string(verdict)}, {"sentence", describe(verdict)}});
  for (const Phase phase : all_phases())
    phases.push_back({{"name", to_string(phase)}, {"sentence", describe(phase)}});
  json page{{"verdicts", std::move(verdicts)},     {"phases", std::move(phases)},
            {"points", points_json(results)},      {"grid", grid_json(grid)},
            {"nights", nights_json(summary)},      {"names", names_json(summary)},
            {"seed", std::to_string(summary.seed)}};
  const std::size_t used = std::min(bytes_max / 2, bytes_inline(page));
  page["rows"] = rows_data(summary, results, bytes_max - used);
  return inline_json(page);
}

}  // namespace migfuzz
