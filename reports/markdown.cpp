// summary.md: one screen for a merge request, a mail or a CI job summary.
//
// Text of the data is made inert for Markdown and the HTML inside it: no tag, no table cell, no
// heading can come out of a QEMU message. Run alone: migfuzz report DIR, then read DIR/summary.md.
#include "reports/coverage.h"
#include "reports/escape.h"
#include "reports/report.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

// GitHub shows at most 1 MiB; a line that nobody reads to its end is cut long before that.
constexpr std::size_t kTextMax = 300;      // bytes of one text
constexpr std::size_t kCommandMax = 1000;  // bytes of what is to be copied
constexpr std::size_t kFindingsMax = 50;
constexpr std::size_t kCoverageRowsMax = 400;
constexpr std::size_t kLinesMax = 100;  // of facts, and of notes

std::string md(std::string_view text) { return markdown_text(shortened(text, kTextMax)); }
std::string code(std::string_view text) { return markdown_code(shortened(text, kCommandMax)); }
std::string cell(std::string_view text) { return markdown_code_cell(shortened(text, kCommandMax)); }

std::string left_out(std::size_t count, std::size_t most, const char* what) {
  if (count <= most) return "";
  return "\n" + std::to_string(count - most) + " more " + what + " in report.html.\n";
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
      "| verdict | news | count | point | fault | checker | what | replay |\n"
      "|---|---|---:|---|---|---|---|---|\n";
  std::size_t rows = 0;
  std::string told;
  for (const FindingGroup& group : summary.findings) {
    if (++rows > kFindingsMax) break;
    out += "| " + std::string(to_string(group.verdict)) + " | " + md(group.before.state) + " | " +
           std::to_string(group.count) + " | " + cell(group.point) + " | " +
           md(group.fault + " " + group.side) + " | " + md(group.checker) + " | " + md(group.what) +
           " | " + cell(group.replay) + " |\n";
    told += details(group);
  }
  out += left_out(summary.findings.size(), kFindingsMax, "findings");
  return out + "\n" + told + (told.empty() ? "" : "\n");
}

// What the night before had: gone is a weak word, so it comes with what was tried again.
std::string gone_list(const Summary& summary) {
  if (summary.gone.empty()) return "";
  std::string out = "## Gone since the last night\n\n";
  std::size_t rows = 0;
  for (const Gone& one : summary.gone)
    if (++rows <= kFindingsMax)
      out += "- " + code(one.then.signature) + ": " + std::string(to_string(one.then.verdict)) +
             " in " + counted(one.then.count, "case") + " then; of " +
             counted(one.then.cells.size(), "cell") + " where it was seen " +
             std::to_string(one.tried) + " tried again\n";
  return out + left_out(summary.gone.size(), kFindingsMax, "findings") + "\n";
}

// `rows` counts those of all grids.
std::string coverage_table(const CoverageGrid& grid, std::size_t& rows) {
  std::string out = "### " + md(grid.title) + "\n\n| fault | side |";
  for (const auto& phase : grid.phases) out += " " + md(phase) + " |";
  out += "\n|---|---|";
  for (std::size_t i = 0; i < grid.phases.size(); ++i) out += "---:|";
  for (const auto& row : grid.rows) {
    if (++rows > kCoverageRowsMax) continue;
    out += "\n| " + md(row.fault) + " | " + md(row.side) + " |";
    for (const auto& cell : row.cells) out += " " + md(cell.text) + " |";
  }
  return out + "\n\n";
}

std::string verdict_table(const Summary& summary) {
  std::string words = "|", line = "|", counts = "|";
  for (const Verdict verdict : all_verdicts()) {
    words += " " + std::string(to_string(verdict)) + " |";
    line += "---:|";
    counts += " " + std::to_string(count_of(summary, verdict)) + " |";
  }
  return words + "\n" + line + "\n" + counts + "\n";
}

std::string reached_lines(const RunReach& reach) {
  if (reach.hosts.empty()) return "";
  std::string out =
      "## Reached inside QEMU\n\n| host | events | pairs | changes of state |\n"
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
  const auto whole = [](std::string_view text) { return markdown_text(shortened(text, 4000)); };
  std::string out = "# " + statement.word + ": " + whole(statement.sentence) + "\n\n";
  if (!statement.extra.empty()) out += whole(statement.extra) + "\n\n";
  if (const auto news = news_of(summary); !news.empty()) out += "**" + whole(news) + "**\n\n";
  out += "Cells delivered: " + std::to_string(summary.cells_delivered) + " of " +
         std::to_string(summary.cells_required) + " required. Can this run be trusted? **" +
         trust.word + "**: " + whole(trust.sentence) + ".\n\n" + verdict_table(summary);
  out += "\n## Findings\n\n" + findings_table(summary) + gone_list(summary) + "## Coverage\n\n";
  std::size_t rows = 0;
  for (const auto& grid : coverage_grids(summary)) {
    if (rows <= kCoverageRowsMax)
      out += coverage_table(grid, rows);
    else
      rows += grid.rows.size();
  }
  if (rows > kCoverageRowsMax) out += left_out(rows, kCoverageRowsMax, "rows") + "\n";
  out += reached_lines(summary.reached) + "## What was run\n\n";
  std::size_t lines = 0;
  for (const auto& [name, value] : run_facts(summary, results))
    if (++lines <= kLinesMax) out += "- " + md(name) + ": " + md(value) + "\n";
  out += "- Repeat it: " + code(summary.command) + "\n";
  if (!summary.notes.empty()) out += "\n## Notes\n\n";
  lines = 0;
  for (const std::string& note : summary.notes)
    if (++lines <= kLinesMax) out += "- " + md(note) + "\n";
  return out + left_out(summary.notes.size(), kLinesMax, "notes");
}

}  // namespace migfuzz
