// The known-issues list: failures that are understood, so that they do not fail the night again.
//
// {"schema":1,"issues":[{"signature":"memory/stale-page/*","versions":"7.2","reference":"docs/…",
//   "expires":"2027-06-30"}]}
// `signature` may hold `*`; `versions` is a prefix of the source's or destination's QEMU version,
// empty: all; after `expires` (ISO date, UTC, last valid day) an entry no longer counts.
#pragma once

#include <string>
#include <vector>

#include "harness/core/result.h"

namespace migfuzz {

struct KnownIssue {
  std::string signature;
  std::string versions;
  std::string reference;
  std::string expires;
  /// Signatures of what follows from it in the same case: a process that aborted loses its VM.
  std::vector<std::string> explains{};
};

/// Throws UsageError naming `origin` and the entry.
std::vector<KnownIssue> known_issues_from_text(const std::string& text, const std::string& origin);

/// Turns a failure that is on the list into `known-issue`; the reference becomes its reason.
void apply_known_issues(CaseResult& result, const std::vector<KnownIssue>& list,
                        const std::string& source_version, const std::string& destination_version,
                        const std::string& today);

}  // namespace migfuzz
