// clark-precopy: Clark et al., "Live Migration of Virtual Machines", NSDI'05.
//
// Section 3.1 divides a migration into six stages (pre-migration, reservation, iterative pre-copy,
// stop-and-copy, commitment, activation) and promises for any failure that "at least one host has a
// consistent VM image at all times", as long as the original host "remains stable until the
// migration commits". Its blackouts, 60 ms (Quake 3) and 210 ms (SPECweb99), are lines in the
// report and no bound here: they are measurements of that paper's machines.
#include <fmt/format.h>

#include "harness/core/mode.h"
#include "scenarios/catalog.h"
#include "scenarios/system.h"

namespace migfuzz {
namespace {

using namespace promises;

std::optional<Kept> six_stages(const Looked& looked) {
  if (!no_fault(looked)) return std::nullopt;
  // A mode may not show a stage, and then none of its places (mode.h): TLS hides the last ones.
  const auto mode = mode_from(looked.plan.mode);
  std::vector<std::string> wanted;
  for (const auto phase : {Phase::prepare, Phase::reserve, Phase::precopy, Phase::stopcopy,
                           Phase::commit})
    if (mode.has(phase)) wanted.emplace_back(to_string(phase));
  std::string passed;
  std::size_t next = 0;
  const auto first = looked.history.first_migration();
  for (const auto& one : first.events()) {
    if (one.kind != "phase") continue;
    passed += (passed.empty() ? "" : ", ") + one.name;
    if (next < wanted.size() && one.name == wanted[next]) ++next;
  }
  const bool activated = event(looked, "destination", "qmp-event", "RESUME") != nullptr;
  if (activated) passed += ", activate";
  return kept(next == wanted.size() && activated, "passed: " + passed);
}

std::optional<Kept> refused_runs_on(const Looked& looked) {
  if (looked.evidence.expected.rule != "migration-refused") return std::nullopt;
  return kept(runs_on(looked, Side::source), "the VM runs on: " + looked.measured.survivor);
}

std::optional<Kept> resumed_at_home(const Looked& looked) {
  if (no_fault(looked) || handed_over(looked.history) || !source_stable(looked))
    return std::nullopt;
  return kept(runs_on(looked, Side::source),
              "nothing was committed; the VM runs on: " + looked.measured.survivor);
}

std::optional<Kept> committed(const Looked& looked) {
  if (!handed_over(looked.history)) return std::nullopt;
  const auto& there = looked.evidence.destination;
  const bool gone = there.at_settle.dead || there.frozen || !looked.evidence.settled;
  // Once B has run, A's image is the past, whatever becomes of B.
  const bool revived = runs_on(looked, Side::source) &&
                       event(looked, "destination", "qmp-event", "RESUME") != nullptr;
  if (gone && !revived) return std::nullopt;
  return kept(runs_on(looked, Side::destination),
              "committed; the VM runs on: " + looked.measured.survivor);
}

std::optional<Kept> one_image(const Looked& looked) {
  const bool stable = source_stable(looked) || handed_over(looked.history);
  const bool after = handed_over(looked.history) && looked.evidence.destination.at_settle.dead;
  if (!stable || after) return std::nullopt;
  return kept(!is_lost(looked), "the VM runs on: " + looked.measured.survivor);
}

}  // namespace

Scenario make_clark_precopy() {
  Scenario scenario;
  scenario.name = "clark-precopy";
  scenario.summary = "the six stages of Clark et al. (NSDI'05), and who resumes when one fails";
  scenario.draw = [](const ScenarioRequest& request, const Catalogs& catalogs) {
    return draw_system(request, catalogs, "clark-precopy", [](Plan&) {});
  };
  constexpr auto kStages = "Clark et al., NSDI'05, section 3.1, stages 0 to 5";
  scenario.promises = {
      {"six-stages", "a migration passes all six stages in their order", kStages, six_stages},
      {"refused-runs-on",
       "if the target refuses at reservation, the VM simply continues to run on A",
       "Clark et al., NSDI'05, section 3.1, stage 1", refused_runs_on, {"survivor"}},
      {"resumed-at-home",
       "until commitment the copy at A is primary and is resumed in case of failure",
       "Clark et al., NSDI'05, section 3.1, stage 3", resumed_at_home, {"survivor"}},
      {"b-is-primary", "from commitment on host B is the primary host",
       "Clark et al., NSDI'05, section 3.1, stage 4", committed, {"survivor", "single-owner"}},
      {"one-consistent-image",
       "at least one host has a consistent VM image at all times, if A is stable until commitment",
       "Clark et al., NSDI'05, section 3.1, after the stages", one_image, {"survivor"}},
  };
  return scenario;
}

}  // namespace migfuzz
