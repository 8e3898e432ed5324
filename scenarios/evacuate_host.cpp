// evacuate-host: several VMs leave a host that is about to be taken down, under faults.
//
// What every cluster manager promises of a drain (Hyper-V's "drain roles", vSphere's maintenance
// mode, Compute Engine's host maintenance): only so many migrations at once, and in the end every
// VM is on exactly one host; one whose host fails meanwhile is started again, once.
#include <fmt/format.h>

#include "scenarios/catalog.h"
#include "scenarios/system.h"

namespace migfuzz {
namespace {

using namespace promises;
constexpr std::uint32_t kVms = 6, kAtOnce = 2;

std::optional<Kept> accounted_for(const Looked& looked) {
  for (const auto& finding : looked.measured.findings)
    if (finding.checker == "evacuation" && finding.verdict != Verdict::infra)
      return kept(finding.verdict == Verdict::pass, finding.what);
  return std::nullopt;
}

}  // namespace

Scenario make_evacuate_host() {
  Scenario scenario;
  scenario.name = "evacuate-host";
  scenario.summary = "six VMs leave a host, two at once; every one ends on exactly one host";
  scenario.draw = [](const ScenarioRequest& request, const Catalogs& catalogs) {
    auto fewer = request;
    if (fewer.cases == 0) fewer.cases = 2;  // each is six migrations
    return draw_system(fewer, catalogs, "evacuate-host", [](Plan& plan) {
      plan.evacuation = {kVms, kAtOnce};
      plan.policy.restarts = true;
      plan.transport = Transport::tcp;
      plan.patience_ms = std::max(plan.patience_ms, 1000u);  // twelve QEMUs share the machine
    });
  };
  scenario.promises = {
      {"every-vm-on-one-host",
       "each VM ends on exactly one host, or is started again once; never more than two migrate at "
       "once",
       "Microsoft, Hyper-V: drain roles; VMware, vSphere: maintenance mode", accounted_for,
       {"evacuation"}},
  };
  return scenario;
}

}  // namespace migfuzz
