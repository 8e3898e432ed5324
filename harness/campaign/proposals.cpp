#include "harness/campaign/proposals.h"

#include <algorithm>

#include "harness/core/simpler.h"

namespace migfuzz {
namespace {

// The plan with another kind in the place of fault `i`, as a cell of that kind has it.
Plan with_kind(Plan plan, std::size_t i, const FaultKind& kind) {
  auto& fault = plan.faults[i];
  fault.kind = kind.name;
  if (std::find(kind.sides.begin(), kind.sides.end(), fault.side) == kind.sides.end())
    fault.side = kind.sides.front();
  if (fault.heal_after_ms > 0 || kind.must_heal) fault.heal_after_ms = kind.heal_after_ms;
  fault.parameter = 0;
  plan.patience_ms = std::max(plan.patience_ms, kind.patience_ms);
  if (kind.needs_tcp) plan.transport = Transport::tcp;
  return plan;
}

void the_usual(const Plan& plan, std::size_t i, const Catalogs& catalogs, std::vector<Plan>& all) {
  const auto& kind = catalogs.find_fault(plan.faults[i].kind);
  const auto first =
      std::find_if(catalogs.faults.begin(), catalogs.faults.end(),
                   [&](const FaultKind& other) { return other.effect == kind.effect; });
  if (first->name != kind.name) all.push_back(with_kind(plan, i, *first));
  const Trigger usual{{Phase::stopcopy, "enter", 0}, 1};
  if (plan.faults[i].trigger.point.phase != Phase::stopcopy) {
    all.push_back(plan);
    all.back().faults[i].trigger = usual;
  }
  if (plan.faults[i].side != kind.sides.front()) {
    all.push_back(plan);
    all.back().faults[i].side = kind.sides.front();
  }
}

}  // namespace

std::vector<Plan> proposals(const Plan& plan, const Catalogs& catalogs) {
  auto all = simpler(plan, catalogs);
  const auto rest = std::stable_partition(all.begin(), all.end(), [&](const Plan& one) {
    return one.faults.size() < plan.faults.size();
  });
  std::vector<Plan> usual;
  if (plan.protocol != Plan().protocol) {
    usual.push_back(plan);
    usual.back().protocol = Plan().protocol;
  }
  for (std::size_t i = 0; i < plan.faults.size(); ++i) the_usual(plan, i, catalogs, usual);
  std::erase_if(usual, [&](const Plan& one) { return !accepted(one, catalogs); });
  all.insert(rest, usual.begin(), usual.end());
  return all;
}

}  // namespace migfuzz
