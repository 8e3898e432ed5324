// A campaign on the scripted hypervisor, with real workers, files and every report: a folder as a
// night leaves it, in seconds and without QEMU.
//
//   scripted_run DIR        exit status 77: no worker can be started here
//
// A lost page is planted, so that there is a finding, its evidence and a shrunk plan.
#include <iostream>

#include "harness/campaign/campaign.h"
#include "harness/core/error.h"
#include "reports/report.h"
#include "tests/fakes/planted.h"

int main(int count, char** words) {
  using namespace migfuzz;
  if (count != 2) {
    std::cerr << "use: scripted_run DIR\n";
    return 2;
  }
  const auto catalogs = fakes::planted_catalogs(
      {{[](const Plan& plan) {
          return fakes::has_fault(plan, "stall") && plan.faults.front().heal_after_ms > 0;
        },
        [](fakes::Defects& defects) { defects.loses_a_page = true; }}});
  CampaignRequest asked;
  asked.draw.base = fakes::scripted_plan(7);
  asked.draw.phases = {Phase::stopcopy};
  asked.draw.points = {"stopcopy/enter", "stopcopy/ram-end"};
  asked.draw.faults = {"stall", "crash", "close"};
  asked.memory_given = asked.machine_given = asked.quiet = true;
  asked.jobs = 2;
  asked.output = words[1];
  asked.version = "test";
  asked.command = "scripted_run";
  asked.shrink_time = std::chrono::seconds(20);
  const TrialFunction trial = [](io::Loop&, const std::string&) {
    return std::string(R"({"beats":true,"version":"7.2.22","why":"","machines":[],"traced":[]})");
  };
  const auto reports = [](const Summary& summary, const std::vector<CaseResult>& results) {
    return std::map<std::string, std::string>{
        {"junit.xml", junit_xml(summary, results)},
        {"report.sarif", sarif_log(summary, results, {})},
        {"metrics.prom", prometheus_metrics(summary, results)},
        {"summary.md", summary_markdown(summary, results)}};
  };
  io::Loop loop;
  try {
    return run_campaign(loop, asked, catalogs, trial, reports);
  } catch (const CannotRun& error) {
    std::cerr << "SKIPPED: " << error.what() << "\n";
    return 77;
  }
}
