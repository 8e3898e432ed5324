// The heat map as a plain table: what each fault did in each phase, nothing switched off.
//
// A row for each fault, a column for each phase: six columns fit a phone, forty rows fit a screen
// in two halves. A cell says its worst verdict with symbol, word and colour, and how many points
// were delivered of those required. reports/page/heat.js draws the same again when a switch is
// used.
#include "reports/html_text.h"
#include "reports/sections.h"

namespace migfuzz {
namespace {

std::string attempts(const GridCell& cell) {
  if (cell.required > 0)
    return std::to_string(cell.delivered) + "/" + std::to_string(cell.required);
  std::uint64_t cases = 0;
  for (const auto& [verdict, count] : cell.verdicts) cases += count;
  return std::to_string(cases) + "\xc3\x97";
}

/// A cell is narrow; its title says the whole word.
std::string short_word(Verdict verdict) {
  if (verdict == Verdict::not_delivered) return "missed";
  if (verdict == Verdict::known_issue) return "known";
  if (verdict == Verdict::expected_loss) return "loss";
  return std::string(to_string(verdict));
}

std::string cell_html(const GridCell& cell) {
  if (!cell.verdicts.empty()) {
    const Verdict worst = cell.verdicts.begin()->first;  // worst first
    const std::string word(to_string(worst));
    const bool short_of = cell.delivered < cell.required;
    return "<td><a class=\"spot v-" + word + (short_of ? " short" : "") +
           "\" href=\"#phase=" + in_hash(cell.phase) + "&amp;fault=" + in_hash(cell.fault) + "\">" +
           icon(word) + "<span class=\"word\" title=\"" + word + "\">" + short_word(worst) +
           "</span> <span class=\"of\">" + attempts(cell) + "</span></a></td>";
  }
  if (cell.required > 0)
    return "<td><span class=\"spot short v-not-delivered\">" + icon("not-delivered") +
           "<span class=\"word long\">not run</span> <span class=\"of\">" + attempts(cell) +
           "</span></span></td>";
  if (cell.impossible > 0) return "<td><span class=\"spot impossible\">impossible here</span></td>";
  if (cell.meaningless > 0)
    return "<td><span class=\"spot none\">\xe2\x80\x93<span class=\"unseen\"> no meaning "
           "here</span></span></td>";
  return "<td><span class=\"spot none\"><span class=\"unseen\">not part of this "
         "run</span></span></td>";
}

}  // namespace

std::string heat_table(const std::vector<GridCell>& grid) {
  const auto phases = phases_of(grid);
  if (phases.empty())
    return "<p class=\"quiet\">No case with a single fault was run, so there is nothing to show "
           "here.</p>";
  std::string head = "<thead><tr><th scope=\"col\">Fault</th>";
  for (const auto& phase : phases) head += "<th scope=\"col\">" + html(phase) + "</th>";
  head += "</tr></thead>";
  const auto faults = faults_of(grid);
  std::string out;
  const std::size_t half = faults.size() > 12 ? (faults.size() + 1) / 2 : faults.size();
  for (std::size_t i = 0; i < faults.size(); ++i) {
    if (i % half == 0)
      out += (i > 0 ? "</tbody></table>" : "") +
             std::string(
                 "<table class=\"grid\"><caption "
                 "class=\"unseen\">Worst verdict and delivered points of each fault in each "
                 "phase</caption>") +
             head + "<tbody>";
    out += "<tr><th scope=\"row\">" + html(faults[i]) + "</th>";
    for (const auto& phase : phases) out += cell_html(sum_of(grid, phase, faults[i]));
    out += "</tr>";
  }
  return out + "</tbody></table>";
}

}  // namespace migfuzz
