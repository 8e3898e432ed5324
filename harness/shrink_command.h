// `migfuzz shrink PLAN|CASE-DIR`: how often a plan fails, and which part of it is needed.
#pragma once

#include <string>

#include "harness/campaign/harvest.h"

namespace migfuzz {

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

/// Prints every step and what is left. Exit status: 1 the failure was reproduced, 0 nothing failed,
/// 3 no run could tell, 128+n ended by signal n. Throws UsageError, CannotRun, io::OutputError.
int shrink_plan(io::Loop& loop, const ShrinkCommand& request, const Catalogs& catalogs,
                const TrialFunction& trial);

}  // namespace migfuzz
