// Cases and runs for tests of what is stored: plans that differ by their seed, results that were
// never run.
#pragma once

#include <string>

#include "harness/campaign/output.h"

namespace migfuzz::fakes {

inline Plan stored_plan(std::uint64_t seed) {
  Plan plan;
  plan.guest.seed = seed;
  plan.faults = {{"crash", Side::source, trigger_from("stopcopy/enter"), 0, 0}};
  return plan;
}

inline Cell stored_cell(std::uint64_t seed) {
  return {"stopcopy/enter+" + std::to_string(seed), "crash", Side::source, "handshake", ""};
}

inline CaseResult stored_result(const Plan& plan, Verdict verdict = Verdict::pass) {
  CaseResult result;
  result.id = case_id(plan);
  result.plan = plan;
  result.verdict = verdict;
  result.delivered = true;
  result.headline = "memory: what was seen";
  result.findings = {{"memory", verdict, "what was seen", "x", ""}};
  if (verdict != Verdict::pass) result.signature = "memory/x";
  result.duration_ms = 10;
  result.required_cell = to_string(stored_cell(plan.guest.seed));
  result.evidence["history.jsonl"] = "{}\n";
  return result;
}

inline StoredRun stored_run(std::uint64_t seed = 7, const std::string& shard = "") {
  StoredRun run;
  run.request = R"({"--seed":)" + std::to_string(seed) + "}";
  run.shard = shard;
  run.facts.seed = seed;
  run.facts.version = "1";
  run.facts.started = "2026-01-01T00:00:00Z";
  run.facts.host = "a machine";
  return run;
}

inline Reports no_reports() {
  return [](const Summary&, const std::vector<CaseResult>&) {
    return std::map<std::string, std::string>{{"report.html", "report"}};
  };
}

}  // namespace migfuzz::fakes
