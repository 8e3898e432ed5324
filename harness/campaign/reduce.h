// Reducing: from many failing cases to few findings, each confirmed, shrunk and told apart.
//
// One bug fails in many cells, and in every plan of several faults that happens to contain it. So
// one failing case of each signature is confirmed and shrunk; what remains names the finding. Cases
// with the same face whose plan *contains* that minimal plan are explained by it and cost no run
// (Hughes, Norell, Smallbone, Arts: "Find more bugs with QuickCheck!", AST 2016); what it does not
// explain is shrunk in its turn. A face that names its place in the code is one bug wherever it
// comes up. A failure without circumstances of its own cannot be told from another with the same
// face: two such bugs stay one finding until one of them is mended.
// Pure; runs are made by whoever calls.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness/campaign/shrink.h"

namespace migfuzz {

/// One finding after it was confirmed and shrunk.
struct Reduced {
  std::string case_id;    // of the case that it began with; its folder gets the steps
  std::string signature;  // of that case
  std::string key;        // the name of the finding: the face under what circumstances are left
  std::string versions, headline;
  Shrunk shrunk;
};

struct ReduceRequest {
  RunPlans run;
  Simpler simpler;
  ShrinkLimits limits;  // `spent` is of all findings together; each gets its share of what is left
  /// A failure of another face, met on the way: it is stored as a case of its own and comes back
  /// with the id that it got.
  std::function<CaseResult(CaseResult)> met = [](CaseResult result) { return result; };
  std::function<void(const Reduced&)> done = [](const Reduced&) {};
};

/// True when what is needed by `minimal` is in `plan`, too: its protocol, its faults (kind, side
/// and phase), and whatever else is not plain about it.
bool contains(const Plan& plan, const Plan& minimal);

/// The name of a finding that was shrunk: its face under all the circumstances that are left, of
/// several faults "PHASE/FAULT-SIDE+PHASE/FAULT-SIDE".
std::string key_of_shrunk(const Shrunk& shrunk);

/// The key of the finding that a case belongs to: of those that were reduced the one that explains
/// it, else its own signature; "FACE/*" where the face names its place in the code.
std::string group_of_case(const CaseResult& result, const std::vector<Reduced>& reduced);

/// Confirms and shrinks one case of each group that has none, the simplest plans first, until
/// `spent` says stop. What was reduced before (`known`: an earlier part of this run) comes first in
/// what is returned.
std::vector<Reduced> reduce(const std::vector<CaseResult>& results, std::vector<Reduced> known,
                            const ReduceRequest& request);

}  // namespace migfuzz
