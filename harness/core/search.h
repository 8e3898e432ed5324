// The space of plans: drawing them at random, and finding another one near a given one.
//
// A plan is drawn as a whole: one to four faults with heals and re-injections at points that this
// machine's stream has, the guest's shape, the migration's parameters, disk and transport, on one
// of the *grounds* (a pair of QEMUs under a protocol). Several candidates are drawn for each plan,
// and the one whose cells and pairs of cells were drawn least is taken; whoever knows what plans
// are worth may have a say in it. What check_plan() refuses is no candidate, so every drawn plan
// has a meaning and an expected outcome.
// Pure: the n-th plan follows from the grounds' seed, and from what learn() was told, if anything.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/scenario.h"
#include "harness/core/simpler.h"

namespace migfuzz {

/// The fault that a fault of phase `recover` needs before it, or there is nothing to recover from.
FaultSpec breaks_postcopy(const Catalogs& catalogs);
/// The round of pre-copy at whose beginning a post-copy plan switches; each leaves less to follow,
/// and on a busy machine another one may leave nothing to switch for. At the first one's beginning
/// no page need have arrived: a place within pre-copy, and a discard list, take the second.
std::uint32_t rounds_before_postcopy(const Plan& plan);

class PlanGenerator {
 public:
  /// Each ground as a scenario is asked for it: base plan, restrictions, points of this machine's
  /// stream, missing capabilities. At least one; `catalogs` outlives this. UsageError when nothing
  /// at all can be drawn.
  PlanGenerator(std::vector<ScenarioRequest> grounds, const Catalogs& catalogs);

  /// From now on rareness counts less (its square root), and is multiplied by this; above 0.
  void prefer(std::function<double(const Plan&)> worth) { worth_ = std::move(worth); }
  /// The next plan. Counts as drawn.
  PlannedCase draw();
  /// A plan near that one, `seed` says which; nothing when none was found that means something.
  std::optional<PlannedCase> mutate(const PlannedCase& planned, std::uint64_t seed) const;
  /// A case that was drawn has ended: what was not delivered is drawn again sooner.
  void learn(const Plan& plan, bool delivered);

  /// What counts as the same when plans are drawn: each cell of the plan without its "+BYTES", and
  /// each pair of its faults by phase.
  static std::vector<std::string> features_of(const Plan& plan);
  /// How often each has been drawn.
  const std::map<std::string, double>& drawn() const { return drawn_; }

 private:
  double rarity_of(const Plan& plan) const;
  double score_of(const Plan& plan) const;
  std::optional<Plan> candidate(std::uint64_t seed) const;
  bool accepts(const Plan& plan) const;

  std::vector<ScenarioRequest> grounds_;
  const Catalogs& catalogs_;
  std::map<std::string, double> drawn_;
  std::function<double(const Plan&)> worth_;  // none: rareness alone
  std::uint64_t number_ = 0;
};

}  // namespace migfuzz
