// search: generated plans, each with one to four faults, where the cells do not look.
//
// The plans come from PlanGenerator (harness/core/search.h); a run asks it again and again, until
// --cases are drawn, or the time of --time is up. Restricted by --phase, --point, --fault and
// --side as cells are; without --phase it searches all phases. Not one of its plans stands for a
// cell of the coverage table.
#include "harness/core/search.h"

#include "scenarios/catalog.h"

namespace migfuzz {
namespace {

Drawn draw_search(const ScenarioRequest& request, const Catalogs& catalogs) {
  Drawn drawn;
  PlanGenerator generator({request}, catalogs);
  const auto count = request.cases != 0 ? request.cases : kUsualSearch;
  for (std::uint64_t i = 0; i < count; ++i) drawn.cases.push_back(generator.draw());
  return drawn;
}

}  // namespace

Scenario make_search() {
  return {kSearchScenario,
          "generated plans with one to four faults: cells and pairs drawn least first",
          draw_search};
}

}  // namespace migfuzz
