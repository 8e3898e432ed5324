// Joins the results of one campaign that ran in several folders: shards, or shards that ran twice.
//
// Every case counts once, by its key. Where one ran twice the worse verdict stands, and of equal
// ones the earlier: a failure that was seen once was seen. So it matters neither in which order
// folders are named, nor whether one is named again, nor whether they are merged at once or one by
// one into the same output. A folder whose run did not come to its end gives what had finished.
#pragma once

#include <string>
#include <vector>

#include "harness/campaign/output.h"
#include "harness/core/catalogs.h"

namespace migfuzz {

struct MergeRequest {
  std::vector<std::string> folders;
  std::string output;
  std::string command;  // as typed, for the report
};

/// Returns the exit status of the whole campaign; 3 when a part of it is missing. Throws UsageError
/// when the folders are not of one campaign, io::OutputError.
int merge(const MergeRequest& request, const Catalogs& catalogs, const Reports& reports);

}  // namespace migfuzz
