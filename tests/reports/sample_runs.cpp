// Writes folders of made-up runs, as a campaign leaves them, with what machines read of them.
//
//   sample_runs DIR      DIR/made-up/*: to be checked whole; DIR/hostile/*: every text hostile
//
// `migfuzz report DIR/hostile/markup` takes such a folder and writes its HTML, too.
// DIR/hostile-raw/* has the reports alone, of runs whose IDs and names are hostile as well, which
// no reader lets in. DIR/made-up/many is a run of 100 000 cases, one in fifty not passed. Used by
// machine_test.sh.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "reports/report.h"
#include "tests/fakes/hostile.h"
#include "tests/fakes/report_sample.h"

namespace {

using namespace migfuzz;
namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// As harness/campaign/output.cpp does: what is no UTF-8 is replaced.
std::string dump(const nlohmann::json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void write_reports(const fs::path& folder, const fakes::ReportSample& sample) {
  fs::create_directories(folder);
  const auto& [summary, results] = sample;
  write(folder / "junit.xml", junit_xml(summary, results));
  write(folder / "report.sarif", sarif_log(summary, results, {{"memory", "pages are right"}}));
  write(folder / "metrics.prom", prometheus_metrics(summary, results));
  write(folder / "summary.md", summary_markdown(summary, results));
}

void write_run(const fs::path& folder, const fakes::ReportSample& sample) {
  write_reports(folder, sample);
  write(folder / "summary.json", dump(to_json(sample.summary), 2));
  std::ofstream lines(folder / "results.jsonl", std::ios::binary);
  for (const CaseResult& result : sample.results) lines << dump(to_json(result), -1);
}

/// Repeats a sample's cases under other names, all but every fiftieth as passes.
fakes::ReportSample many(std::size_t cases) {
  fakes::ReportSample sample = fakes::report_sample();
  const std::vector<CaseResult> pattern = std::move(sample.results);
  sample.results.clear();
  sample.summary.verdicts.clear();
  for (std::size_t i = 0; i < cases; ++i) {
    CaseResult one = pattern[i % pattern.size()];
    one.id += "-" + std::to_string(i);
    one.history = History::from_events({});
    one.heartbeats_source_ms.clear();
    one.heartbeats_destination_ms.clear();
    if (i % 50 != 0) one.verdict = Verdict::pass;
    // As a search does: nearly every case at a place of its own.
    if (i % 4 == 0 && !one.plan.faults.empty())
      one.plan.faults.front().trigger.point.plus_bytes = i;
    ++sample.summary.verdicts[one.verdict];
    sample.results.push_back(std::move(one));
  }
  sample.summary.cases = cases;
  return sample;
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "use: sample_runs DIR\n";
    return 2;
  }
  const fs::path folder = words[1];
  write_run(folder / "made-up/broken", fakes::report_sample(fakes::Mood::broken));
  write_run(folder / "made-up/safe", fakes::report_sample(fakes::Mood::safe));
  write_run(folder / "made-up/inconclusive", fakes::report_sample(fakes::Mood::inconclusive));
  write_run(folder / "made-up/empty", {});
  write_run(folder / "made-up/many", many(100'000));
  for (const auto& [name, text] : fakes::hostile_texts()) {
    const fakes::ReportSample sample = fakes::filled_with(text);
    write_reports(folder / "hostile-raw" / name, sample);
    write_run(folder / "hostile" / name, fakes::made_readable(sample));
  }
  return 0;
}
