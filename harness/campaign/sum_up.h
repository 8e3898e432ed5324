// From finished cases to the summary: verdict counts, coverage, findings by signature, controls.
//
// Pure. A finding is one bug as far as can be told (campaign/reduce.h), not one case. What was
// required is told apart from what was delivered, and both from what was left out: a cell that this
// machine cannot do, or that makes no sense anywhere, has its reason in the table.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "harness/campaign/reduce.h"
#include "harness/core/result.h"
#include "harness/core/scenario.h"

namespace migfuzz {

/// The cells of a run: those that have to be delivered, and those that were left out, with why.
struct Matrix {
  std::set<Cell> required;
  std::set<Cell> elsewhere;  // required of the other shards of the campaign
  std::vector<LeftOut> left_out;
};

/// Adds what the other one has; a cell that somebody requires is not left out.
void unite(Matrix& into, const Matrix& other);
/// Of a merged campaign: what no shard has taken on is required all the same, unless a shard that
/// came to it found that its machine cannot.
Matrix whole(Matrix matrix);

/// Adds another value of the same kind to one of the summary's lists, behind a comma, unless it is
/// there already: two QEMUs, two machines.
void list_also(std::string& list, const std::string& one);

/// Fills everything of `summary` that follows from the cases and from what was shrunk of them.
/// Replay lines are for the run's folder, where the reports lie.
void sum_up(Summary& summary, const std::vector<CaseResult>& results, const Matrix& matrix,
            const std::vector<Reduced>& reduced = {});

}  // namespace migfuzz
