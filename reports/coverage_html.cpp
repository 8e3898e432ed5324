// The folded parts at the end of report.html: every cell of coverage with the reasons of what was
// left out, and what was reached inside the QEMUs.
#include <algorithm>
#include <cstdio>

#include "reports/coverage.h"
#include "reports/html_text.h"
#include "reports/sections.h"

namespace migfuzz {
namespace {

std::string coverage_class(CoverageCell::Mood mood) {
  using Mood = CoverageCell::Mood;
  return mood == Mood::whole        ? "cover whole"
         : mood == Mood::short_of   ? "cover short"
         : mood == Mood::impossible ? "cover impossible"
                                    : "cover none";
}

std::string coverage_table(const CoverageGrid& grid) {
  std::string out =
      "<h3>" + html(grid.title) +
      "</h3><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Coverage, " +
      html(grid.title) +
      "\"><table class=\"coverage\"><thead><tr><th "
      "scope=\"col\">Fault</th><th scope=\"col\">Side</th>";
  for (const auto& phase : grid.phases) out += "<th scope=\"col\">" + html(phase) + "</th>";
  out += "<th scope=\"col\">Why cells are left out</th></tr></thead><tbody>";
  for (const auto& row : grid.rows) {
    out += "<tr><th scope=\"row\">" + html(row.fault) + "</th><td>" + html(row.side) + "</td>";
    for (const auto& cell : row.cells)
      out += "<td class=\"" + coverage_class(cell.mood) + "\">" + html(cell.text) + "</td>";
    out += "<td class=\"minor\">";
    for (std::size_t i = 0; i < row.why.size(); ++i) out += (i ? "; " : "") + html(row.why[i]);
    out += "</td></tr>";
  }
  return out + "</tbody></table></div>";
}

}  // namespace

/// Folded: the first screen says how many cells were delivered, this says which.
std::string coverage_section(const Summary& summary) {
  if (summary.coverage.empty()) return "";
  std::string out =
      "<section id=\"coverage\"><details><summary><h2>Coverage: cells delivered of those "
      "required</h2></summary><p class=\"minor\">A cell is one point, fault and side. “–”: the "
      "fault has no meaning at any point of the phase. “impossible here”: this machine cannot do "
      "it.</p>";
  for (const auto& grid : coverage_grids(summary)) out += coverage_table(grid);
  return out + "</details></section>\n";
}

namespace {

/// How much was known after how many cases: two lines, each from nothing to what it came to.
std::string growth_picture(const std::vector<Growth>& growth) {
  if (growth.size() < 2) return "";
  const auto line = [&](const char* name, std::uint64_t Growth::*what) {
    const double most = std::max(1.0, static_cast<double>(growth.back().*what));
    std::string points = "0,60";
    for (const Growth& one : growth) {
      char point[48];
      std::snprintf(
          point, sizeof point, " %.1f,%.1f",
          400.0 * static_cast<double>(one.cases) / static_cast<double>(growth.back().cases),
          60 - 56 * static_cast<double>(one.*what) / most);
      points += point;
    }
    return "<polyline class=\"" + std::string(name) + "\" points=\"" + points + "\"/>";
  };
  return "<svg class=\"growth\" viewBox=\"0 0 400 62\" role=\"img\" aria-label=\"Growth over the "
         "cases\">" +
         line("growth-events", &Growth::events) + line("growth-pairs", &Growth::pairs) +
         "</svg><p class=\"minor\">From the first case to the last (" +
         std::to_string(growth.back().cases) +
         "): solid the events, dashed the pairs, each as a share of what it came to.</p>";
}

std::string never_reached(const HostReach& host) {
  if (host.never.empty()) return "";
  std::string out = "<details><summary>" + std::to_string(host.never.size()) +
                    " events of this binary that no case reached on the " + html(host.host) +
                    "</summary><p class=\"minor\">";
  for (const std::string& name : host.never) out += "<code>" + html(name) + "</code> ";
  return out + "</p></details>";
}

}  // namespace

/// Folded like the coverage of cells; nothing where nothing was traced.
std::string reached_section(const Summary& summary) {
  const RunReach& reach = summary.reached;
  if (reach.hosts.empty()) return "";
  std::string out =
      "<section id=\"reached\"><details><summary><h2>Reached inside QEMU</h2></summary><p "
      "class=\"minor\">Trace events about migration, pairs of events that followed each other in "
      "one thread, and changes of state; and " +
      std::to_string(reach.channel) +
      " places and messages of the channel. Feedback: " + html(reach.mode) + " (" +
      html(reach.why) + ")";
  if (reach.mode == "on")
    out += "; " + std::to_string(reach.kept) + " plans reached something new, " +
           std::to_string(reach.mutated) + " cases were drawn near one of them";
  out +=
      ".</p><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Reached, by host\">"
      "<table class=\"coverage\"><thead><tr>"
      "<th scope=\"col\">Host</th><th scope=\"col\">Events</th><th scope=\"col\">Pairs</th>"
      "<th scope=\"col\">Changes of state</th></tr></thead><tbody>";
  for (const HostReach& host : reach.hosts)
    out += "<tr><th scope=\"row\">" + html(host.host) + "</th><td>" + std::to_string(host.events) +
           " of " + std::to_string(host.known) + "</td><td>" + std::to_string(host.pairs) +
           "</td><td>" + std::to_string(host.states) + "</td></tr>";
  out += "</tbody></table></div>" + growth_picture(reach.growth);
  for (const HostReach& host : reach.hosts) out += never_reached(host);
  return out + "</details></section>\n";
}

}  // namespace migfuzz
