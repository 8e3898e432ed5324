// control: migrations without any fault. Each must complete with memory exact: a finding here is a
// bug of QEMU or of the harness that no fault can be blamed for. --cases says how many (default
// 20); they alternate between both transports, each with a guest seed of its own.
#include "harness/core/mode.h"
#include "scenarios/catalog.h"

namespace migfuzz {
namespace {

Drawn draw_controls(const ScenarioRequest& request, const Catalogs&) {
  Drawn drawn;
  std::uint64_t state = request.base.seed;
  const bool tcp = mode_from(request.base.mode).needs_tcp();
  const auto count = request.cases != 0 ? request.cases : 20;
  for (std::uint64_t i = 0; i < count; ++i) {
    PlannedCase one;
    one.plan = request.base;
    one.plan.scenario = "control";
    one.plan.guest.seed = next_random(state);
    if (tcp) one.plan.transport = Transport::tcp;
    if (!tcp) one.plan.transport = request.transport.value_or(i % 2 == 0 ? Transport::unix_tight
                                                               : Transport::tcp);
    // Pages that are dirtied again in later passes are what a migration can lose.
    several_passes(one.plan);
    one.plan.patience_ms = 5000;
    drawn.cases.push_back(std::move(one));
  }
  return drawn;
}

}  // namespace

Scenario make_control() {
  return {"control", "migrations without a fault: every one must complete, memory exact",
          draw_controls};
}

}  // namespace migfuzz
