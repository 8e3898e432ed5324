// The sentences that all reports share, so that the page, JUnit and Markdown never disagree.
//
// Internal to reports/. The word on top follows exit_status(): what CI sees and what a person reads
// is one statement.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/core/result.h"

namespace migfuzz {

struct Statement {
  Verdict mood = Verdict::infra;  // fail, infra or pass: its colour and symbol
  std::string word;               // "SAFE", "BROKEN", "INCONCLUSIVE"
  std::string sentence;           // "238 faulted migrations, 0 broken promises"
  std::string extra;              // what is shown beside it: hazards, losses; may be empty
};
Statement statement_of(const Summary& summary, const std::vector<CaseResult>& results);

/// Whether the run's own eyesight was proved: "Yes: …", "No: …" or "Unproved: …".
Statement trust_of(const Summary& summary, const std::vector<CaseResult>& results);

/// What earlier nights make of it: "2 new failures, 1 back, 3 gone since 2026-11-21 02:00".
std::string news_of(const Summary& summary);
/// How many findings are on the list of known issues.
std::uint64_t known_findings(const Summary& summary);
/// "2026-11-22T02:00:05.123Z" as "2026-11-22 02:00"; other texts as they are.
std::string day_of(std::string_view time);

/// The command that repeats one case, from the output folder.
std::string replay_of(const Summary& summary, const CaseResult& result);

/// How often a finding was reproduced and what is left of its plan, one sentence; empty when nobody
/// confirmed it.
std::string reproduction_of(const FindingGroup& group);
/// "first seen 2026-11-22T05:00:00Z, last …; 7.2.22 -> 7.2.22": what is known, may be empty.
std::string sightings_of(const FindingGroup& group);

/// The trigger of the first fault as text, "" without faults.
std::string point_of(const CaseResult& result);

/// All points of the results, in the order in which a migration passes them.
std::vector<std::string> points_in_stream_order(const std::vector<CaseResult>& results);

std::uint64_t count_of(const Summary& summary, Verdict verdict);
/// "3 cases", "1 case".
std::string counted(std::uint64_t count, const std::string& singular);
/// "2 h 05 min", "41 s".
std::string duration_text(double seconds);
/// Name and value of everything the run was made with, in reading order.
std::vector<std::pair<std::string, std::string>> run_facts(const Summary& summary,
                                                           const std::vector<CaseResult>& results);

}  // namespace migfuzz
