// The commands besides `run` and `shrink`, each one function that prints and returns the exit
// status.
#pragma once

#include <string>

#include "harness/campaign/campaign.h"
#include "harness/command_line/requests.h"
#include "harness/core/catalogs.h"

namespace migfuzz {

/// Runs one stored plan again, or those of a recorded run in their order; prints verdict and
/// signature of each time. Exit status as `run`.
int replay(io::Loop& loop, const ReplayRequest& request, const Catalogs& catalogs,
           const TrialFunction& trial);

/// `doctor`: every capability, present or absent, why, and what its absence costs.
int doctor(io::Loop& loop, const Plan& base, const Catalogs& catalogs, const TrialFunction& trial);

/// `report DIR`: writes the reports again from stored results.
int rewrite_reports(const std::string& folder, const Reports& reports);

}  // namespace migfuzz
