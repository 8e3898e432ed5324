// From settings to requests: what each value means, and whether it can.
//
// Pure, but for three looks at the machine: how many cores it has, whether a QEMU is there, and the
// files that are named (known issues). Everything throws UsageError: the input, the reason, the
// mend, in one line.
#pragma once

#include "harness/campaign/campaign.h"
#include "harness/command_line/settings.h"

namespace migfuzz {

struct ReplayRequest {
  /// plan.json, minimal.json, a file of a corpus, a case's folder, a bundle, or a run's folder
  std::string path;
  std::string source_qemu, destination_qemu;  // in the place of the plan's; empty: the plan's
  std::uint64_t times = 1;
  unsigned jobs = 1;
  bool quiet = false;
  std::string output;  // where results go; empty: nowhere
};

struct ShrinkCommand {
  std::string path;    // plan.json, minimal.json, a file of the corpus, or a case's folder
  std::string output;  // gets shrink.jsonl and minimal.json
  std::string corpus;  // folder that the minimal plan is added to; empty: none
  Milliseconds time{300000};
  std::uint64_t confirm = 10;
  unsigned jobs = 1;
  bool quiet = false;
  std::vector<KnownIssue> known_issues;
};

}  // namespace migfuzz

namespace migfuzz::command_line {

/// `command` is what the report calls the command of the run.
CampaignRequest campaign_request(const Settings& settings, const Catalogs& catalogs,
                                 const std::string& command);
ReplayRequest replay_request(const Settings& settings);
ShrinkCommand shrink_request(const Settings& settings);
/// Of `doctor`: the hosts that it looks at.
Plan doctor_plan(const Settings& settings);

/// A length of time such as 90s, 10m or 8h. `option` is how the message calls it.
Milliseconds duration(const std::string& option, const std::string& text);

}  // namespace migfuzz::command_line
