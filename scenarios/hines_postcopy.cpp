// hines-postcopy: Hines, Deshpande and Gopalan, "Post-Copy Live Migration of Virtual Machines",
// SIGOPS Operating Systems Review 43(3), 2009 (and VEE'09).
//
// Each page goes over the network once, and what the guest touches first is fetched. The price:
// once the destination runs, neither host alone has the VM, so a destination that fails takes it
// along; the paper says so, and the report shows it as an expected loss. Pre-copy runs beside it,
// because there the same failure costs nothing. QEMU's post-copy begins with a round of pre-copy;
// "once" is checked from the switch on.
#include <fmt/format.h>

#include "harness/core/mode.h"
#include "scenarios/catalog.h"
#include "scenarios/system.h"

namespace migfuzz {
namespace {

using namespace promises;
constexpr auto kPaper = "Hines et al., SIGOPS OSR 43(3), 2009, section 3";

bool postcopy(const Looked& looked) { return mode_from(looked.plan.mode).postcopy(); }

std::optional<Kept> fetched(const Looked& looked) {
  if (!postcopy(looked) || !no_fault(looked)) return std::nullopt;
  std::uint64_t requests = 0;
  const auto first = looked.history.first_migration();
  for (const auto& one : first.events())
    if (one.kind == "return-path" && one.name.starts_with("req-pages")) ++requests;
  const bool all_there =
      looked.evidence.source.at_settle.migration == MigrationStatus::completed &&
      runs_on(looked, Side::destination);
  return kept(requests > 0 && all_there,
              fmt::format("{} pages were asked for, and {}", requests,
                          all_there ? "each one came: the post-copy has completed"
                                    : "the post-copy has not completed"));
}

std::optional<Kept> once(const Looked& looked) {
  if (!postcopy(looked) || !no_fault(looked)) return std::nullopt;
  const auto& pages = looked.evidence.pages_after_switch;
  if (!pages) return std::nullopt;
  return kept(pages->again == 0 && pages->sent > 0,
              fmt::format("{} pages were sent after the switch, {} of them again", pages->sent,
                          pages->again));
}

// The destination failed after it was told to run, and nobody fenced it before.
std::optional<Kept> fails_with_it(const Looked& looked) {
  const auto& e = looked.evidence;
  const bool there = event(looked, "destination", "qmp-event", "RESUME") != nullptr;
  const auto completed = e.source.at_settle.migration == MigrationStatus::completed;
  if (!postcopy(looked) || !there || !e.destination.at_settle.dead || completed)
    return std::nullopt;
  return kept(!is_lost(looked), "the VM runs on: " + looked.measured.survivor);
}

std::optional<Kept> survives_it(const Looked& looked) {
  if (postcopy(looked) || no_fault(looked) || handed_over(looked.history) ||
      !source_stable(looked) || !looked.evidence.destination.at_settle.dead)
    return std::nullopt;
  return kept(runs_on(looked, Side::source),
              "the destination is gone; the VM runs on: " + looked.measured.survivor);
}

}  // namespace

Scenario make_hines_postcopy() {
  Scenario scenario;
  scenario.name = "hines-postcopy";
  scenario.summary = "post-copy beside pre-copy: pages once, fetched when touched, and its price";
  scenario.modes = {"precopy", "postcopy"};
  scenario.draw = [](const ScenarioRequest& request, const Catalogs& catalogs) {
    return draw_system(request, catalogs, "hines-postcopy", [](Plan&) {});
  };
  scenario.promises = {
      {"pages-once", "from the switch on each page is sent at most once", kPaper, once},
      {"faults-served", "pages that the guest touches first are fetched over the network", kPaper,
       fetched},
      {"survives-destination",
       "the VM outlives a destination that fails after the switch: post-copy cannot promise it, "
       "and its losses are expected",
       "Hines et al., SIGOPS OSR 43(3), 2009, section 6 (reliability)", fails_with_it,
       {"survivor"}},
      {"precopy-survives", "in pre-copy a destination that fails costs nothing: the VM runs on",
       "Hines et al., SIGOPS OSR 43(3), 2009, section 6 (reliability)", survives_it,
       {"survivor"}},
  };
  return scenario;
}

}  // namespace migfuzz
