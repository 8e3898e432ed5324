// smoke: ten seconds that touch everything: two controls and one cell of each fault kind.
#include "scenarios/catalog.h"
#include "scenarios/cells.h"

namespace migfuzz {
namespace {

std::vector<PlannedCase> draw_smoke(const ScenarioRequest& request, const Catalogs& catalogs) {
  auto two = request;
  two.cases = 2;
  auto cases = make_control().draw(two, catalogs);
  for (const auto& kind : catalogs.faults)
    for (const auto side : kind.sides)
      cases.push_back(cell_case(request, kind, side, "stopcopy/enter", "smoke"));
  return cases;
}

}  // namespace

Scenario make_smoke() {
  return {"smoke", "two controls and one stop-and-copy cell of each fault kind and side",
          draw_smoke};
}

}  // namespace migfuzz
