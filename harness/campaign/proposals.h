// What a shrink tries: simpler plans, and plans of the same size that more people would think of.
//
// simpler() (harness/core/simpler.h) takes away. It leaves a bug that fails in every phase, under
// either protocol, by any of nine ways to cut a channel, with as many minimal plans as it has
// cells. So each fault is also tried as the first kind of its effect in the catalog, on that kind's
// first side, at the beginning of stop-and-copy, and the plan under the default protocol: a bug
// that does not care is then named by one plan, and one that cares keeps what it needs. Pure. Ends:
// what is exchanged only ever moves forward in these orders, and simpler() moves none of it back
// while it makes the plan smaller.
#pragma once

#include <vector>

#include "harness/core/catalogs.h"

namespace migfuzz {

/// The boldest first: fewer faults, then the usual instead of the unusual, then the rest. All of
/// them are plans that check_plan() accepts.
std::vector<Plan> proposals(const Plan& plan, const Catalogs& catalogs);

}  // namespace migfuzz
