// Writes the report of a made-up night of many cases, to measure its size and its speed.
//
// Use: many_cases DIR [CASES]: report.html and summary.json in DIR, 100000 cases if not said. As on
// a real night most cases pass, in some 2400 cells; one signature has a quarter of all cases, forty
// others a few. Nothing here was measured: never quote its numbers as migfuzz's.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "reports/report.h"
#include "tests/fakes/report_sample.h"

namespace migfuzz {
namespace {

constexpr std::size_t kFaults = 44;
const char* const kPoints[] = {"reserve/first-byte", "precopy/begin", "stopcopy/", "commit/eof"};
constexpr Side kSides[] = {Side::source, Side::channel, Side::destination};

Verdict verdict_of(std::size_t number) {
  if (number % 4 == 0) return Verdict::hazard;
  if (number % 31 == 0) return Verdict::expected_loss;
  if (number % 401 == 0) return Verdict::fail;
  if (number % 997 == 0) return Verdict::known_issue;
  return Verdict::pass;
}

Trigger trigger_of(std::size_t number) {
  const std::string point = kPoints[number % std::size(kPoints)];
  if (!point.ends_with("/")) return trigger_from(point);
  return trigger_from(point + "device:d" + std::to_string(number / 4 % 14) + "/middle");
}

CaseResult case_of(std::map<Verdict, CaseResult>& patterns, std::size_t number) {
  const Verdict verdict = verdict_of(number);
  CaseResult result = patterns.at(verdict);
  result.plan.protocol = verdict == Verdict::hazard ? "autostart" : "handshake";
  result.plan.guest.seed = number;
  const std::size_t kind = number / 7 % kFaults;
  const FaultSpec fault{"fault-" + std::to_string(kind), kSides[kind % 3], trigger_of(number), 0,
                        0};
  result.plan.faults = {fault};
  char hash[16];
  std::snprintf(hash, sizeof hash, "%08zx", number * 2654435761 % 0xffffffff);
  result.id = case_id(result.plan);
  result.id = result.id.substr(0, result.id.rfind('-') + 1) + hash;
  result.evidence_kept = verdict == Verdict::pass ? "" : "cases/" + result.id;
  if (verdict == Verdict::hazard) result.signature = "single-owner/double-run/commit/all/autostart";
  if (verdict == Verdict::fail)
    result.signature = "memory/stale-page/stopcopy/" + fault.kind + "/handshake";
  result.headline += verdict == Verdict::fail ? " Page " + std::to_string(number) + "." : "";
  result.required_cell = to_string(fault.trigger) + " \xc3\x97 " + fault.kind;
  result.blackout_ms = 20 + double(number % 997) / 10;
  result.brownout_ms = double(number % 41);
  return result;
}

/// Histories of passes cost memory and are not in the page.
std::map<Verdict, CaseResult> patterns_of(const fakes::ReportSample& sample) {
  std::map<Verdict, CaseResult> patterns;
  for (const auto& result : sample.results) {
    if (result.plan.faults.empty()) continue;
    auto& pattern = patterns.try_emplace(result.verdict, result).first->second;
    if (result.verdict == Verdict::pass || result.verdict == Verdict::expected_loss)
      pattern.history = History();
  }
  return patterns;
}

void sum_up(Summary& summary, const std::vector<CaseResult>& results) {
  std::map<std::string, FindingGroup> groups;
  std::map<std::string, Coverage> rows;
  for (const auto& result : results) {
    ++summary.verdicts[result.verdict];
    const auto& fault = result.plan.faults.front();
    const std::string phase(to_string(fault.trigger.point.phase)), side(to_string(fault.side));
    auto& row = rows[phase + fault.kind + result.plan.protocol];
    row = {phase, fault.kind, side, result.plan.protocol, "", row.required + 1, row.delivered + 1,
           0,     0,          {}};
    if (result.signature.empty()) continue;
    auto& group = groups[result.signature];
    if (group.count++ > 0) continue;
    group.signature = result.signature;
    group.verdict = result.verdict;
    group.phase = phase;
    group.point = to_string(fault.trigger);
    group.fault = fault.kind;
    group.side = side;
    group.checker = result.signature.substr(0, result.signature.find('/'));
    group.what = result.headline;
    group.case_id = result.id;
    group.replay = "migfuzz replay cases/" + result.id;
    group.shortest = result.plan;
  }
  for (auto& [key, row] : rows) summary.coverage.push_back(std::move(row));
  for (auto& [key, group] : groups) summary.findings.push_back(std::move(group));
  std::stable_sort(summary.findings.begin(), summary.findings.end(),
                   [](const auto& a, const auto& b) { return a.verdict < b.verdict; });
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

int make(const std::filesystem::path& folder, std::size_t count) {
  const auto sample = fakes::report_sample(fakes::Mood::broken);
  auto patterns = patterns_of(sample);
  std::vector<CaseResult> results;
  results.reserve(count);
  for (std::size_t number = 1; number <= count; ++number)
    results.push_back(case_of(patterns, number));
  Summary summary = sample.summary;
  summary.verdicts.clear();
  summary.findings.clear();
  summary.coverage.clear();
  summary.cases = count;
  sum_up(summary, results);
  summary.cells_required = summary.cells_delivered = count;
  std::filesystem::create_directories(folder);
  write(folder / "summary.json", to_json(summary).dump(2) + "\n");
  write(folder / "report.html", html_report(summary, results));
  return 0;
}

}  // namespace
}  // namespace migfuzz

int main(int count, char** words) {
  const std::size_t cases = count > 2 ? std::strtoull(words[2], nullptr, 10) : 100'000;
  if (count < 2 || count > 3 || cases == 0) {
    std::cerr << "use: many_cases DIR [CASES]\n";
    return 2;
  }
  return migfuzz::make(words[1], cases);
}
