// What a scenario is asked for, and what it draws. Pure: the same request draws the same plans.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/catalogs.h"
#include "harness/core/plan.h"

namespace migfuzz {

/// One cell of the coverage matrix: what fails where, under which rules.
struct Cell {
  std::string point;  // "stopcopy/enter"
  std::string fault;
  Side side = Side::channel;
  std::string protocol;
  std::string versions;  // "7.2.22 -> 10.0.2"; empty where a run has one pair of QEMUs only
  std::string mode = "precopy";
  std::string channel{};  // FaultSpec::channel
  auto operator<=>(const Cell&) const = default;
};
/// "stopcopy/enter × crash × source × handshake", the mode where it is not the usual one.
std::string to_string(const Cell& cell);

/// A plan together with the cell that it stands for; none for controls and canaries.
struct PlannedCase {
  Plan plan;
  std::optional<Cell> cell;
  std::string key{};  // its name within the run (campaign/identity.h); empty until it is started
};

/// A cell that is not run. `here`: another machine could; otherwise it has no meaning anywhere.
struct LeftOut {
  Cell cell;
  std::string why;
  bool here = false;
};

struct Drawn {
  std::vector<PlannedCase> cases;
  std::vector<LeftOut> left_out;
};

struct ScenarioRequest {
  std::vector<Phase> phases{Phase::stopcopy};
  std::vector<std::string> points;  // as typed: names or patterns with `*`; empty: the telling ones
  std::vector<std::string> faults;  // empty: all
  std::vector<Side> sides;          // empty: all
  std::optional<Transport> transport;  // nothing: the one that shows a fault best, or both in turn
  Plan base;                        // seed, protocol, accelerator, memory, binaries, …
  std::uint64_t cases = 0;          // how many, for scenarios that repeat; 0: their own default
  /// Points that a no-fault migration passed on this machine, in stream order ("stopcopy/enter").
  std::vector<std::string> passed_points;
  /// Capabilities that this machine does not have (FaultKind::needs), each with the reason.
  std::map<std::string, std::string> missing;
  std::string versions;  // for the cells; empty where a run has one pair of QEMUs only
};

/// The scenario of every plan that was searched for and not enumerated.
inline constexpr std::string_view kSearchScenario = "search";
inline constexpr std::uint64_t kUsualSearch = 100;  // cases of a search that is not told how many
/// Likewise of plans of the corpus, and of those that failed otherwise while another was shrunk.
inline constexpr std::string_view kCorpusScenario = "corpus", kShrinkScenario = "shrink";

/// The plan is run by that scenario from now on, and what its own one promises is still asked.
inline void run_as(Plan& plan, std::string_view scenario) {
  const bool drawn_by_none = plan.scenario == Plan().scenario || plan.scenario == kSearchScenario ||
                             plan.scenario == kCorpusScenario || plan.scenario == kShrinkScenario;
  if (plan.promised_by.empty() && !drawn_by_none) plan.promised_by = plan.scenario;
  plan.scenario = scenario;
}

/// A migration that nothing is done to, run to see that all is well.
inline bool is_control(const Plan& plan) {
  return plan.faults.empty() && plan.plant.empty() && plan.scenario != kSearchScenario &&
         plan.scenario != kCorpusScenario && plan.scenario != kShrinkScenario;
}

/// Makes the migration need several passes over memory before it converges. QEMU takes no measure
/// of its bandwidth in the first 100 ms (BUFFER_DELAY, migration.c) and completes after a pass
/// that was shorter, however much is dirty: so the bandwidth is limited, too.
void several_passes(Plan& plan);

/// splitmix64 (Steele et al., 2014): the next number of a seed's sequence, advancing `state`.
std::uint64_t next_random(std::uint64_t& state);
/// True when `text` matches `pattern`, in which `*` stands for any run of characters.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace migfuzz
