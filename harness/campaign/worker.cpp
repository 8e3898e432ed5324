#include "harness/campaign/worker.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/campaign/case_evidence.h"
#include "harness/campaign/evacuation.h"
#include "harness/core/error.h"
#include "harness/director.h"
#include "harness/io/capabilities.h"
#include "harness/judge.h"

namespace migfuzz {
namespace {

using nlohmann::json;

// Each point of the main channel once, the second device of one name as its second occurrence:
// "…/begin#2".
std::vector<std::string> points_passed(const History& history) {
  std::vector<std::string> points;
  std::map<std::string, int> seen;
  for (const auto& event : history.events()) {
    if (event.kind != "point" || is_side_point(event)) continue;
    const int nth = ++seen[event.name];
    points.push_back(nth == 1 ? event.name : fmt::format("{}#{}", event.name, nth));
  }
  return points;
}

// Bytes of a guest or of QEMU need not be UTF-8; the report shows what can be shown.
std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string answer_case(io::Loop& loop, const json& job, const Catalogs& catalogs) {
  const auto plan = plan_from_json(job.at("plan"));
  const auto run = run_case(loop, plan, catalogs, job.value("trace", false));
  json answer{{"number", job.at("number")},
              {"result", to_json(run.result)},
              {"evidence", run.result.evidence},
              {"points", run.passed_points}};
  return dump(answer);
}

}  // namespace

CaseRun run_case(io::Loop& loop, const Plan& plan, const Catalogs& catalogs, bool trace) {
  CaseRun run;
  try {
    if (plan.evacuation.vms > 1) return run_evacuation(plan, catalogs, trace);
    check_plan(plan, catalogs);
    const auto& guest = catalogs.find_guest(plan.guest.name);
    const auto& protocol = catalogs.find_protocol(plan.protocol);
    const auto world = catalogs.find_hypervisor(plan.hypervisor).build(loop, plan, guest, protocol);
    if (trace) world->trace_hosts();
    try {
      const auto evidence = direct(plan, *world, protocol, guest, catalogs.kinds_of(plan));
      run.result = judge(plan, world->history(), evidence, catalogs.checkers,
                         catalogs.promises_of(plan));
    } catch (const InfraError& error) {
      run.result = untold(plan, error.what());
      run.result.duration_ms =
          std::chrono::duration<double, std::milli>(Clock::now() - world->history().start())
              .count();
    }
    run.passed_points = points_passed(world->history());
    try {
      collect_evidence(run.result, *world);
    } catch (const InfraError&) {
      // No host came up: the headline says why, and there is nothing more to keep.
    }
  } catch (const std::exception& error) {
    run.result = untold(plan, error.what());
  }
  return run;
}

int work(io::Line& line, const Catalogs& catalogs, const TrialFunction& trial) {
  while (const auto text = line.read()) {
    // A loop per job: nothing of one case can linger into the next.
    io::Loop loop;
    const auto job = json::parse(*text);
    if (job.at("job") == "trial")
      line.write(trial(loop, *text));
    else if (job.at("job") == "capabilities")
      line.write(json(io::missing_capabilities()).dump());
    else
      line.write(answer_case(loop, job, catalogs));
  }
  return 0;
}

}  // namespace migfuzz
