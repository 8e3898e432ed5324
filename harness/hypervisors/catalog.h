// Every hypervisor, one line each, and the accelerator trial that a worker runs for the campaign.
#pragma once

#include <string>
#include <vector>

#include "harness/core/catalogs.h"

namespace migfuzz {

std::vector<HypervisorKind> all_hypervisors();

/// Answers a worker's trial job (JSON in and out, see harness/campaign/worker.h).
std::string answer_trial(io::Loop& loop, const std::string& request, const Catalogs& catalogs);

}  // namespace migfuzz
