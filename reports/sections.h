// The parts of report.html that are plain HTML, in their order on the page: readable without a
// script, and what the scripts build on.
#pragma once

#include <string>
#include <vector>

#include "harness/core/result.h"
#include "reports/grid.h"

namespace migfuzz {

/// Verdict, news in one line, whether to trust them, counts.
std::string front_section(const Summary& summary, const std::vector<CaseResult>& results);
/// What is new, back and gone against the night before; without one, what was found.
std::string news_section(const Summary& summary);
/// Of a scenario with promises: each, and how many cases kept it.
std::string promises_section(const Summary& summary);
/// What was run, on what, and the commands that repeat it.
std::string facts_section(const Summary& summary, const std::vector<CaseResult>& results);
std::string notes_section(const Summary& summary);
/// The heat map, with nothing switched off.
std::string heat_table(const std::vector<GridCell>& grid);
/// One row per signature; and what the table of expected outcomes foresaw, by rule.
std::string findings_section(const Summary& summary);
std::string foreseen_section(const std::vector<CaseResult>& results);
/// Folded: how long guests and their clients were gone, by fault, beside what others published.
std::string downtime_section(const Summary& summary, const std::vector<CaseResult>& results);
/// Folded: which cells were delivered, what was reached inside the QEMUs.
std::string coverage_section(const Summary& summary);
std::string reached_section(const Summary& summary);

}  // namespace migfuzz
