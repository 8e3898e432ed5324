// The catalogs of the real program, for tests and benches that run whole cases.
#pragma once

#include "faults/catalog.h"
#include "guests/catalog.h"
#include "harness/checkers/catalog.h"
#include "harness/core/catalogs.h"
#include "harness/hypervisors/catalog.h"
#include "harness/protocols/catalog.h"
#include "scenarios/catalog.h"

namespace migfuzz::fakes {

inline Catalogs real_catalogs() {
  Catalogs catalogs;
  catalogs.faults = all_faults();
  catalogs.guests = all_guests();
  catalogs.checkers = all_checkers();
  catalogs.protocols = all_protocols();
  catalogs.hypervisors = all_hypervisors();
  catalogs.scenarios = all_scenarios();
  return catalogs;
}

}  // namespace migfuzz::fakes
