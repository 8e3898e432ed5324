// summary.md: one screen for a merge request, a mail or a CI job summary.
//
// Text of the data is made inert for Markdown and the HTML inside it: no tag, no table cell, no
// heading can come out of a QEMU message. Run alone: migfuzz report DIR, then read DIR/summary.md.
#include <algorithm>

#include "harness/core/strict_json.h"
#include "reports/coverage.h"
#include "reports/report.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : clean_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  return out;
}

std::string md(std::string_view text) {
  std::string out;
  for (const char c : one_line(text)) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      if (std::string_view("\\`*_[]|#~!>").find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

/// A code span whose fence is longer than any run of backticks in it; '|' would end a table cell.
std::string code(std::string_view text) {
  if (text.empty()) return "";
  std::size_t run = 0;
  std::size_t longest = 0;
  std::string inner;
  for (const char c : one_line(text)) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
    if (c == '|') inner += '\\';
    inner += c;
  }
  const std::string fence(longest + 1, '`');
  return fence + (longest > 0 ? " " + inner + " " : inner) + fence;
}

// What a row of the table has no room for, of a finding that somebody confirmed.
std::string details(const FindingGroup& group) {
  if (group.shrink_end.empty()) return "";
  std::string out = "- " + code(group.signature) + ": " + md(reproduction_of(group)) + "; " +
                    md(sightings_of(group));
  if (!group.minimal.empty()) out += "; minimal plan: " + code(group.minimal);
  return out + "\n";
}

std::string findings_table(const Summary& summary) {
  if (summary.findings.empty()) return "No findings.\n\n";
  std::string out =
      "| verdict | count | point | fault | checker | what | replay |\n"
      "|---|---:|---|---|---|---|---|\n";
  constexpr std::size_t kRowsMax = 50;
  std::size_t rows = 0;
  std::string told;
  for (const FindingGroup& group : summary.findings) {
    if (++rows > kRowsMax) break;
    out += "| " + std::string(to_string(group.verdict)) + " | " + std::to_string(group.count) +
           " | " + code(group.point) + " | " + md(group.fault + " " + group.side) + " | " +
           md(group.checker) + " | " + md(group.what) + " | " + code(group.replay) + " |\n";
    told += details(group);
  }
  if (summary.findings.size() > kRowsMax) {
    out += "\n" + std::to_string(summary.findings.size() - kRowsMax) + " more in report.html.\n";
  }
  return out + "\n" + told + (told.empty() ? "" : "\n");
}

std::string coverage_table(const CoverageGrid& grid) {
  std::string out = "### " + md(grid.title) + "\n\n| fault | side |";
  for (const auto& phase : grid.phases) out += " " + md(phase) + " |";
  out += "\n|---|---|";
  for (std::size_t i = 0; i < grid.phases.size(); ++i) out += "---:|";
  for (const auto& row : grid.rows) {
    out += "\n| " + md(row.fault) + " | " + md(row.side) + " |";
    for (const auto& cell : row.cells) out += " " + md(cell.text) + " |";
  }
  return out + "\n\n";
}

std::string reached_lines(const RunReach& reach) {
  if (reach.hosts.empty()) return "";
  std::string out = "## Reached inside QEMU\n\n| host | events | pairs | changes of state |\n"
                    "|---|---:|---:|---:|\n";
  for (const HostReach& host : reach.hosts)
    out += "| " + md(host.host) + " | " + std::to_string(host.events) + " of " +
           std::to_string(host.known) + " | " + std::to_string(host.pairs) + " | " +
           std::to_string(host.states) + " |\n";
  return out + "\nFeedback: " + md(reach.mode) + " (" + md(reach.why) + ").\n\n";
}

}  // namespace

std::string summary_markdown(const Summary& summary, const std::vector<CaseResult>& results) {
  const Statement statement = statement_of(summary, results);
  const Statement trust = trust_of(summary, results);
  std::string out = "# " + statement.word + ": " + md(statement.sentence) + "\n\n";
  if (!statement.extra.empty()) out += md(statement.extra) + "\n\n";
  out += "Cells delivered: " + std::to_string(summary.cells_delivered) + " of " +
         std::to_string(summary.cells_required) + " required. Can this run be trusted? **" +
         trust.word + "**: " + md(trust.sentence) + ".\n\n| verdict | cases |\n|---|---:|\n";
  for (const Verdict verdict : all_verdicts()) {
    out += "| " + std::string(to_string(verdict)) + " | " +
           std::to_string(count_of(summary, verdict)) + " |\n";
  }
  out += "\n## Findings\n\n" + findings_table(summary) + "## Coverage\n\n";
  for (const auto& grid : coverage_grids(summary)) out += coverage_table(grid);
  out += reached_lines(summary.reached) + "## What was run\n\n";
  for (const auto& [name, value] : run_facts(summary, results)) {
    out += "- " + name + ": " + md(value) + "\n";
  }
  out += "- Repeat it: " + code(summary.command) + "\n";
  if (!summary.notes.empty()) out += "\n## Notes\n\n";
  for (const std::string& note : summary.notes) out += "- " + md(note) + "\n";
  return out;
}

}  // namespace migfuzz
