// A campaign: looks at the machine, runs a control, draws the plans, runs them, sums up, writes.
//
// Order: for each pair of QEMUs the accelerator trial (RAM size and machine type follow from it);
// for each protocol one no-fault control per transport, which also tells the points of this
// machine's stream; then the plans of the corpus, then the scenario's cases of all pairs and
// protocols; then, while there is time left, what a search draws; then new findings are confirmed
// and shrunk. A resumed run goes the same way and leaves out what has finished.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/campaign/feedback.h"
#include "harness/campaign/harvest.h"
#include "harness/campaign/known_issues.h"
#include "harness/campaign/machine.h"
#include "harness/campaign/output.h"
#include "harness/campaign/pool.h"
#include "harness/campaign/sum_up.h"

namespace migfuzz {

/// A field that decides which cases are drawn belongs into recorded_request.cpp, too.
struct CampaignRequest {
  std::string scenario = "cells";
  ScenarioRequest draw;  // its base has one protocol and one pair; the lists below replace them
  std::vector<std::string> protocols{"handshake"};
  std::vector<std::string> modes{"precopy"};
  std::uint64_t most_cells = 0;  // that many, spread over the matrix (spread.h); 0: every cell
  bool modes_given = false;  // the user named them: one that cannot be run is then an error
  std::vector<std::pair<HypervisorSpec, HypervisorSpec>> pairs{{}};  // source, destination
  bool machine_given = false;  // draw.base.machine comes from the user
  bool memory_given = false;   // draw.base.guest.memory_bytes comes from the user
  bool disk_given = false;  // draw.base.disk comes from the user; otherwise the protocol names it
  unsigned jobs = 1;
  std::string output;
  bool quiet = false;
  bool resume = false;
  bool seed_given = false;  // without it a resumed run keeps its own seed
  Shard shard;
  /// Of the whole run, all of its sessions. No case is started that would not end in time, going by
  /// the others; what is under way when it is over is ended without a result.
  std::optional<Milliseconds> time;
  std::string command;  // as typed, for the report
  std::string version;  // of migfuzz
  std::vector<KnownIssue> known_issues;
  std::string corpus;           // folder of plans that are replayed first; empty: none
  Milliseconds shrink_time{0};  // for confirming and shrinking, after the cases; 0: neither
  std::uint64_t confirm = 10;   // runs that confirm a failure
  Feedback feedback = Feedback::automatic;
};

/// Runs it all; returns the exit status of the program. Throws UsageError, CannotRun, OutputError.
int run_campaign(io::Loop& loop, const CampaignRequest& request, const Catalogs& catalogs,
                 const TrialFunction& trial, const Reports& reports);

}  // namespace migfuzz
