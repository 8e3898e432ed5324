// smoke: half a minute that touches everything: two controls and one cell of each fault kind and
// side, in stop-and-copy where the kind has a meaning there.
#include "scenarios/catalog.h"
#include "scenarios/cells.h"

namespace migfuzz {
namespace {

Drawn draw_smoke(const ScenarioRequest& request, const Catalogs& catalogs) {
  auto two = request;
  two.cases = 2;
  auto drawn = make_control().draw(two, catalogs);
  for (const auto& kind : catalogs.faults)
    for (const auto side : kind.sides)
      for (const auto* point : {"stopcopy/enter", "commit/ack", "precopy/begin", "prepare/ready"}) {
        if (left_out(request, catalogs, kind, side, point)) continue;
        auto one = cell_case(request, catalogs, {kind, side, point}, "smoke");
        if (never_on(one.plan, catalogs).empty()) drawn.cases.push_back(std::move(one));
        break;
      }
  return drawn;
}

}  // namespace

Scenario make_smoke() {
  return {"smoke", "two controls and one cell of each fault kind and side", draw_smoke};
}

}  // namespace migfuzz
