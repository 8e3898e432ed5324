// Shrinking: which part of a failing plan is needed for its failure, and how often it fails.
//
// Pure; the caller runs the plans. The rate of the plan comes first (k of n runs). Then a greedy
// descent: of the simpler plans the first that still shows the *same* failure is taken, and it
// starts again from there, until nothing simpler shows it or the budget is gone. The same failure
// means the same face (harness/judge.h): what broke, whatever the circumstances, since those are
// what is being removed. A plan that fails with another face has slipped to another bug: it is
// refused, kept as a finding of its own, and never followed.
//
// How often a candidate is run follows from the rate: so often that a plan which fails as often as
// the first would be refused in 5 % of all cases only. It is kept when it was seen three times, or
// the descent would drift to plans that hardly ever fail; what is left of a flaky one is looked at
// twice as often before it is called minimal. Verdicts are kept by plan, so no candidate is run
// again because it is proposed again.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "harness/core/rate.h"
#include "harness/core/result.h"

namespace migfuzz {

/// Runs a batch, in parallel if it likes; results in the order of the plans.
using RunPlans = std::function<std::vector<CaseResult>(const std::vector<Plan>&)>;
/// Simpler plans, the boldest first. Must lead nowhere in circles (harness/core/simpler.h).
using Simpler = std::function<std::vector<Plan>(const Plan&)>;

struct ShrinkLimits {
  std::uint64_t confirm = 10;     // runs that measure a rate; a flaky failure gets three times that
  std::uint64_t runs_max = 2000;  // of one finding, all in all
  std::size_t at_once = 1;        // plans in a batch
  /// The share of the time that is gone, from 0; at 1 nothing more is started. The last seventh is
  /// for the rate of the minimal plan.
  std::function<double()> spent = [] { return 0.0; };
};

/// What is known of every plan that was run. Kept over all findings of a campaign.
class Verdicts {
 public:
  struct Known {
    std::uint64_t told = 0;    // runs with a verdict about QEMU
    std::uint64_t untold = 0;  // `infra`: they say nothing
    /// Of those that failed; with "known issue " before it where the list excuses it.
    std::map<std::string, std::uint64_t> faces;
    std::uint64_t shown(const std::string& face) const;
  };
  /// Grows with add(), for as long as this lives.
  const Known& of(const Plan& plan);
  void add(const Plan& plan, const CaseResult& result);

 private:
  std::map<std::string, Known> known_;  // by the plan's JSON
};

/// One plan that was looked at, and what came of it.
struct ShrinkStep {
  Plan plan;
  std::uint64_t runs = 0;   // made for this step; 0: what was known was enough
  Verdicts::Known verdict;  // all that is known of the plan
  bool kept = false;
  std::string why;  // one clause
};

/// The end of a shrink that has led to a plan which is understood already.
inline constexpr std::string_view kLedElsewhere = "it led to a finding that is known already";

struct Shrunk {
  std::string face;         // what was held fast
  Plan plan;                // the simplest that showed it
  Rate first, last;         // of the plan it began with, and of `plan`
  std::string end;          // why it ended, one clause
  bool done = false;        // nothing simpler shows it, as far as the runs can tell
  bool understood = false;  // `ends` said so; `last` is the first rate then
  std::uint64_t runs = 0;
  std::vector<ShrinkStep> steps;
  std::vector<CaseResult> others;  // the first result of every other failure that was met
};

/// `ends` (optional) is asked of every plan that is kept; with true the descent has led to a plan
/// that is understood already, and stops.
Shrunk shrink(const Plan& plan, const std::string& face, const Simpler& simpler,
              const RunPlans& run, const ShrinkLimits& limits, Verdicts& verdicts,
              const std::function<bool(const Plan&)>& ends = nullptr);

/// One line of shrink.jsonl.
nlohmann::json to_json(const ShrinkStep& step);

}  // namespace migfuzz
