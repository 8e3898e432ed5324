// Every kind of fault, one line each. Adding one: its file, its make_ here, its line in
// catalog.cpp.
#pragma once

#include <vector>

#include "harness/core/fault.h"

namespace migfuzz {

FaultKind make_crash();
FaultKind make_host_crash();
FaultKind make_hang();
FaultKind make_reset();
FaultKind make_close();
FaultKind make_truncate();
FaultKind make_stall();
FaultKind make_port_disabled();
FaultKind make_link_down();
FaultKind make_corrupt();
FaultKind make_io_error();
FaultKind make_io_hang();
FaultKind make_storage_crash();
FaultKind make_lock_conflict();

std::vector<FaultKind> all_faults();

}  // namespace migfuzz
