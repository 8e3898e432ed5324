// What a run was asked for, as the store records it: options by name, one JSON object.
//
// A resumed session and the folders of a merge must have been asked for the same, or their results
// would not be those of one run. Left out is what changes neither the drawn cases nor what they
// mean: --jobs, --output, --quiet, --known-issues. The shard is recorded beside it.
#pragma once

#include <string>

namespace migfuzz {

struct CampaignRequest;

std::string recorded(const CampaignRequest& request);
/// "--seed was 7 and is 8": the first difference; empty when there is none.
std::string difference(const std::string& was, const std::string& is);

}  // namespace migfuzz
