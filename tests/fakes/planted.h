// Bugs planted for tests: what a search must find and a shrink must reduce, never a user.
//
// A bug strikes plans of some kind, always or in a share of the runs, and breaks something of the
// scripted hypervisor, or says a finding outright. Neither is in any catalog of the program.
// planted_runs() runs whole cases on the scripted world; pretended_runs() makes results without
// one, for plans that no director runs and for thousands of runs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/campaign/shrink.h"
#include "harness/campaign/worker.h"
#include "tests/fakes/scripted_case.h"

namespace migfuzz::fakes {

struct PlantedBug {
  std::function<bool(const Plan&)> strikes;
  std::function<void(Defects&)> breaks;  // on the scripted world
  Finding finding{};                     // where it is only pretended
  unsigned percent = 100;                // of the runs of a plan that it strikes
};

/// True in `percent` of all calls, by a sequence of its own.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(std::make_shared<std::uint64_t>(seed)) {}
  bool falls(unsigned percent) const { return next_random(*state_) % 100 < percent; }

 private:
  std::shared_ptr<std::uint64_t> state_;
};

inline Catalogs planted_catalogs(std::vector<PlantedBug> bugs, std::uint64_t seed = 1) {
  auto catalogs = scripted_catalogs();
  const Dice dice(seed);
  catalogs.hypervisors[0].build = [bugs = std::move(bugs), dice](io::Loop& loop, const Plan& plan,
                                                                 const Guest& guest,
                                                                 const Protocol& protocol) {
    Defects defects;
    for (const auto& bug : bugs)
      if (bug.strikes(plan) && dice.falls(bug.percent)) bug.breaks(defects);
    return scripted_hypervisor(defects).build(loop, plan, guest, protocol);
  };
  return catalogs;
}

/// Runs cases here and now, one after the other. `catalogs` must live as long.
inline RunPlans planted_runs(const Catalogs& catalogs) {
  return [&catalogs](const std::vector<Plan>& plans) {
    std::vector<CaseResult> results;
    for (const auto& plan : plans) {
      io::Loop loop;
      results.push_back(run_case(loop, plan, catalogs).result);
    }
    return results;
  };
}

/// The result of a case in which these bugs struck.
inline CaseResult pretended(const Plan& plan, const std::vector<PlantedBug>& bugs,
                            const Dice& dice) {
  CaseResult result;
  result.plan = plan;
  result.id = case_id(plan);
  result.delivered = true;
  result.versions = "7.2.22 -> 7.2.22";
  result.findings = {{"survivor", Verdict::pass, "the destination runs the VM", "", ""}};
  for (const auto& bug : bugs)
    if (bug.strikes(plan) && dice.falls(bug.percent)) result.findings.push_back(bug.finding);
  name_verdict(result);
  return result;
}

inline RunPlans pretended_runs(std::vector<PlantedBug> bugs, std::uint64_t seed = 1) {
  return [bugs = std::move(bugs), dice = Dice(seed)](const std::vector<Plan>& plans) {
    std::vector<CaseResult> results;
    for (const auto& plan : plans) results.push_back(pretended(plan, bugs, dice));
    return results;
  };
}

inline bool has_fault(const Plan& plan, const std::string& kind) {
  for (const auto& fault : plan.faults)
    if (fault.kind == kind) return true;
  return false;
}

}  // namespace migfuzz::fakes
