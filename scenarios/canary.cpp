// canary: defects planted on purpose, each of which must be found; the run must end in status 1.
//
//  double-resume  the arbiter breaks its own rule and lets both hosts run   -> single-owner
//  stale-page     one page of the destination is set back by one epoch      -> memory
//  rollback       the source is brought back after the destination has run  -> no-rollback
//  second-sender  a frame of the VM comes once more from the host that it has left -> network;
//                 only with a guest that speaks on the network
//
// A night whose canary survives proves nothing.
#include <algorithm>
#include <vector>

#include "scenarios/catalog.h"

namespace migfuzz {
namespace {

Drawn draw_canaries(const ScenarioRequest& request, const Catalogs& catalogs) {
  Drawn drawn;
  std::uint64_t state = request.base.seed;
  std::vector<const char*> plants{"double-resume", "stale-page", "rollback"};
  const bool speaks = std::any_of(
      catalogs.guests.begin(), catalogs.guests.end(),
      [&](const auto& one) { return one->name() == request.base.guest.name && one->address(); });
  if (speaks) plants.push_back("second-sender");
  for (const auto* plant : plants) {
    PlannedCase one;
    one.plan = request.base;
    one.plan.scenario = "canary";
    one.plan.plant = plant;
    one.plan.protocol = "handshake";  // the plants need the moment at which both hosts stand still
    one.plan.patience_ms = 5000;
    one.plan.guest.seed = next_random(state);
    // QEMU's image lock would refuse the second host: the defect is planted where nothing does.
    one.plan.disk = "none";
    // Fast enough that every page has been written twice when the migration ends.
    one.plan.guest.dirty_pages_per_s = 20000;
    drawn.cases.push_back(std::move(one));
  }
  return drawn;
}

}  // namespace

Scenario make_canary() {
  return {"canary", "planted defects, each of which must be found (ends in status 1)",
          draw_canaries};
}

}  // namespace migfuzz
