// What a scenario is asked for, and what it draws. Pure: the same request draws the same plans.
#pragma once

#include <string>
#include <vector>

#include "harness/core/catalogs.h"
#include "harness/core/plan.h"

namespace migfuzz {

/// A plan together with the cell of the coverage matrix that it stands for; empty: none.
struct PlannedCase {
  Plan plan;
  std::string cell;  // "stopcopy/enter × crash × source"
};

struct ScenarioRequest {
  std::vector<Phase> phases{Phase::stopcopy};
  std::vector<std::string> points;  // as typed: names or patterns with `*`; empty: the telling ones
  std::vector<std::string> faults;  // empty: all
  std::vector<Side> sides;          // empty: all
  Plan base;                        // seed, protocol, accelerator, memory, binaries, …
  std::uint64_t cases = 0;          // how many, for scenarios that repeat; 0: their own default
  /// Points that a no-fault migration passed on this machine, in stream order ("stopcopy/enter").
  std::vector<std::string> passed_points;
};

/// splitmix64 (Steele et al., 2014): the next number of a seed's sequence, advancing `state`.
std::uint64_t next_random(std::uint64_t& state);
/// True when `text` matches `pattern`, in which `*` stands for any run of characters.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace migfuzz
