// The known-issues list: failures that are understood, so that they do not fail the night again.
//
// {"schema":1,"issues":[{"signature":"memory/stale-page/*","versions":"7.2","reference":"docs/…",
//   "expires":"2027-06-30"}]}; besides: "explains", "shown_by", lists of texts
// `signature` may hold `*`; `versions` is a prefix of the source's or destination's QEMU version,
// empty: all; after `expires` (ISO date, UTC, last valid day) an entry no longer counts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/core/promise.h"

namespace migfuzz {

struct KnownIssue {
  std::string signature;
  std::string versions;
  std::string reference;
  std::string expires;
  /// Signatures of what follows from it in the same case: a process that aborted loses its VM.
  std::vector<std::string> explains{};
  /// Where it shows for sure, "PHASE/FAULT-SIDE/PROTOCOL" with `*`: a run of such a case that does
  /// not show it says something. Without it: where `signature` has no `*` but in its versions.
  std::vector<std::string> shown_by{};
};

/// The text of the list that is part of the program: known-issues.json of its source tree.
std::string_view shipped_known_issues();

/// Throws UsageError naming `origin` and the entry.
std::vector<KnownIssue> known_issues_from_text(const std::string& text, const std::string& origin);

/// Turns a failure that is on the list into `known-issue`; the reference becomes its reason. So it
/// does with a broken one of the case's `promises` that says once more what was excused.
void apply_known_issues(CaseResult& result, const std::vector<KnownIssue>& list,
                        const std::string& source_version, const std::string& destination_version,
                        const std::string& today, const std::vector<Promise>& promises = {});

/// One line for each entry of which this run says that it may be over: cases of a version it names
/// stood where it shows for sure (or ran a plan of the corpus with its signature), were delivered,
/// and none showed it. Also for an entry that has expired and would have excused a failure. An
/// entry that nobody looked for has no line.
struct Replayed {
  std::string signature;  // of the corpus's file
  Plan plan;
};
std::vector<std::string> stale_issues(const std::vector<KnownIssue>& list,
                                      const std::vector<CaseResult>& results,
                                      const std::vector<Replayed>& replayed,
                                      const std::string& today);

}  // namespace migfuzz
