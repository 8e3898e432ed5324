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
Scenario make_clark_precopy();
Scenario make_vmotion_shared_storage();
Scenario make_hyperv_cluster();
Scenario make_gce_maintenance();
Scenario make_hines_postcopy();
Scenario make_evacuate_host();

std::vector<Scenario> all_scenarios();

}  // namespace migfuzz
