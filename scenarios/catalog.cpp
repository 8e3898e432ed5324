#include "scenarios/catalog.h"

namespace migfuzz {

std::vector<Scenario> all_scenarios() {
  return {make_cells(), make_control(), make_canary(), make_smoke(), make_double_writer(),
          make_search()};
}

}  // namespace migfuzz
