// What a campaign does with its failures, and with those of earlier ones: the corpus first, then
// confirming and shrinking on the pool, with files for every step.
//
// cases/ID/shrink.jsonl has the steps, cases/ID/minimal.json what is left; a finding that was
// confirmed and shrunk is added to the corpus, where one is given. The algorithms are pure and lie
// in shrink.h and reduce.h; here they meet workers, clocks and files.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "harness/campaign/corpus.h"
#include "harness/campaign/known_issues.h"
#include "harness/campaign/pool.h"
#include "harness/campaign/reduce.h"

namespace migfuzz {

struct HarvestRequest {
  std::string folder;  // of the run: cases/ID/ gets the files
  std::string corpus;  // where new findings are added; empty: nowhere
  Milliseconds time{0};
  std::uint64_t confirm = 10;  // see ShrinkLimits
  std::size_t at_once = 1;
  std::function<bool()> stop = [] { return false; };
  /// Amends the result of a run as the campaign does its cases': known issues, time.
  std::function<void(CaseResult&)> amend = [](CaseResult&) {};
  std::function<CaseResult(CaseResult)> met = [](CaseResult result) { return result; };
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

/// What the workers cannot know of a result: the time of day, and what the list says.
void amend(CaseResult& result, const std::vector<KnownIssue>& list, const Catalogs& catalogs);

/// Runs plans on the pool, in the order asked for; fewer results when `stop` turns true.
RunPlans on_pool(Pool& pool, const std::function<void(CaseResult&)>& amend,
                 const std::function<bool()>& stop);

/// Confirms and shrinks what failed, within `time` from now on. Nothing when that is zero.
std::vector<Reduced> harvest(Pool& pool, const Catalogs& catalogs,
                             const std::vector<CaseResult>& results, const HarvestRequest& request);

/// What is kept of a shrunk finding: minimal.json, and a file of the corpus.
StoredPlan stored(const Reduced& reduced, const std::string& found);

/// Writes shrink.jsonl and minimal.json.
void write_shrunk(const std::string& folder, const Reduced& reduced);

/// What an earlier part of a run had shrunk, from the minimal.json of its cases, and by whatever
/// means they came to lie in this folder. Without steps.
std::vector<Reduced> read_reduced(const std::string& folder,
                                  const std::vector<CaseResult>& results);

/// A plan of the corpus on this run's hosts: their binaries, accelerator and machine type, and RAM
/// where nobody had asked for another size.
Plan adapted(Plan plan, const Plan& base);

/// Why a plan of the corpus cannot be run here, in one clause; empty: it can.
std::string why_not_here(const Plan& plan, const Catalogs& catalogs,
                         const std::map<std::string, std::string>& missing);

}  // namespace migfuzz
