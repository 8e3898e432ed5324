// A campaign: looks at the machine, runs a control, draws the plans, runs them, sums up, writes.
//
// Order: the accelerator trial (and the RAM size that follows from it), one no-fault control per
// transport, which also tells the points of this machine's stream, then the scenario's cases.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "harness/campaign/known_issues.h"
#include "harness/campaign/output.h"
#include "harness/campaign/pool.h"

namespace migfuzz {

struct CampaignRequest {
  std::string scenario = "cells";
  ScenarioRequest draw;
  bool memory_given = false;  // draw.base.guest.memory_bytes comes from the user
  unsigned jobs = 1;
  std::string output;
  bool quiet = false;
  std::string command;  // as typed, for the report
  std::string version;  // of migfuzz
  std::vector<KnownIssue> known_issues;
};

/// What was chosen for this machine and these QEMUs, and why.
struct Chosen {
  std::string accel, accel_why;
  std::string source_version, destination_version;
  std::uint64_t memory_bytes = 0;
  std::string memory_why;
};

/// Tries the accelerators with both binaries; `wanted` is auto, kvm or tcg. Throws CannotRun.
Chosen choose(Pool& pool, const Plan& base, bool memory_given, const Guest& guest);

/// Runs it all; returns the exit status of the program. Throws UsageError, CannotRun, OutputError.
int run_campaign(io::Loop& loop, const CampaignRequest& request, const Catalogs& catalogs,
                 const TrialFunction& trial, const Reports& reports);

/// The cells of a run: those that have to be delivered, and those that were left out, with why.
struct Matrix {
  std::set<Cell> required;
  std::vector<LeftOut> left_out;
};

/// Sums up finished cases: verdict counts, coverage, findings by signature, controls.
/// `folder` is where the evidence lies, for the replay lines.
void sum_up(Summary& summary, const std::vector<CaseResult>& results, const Matrix& matrix,
            const std::string& folder = ".");

}  // namespace migfuzz
