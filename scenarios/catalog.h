// Every scenario, one line each. Adding one: its file, its make_ here and its line in catalog.cpp.
#pragma once

#include <vector>

#include "harness/core/scenario.h"

namespace migfuzz {

Scenario make_cells();
Scenario make_control();
Scenario make_canary();
Scenario make_smoke();
Scenario make_double_writer();
Scenario make_search();

std::vector<Scenario> all_scenarios();

}  // namespace migfuzz
