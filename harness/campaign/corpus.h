// The corpus: minimal plans of findings as readable JSON, one file each, replayed by every campaign
// that is given the folder, and only ever added to.
//
// A file says what it is a reproduction of (`signature`), what was seen, on which versions, how
// often (`shown` of `runs`), and the plan. The same shape is `minimal.json` in a case's folder, so
// that either can be replayed and shrunk where a plan.json can. Paths of QEMUs are those of the
// machine that found it; a campaign puts its own in their place.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/core/plan.h"
#include "harness/core/rate.h"

namespace migfuzz {

/// A plan with what is known of it.
struct StoredPlan {
  static constexpr int kSchema = 1;
  std::string signature;  // of the finding
  std::string what;       // one sentence
  std::string versions;   // "7.2.22 -> 10.0.2"
  std::string found;      // ISO 8601, UTC
  std::string end;        // how its shrink ended
  Rate rate;
  Plan plan;
};

nlohmann::json to_json(const StoredPlan& stored);
/// Throws UsageError naming `origin`.
StoredPlan stored_plan_from_text(const std::string& text, const std::string& origin);

/// Reads a plan.json, a minimal.json or a file of the corpus, or the plan.json of a case's folder.
/// Throws UsageError naming the file.
StoredPlan read_stored_plan(const std::string& path);

/// Every *.json of the folder, by name. A folder that is not there has none.
std::vector<StoredPlan> read_corpus(const std::string& folder);

/// Adds it, and returns the path: named after the signature, with a hash of the plan. Never changes
/// or replaces a file. Nothing is added, and nothing returned, where a file of that signature has a
/// plan that is as simple.
std::string add_to_corpus(const std::string& folder, const StoredPlan& stored);

}  // namespace migfuzz
