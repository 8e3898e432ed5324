// Simpler plans: what a shrink may try next. Pure proposals; nobody is run here.
//
// A proposal differs from its plan in one respect: fewer faults, no heal, a plainer point, a
// default guest or parameter. Each is strictly smaller by complexity_of(), which is bounded from
// below, so a shrink that only ever takes a proposal ends. It says nothing about what still fails:
// that is for whoever runs the proposals.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "harness/core/catalogs.h"
#include "harness/core/plan.h"

namespace migfuzz {

/// How far a plan is from the plainest one; compared from the first member to the last.
struct Complexity {
  std::size_t faults = 0;
  std::size_t oddities = 0;     // fields and parts of points that are not what a plain plan has
  std::uint64_t magnitude = 0;  // sum of the numbers that say how far in, how often, how long
  auto operator<=>(const Complexity&) const = default;
};
Complexity complexity_of(const Plan& plan);

/// check_plan() takes it.
bool accepted(const Plan& plan, const Catalogs& catalogs);

/// One of the RAM sizes that a run takes by itself, or none chosen yet.
bool plain_memory(std::uint64_t bytes);

/// Simpler plans, the boldest first, each once. Knows no catalog: a kind that must be healed, or a
/// fault without a meaning at its plainer point, is for check_plan() to refuse.
std::vector<Plan> simpler(const Plan& plan);

/// Those of them that check_plan() accepts, and with what the kinds know: their usual heal and the
/// least patience that goes with it. A patience below that would be another failure.
std::vector<Plan> simpler(const Plan& plan, const Catalogs& catalogs);

}  // namespace migfuzz
