// A part of the matrix that stands for the whole: as many cells as there is time for, and as
// different from each other as they can be.
//
// Each next cell is the one that meets most of what was met least so far: its mode in its phase,
// its fault on that side, the fault in that mode, the fault in that phase, its point. So every
// beginning of the sequence is the widest of its length, and the first hundred of thirty thousand
// cells have met every fault once. Pure: the same cases and seed give the same sequence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "harness/core/scenario.h"

namespace migfuzz {

/// At most `most` of the cases, in the order in which they are to be run. Equal cells are told
/// apart by `seed` alone, so that another night takes others. A case without a cell is left out.
std::vector<PlannedCase> spread(std::vector<PlannedCase> cases, std::size_t most,
                                std::uint64_t seed);

}  // namespace migfuzz
