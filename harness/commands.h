// The commands besides `run`, each one function that prints and returns the exit status.
#pragma once

#include <string>

#include "harness/campaign/campaign.h"
#include "harness/core/catalogs.h"

namespace migfuzz {

/// `list KIND`: every name with its one-line explanation. Throws UsageError for an unknown kind.
int list_catalog(const std::string& kind, const Catalogs& catalogs);

struct ReplayRequest {
  /// plan.json, minimal.json, a file of a corpus, a case's folder, a bundle, or a run's folder
  std::string path;
  std::string source_qemu, destination_qemu;  // in the place of the plan's; empty: the plan's
  std::uint64_t times = 1;
  unsigned jobs = 1;
  bool quiet = false;
  std::string output;  // where results go; empty: nowhere
};
/// Runs one stored plan again, or those of a recorded run in their order; prints verdict and
/// signature of each time. Exit status as `run`.
int replay(io::Loop& loop, const ReplayRequest& request, const Catalogs& catalogs,
           const TrialFunction& trial);

/// `doctor`: every capability, present or absent, why, and what its absence costs.
int doctor(io::Loop& loop, const Plan& base, const Catalogs& catalogs, const TrialFunction& trial);

/// `report DIR`: writes the reports again from stored results.
int rewrite_reports(const std::string& folder, const Reports& reports);

}  // namespace migfuzz
