#include "scenarios/catalog.h"

namespace migfuzz {

std::vector<Scenario> all_scenarios() {
  return {make_cells(), make_control(), make_canary(), make_smoke(), make_double_writer(),
          make_search(), make_clark_precopy(), make_vmotion_shared_storage(),
          make_hyperv_cluster(), make_gce_maintenance(), make_hines_postcopy(),
          make_evacuate_host()};
}

}  // namespace migfuzz
