// report.html: one file that shows a run, from the verdict down to the events of a case.
//
// C++ writes what must be readable without JavaScript (verdict, facts, findings, commands); the
// scripts of reports/page/ draw the rest from inline JSON (page_data.h). Hostile text has two ways
// in and both are closed: HTML text is escaped here, and the JSON holds nothing that could end its
// <script>. As a second wall a Content-Security-Policy admits only the blocks that carry this
// report's nonce.
#include <algorithm>
#include <cstdio>

#include "harness/core/strict_json.h"
#include "reports/coverage.h"
#include "reports/page.h"
#include "reports/page_data.h"
#include "reports/report.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

std::string html(std::string_view text) {
  std::string out;
  for (const char c : clean_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) {
          out += "\xef\xbf\xbd";
        } else {
          out += c;
        }
    }
  }
  return out;
}

// ---- what is readable without JavaScript -------------------------------------------------------

std::string icon(std::string_view word) {
  return "<svg class=\"icon\" aria-hidden=\"true\"><use href=\"#v-" + std::string(word) +
         "\"/></svg>";
}

std::string badge(Verdict verdict) {
  const std::string word(to_string(verdict));
  return "<span class=\"badge v-" + word + "\">" + icon(word) + word + "</span>";
}

std::string command(std::string_view text) {
  return "<span class=\"command\"><code>" + html(text) + "</code></span>";
}

std::string banner(const Summary& summary, const std::vector<CaseResult>& results) {
  const Statement statement = statement_of(summary, results);
  const Statement trust = trust_of(summary, results);
  const std::string mood(to_string(statement.mood));
  const std::string trust_mood(to_string(trust.mood));
  std::string out = "<section class=\"banner mood-" + mood + "\" aria-labelledby=\"verdict\">" +
                    icon(mood) + "<div><h1 id=\"verdict\"><strong>" + html(statement.word) +
                    "</strong><span class=\"colon\">:</span> " + html(statement.sentence) + "</h1>";
  if (!statement.extra.empty()) out += "<p>" + html(statement.extra) + "</p>";
  out += "</div></section>\n<p class=\"trust mood-" + trust_mood + "\">" + icon(trust_mood) +
         "<span><strong>Can this run be trusted? " + html(trust.word) + ".</strong> " +
         html(trust.sentence) + ".</span></p>\n";
  return out;
}

/// One strip whose parts are as wide as their share; the numbers below it say the same in words.
std::string strip(const Summary& summary) {
  std::uint64_t total = 0;
  for (const Verdict verdict : all_verdicts()) total += count_of(summary, verdict);
  if (total == 0) return "";
  std::string out =
      "<svg class=\"strip\" viewBox=\"0 0 1000 8\" preserveAspectRatio=\"none\" "
      "aria-hidden=\"true\">";
  double x = 0;
  for (const Verdict verdict : all_verdicts()) {
    const double share =
        1000.0 * static_cast<double>(count_of(summary, verdict)) / static_cast<double>(total);
    if (share <= 0) continue;
    char rect[160];
    std::snprintf(rect, sizeof rect,
                  "<rect class=\"f-%s\" x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"8\"/>",
                  std::string(to_string(verdict)).c_str(), x, share);
    out += rect;
    x += share;
  }
  return out + "</svg>";
}

std::string counts(const Summary& summary) {
  std::string out =
      "<section class=\"counts\" aria-label=\"Counts\">" + strip(summary) + "<ul class=\"chips\">";
  for (const Verdict verdict : all_verdicts()) {
    const std::uint64_t count = count_of(summary, verdict);
    const std::string word(to_string(verdict));
    out += "<li class=\"chip v-" + word + (count == 0 ? " zero" : "") + "\">" + icon(word) + "<b>" +
           std::to_string(count) + "</b> " + word + "</li>";
  }
  char rate[32];
  std::snprintf(rate, sizeof rate, "%.0f", summary.cases_per_hour());
  const auto tile = [](const std::string& number, const std::string& text) {
    return "<li><b>" + html(number) + "</b><span>" + html(text) + "</span></li>";
  };
  return out + "</ul><ul class=\"tiles\">" +
         tile(std::to_string(summary.cells_delivered) + " / " +
                  std::to_string(summary.cells_required),
              "cells delivered / required") +
         tile(std::to_string(summary.cases), "cases") +
         tile(duration_text(summary.duration_s), "duration") + tile(rate, "cases per hour") +
         "</ul></section>\n";
}

std::string facts(const Summary& summary, const std::vector<CaseResult>& results) {
  std::string out = "<section><h2>What was run</h2><dl class=\"facts\">";
  for (const auto& [name, value] : run_facts(summary, results)) {
    const bool told_above = name == "Started" || name == "migfuzz" || name == "Duration";
    if (told_above) continue;
    out += "<div><dt>" + html(name) + "</dt><dd>" + html(value) + "</dd></div>";
  }
  return out + "</dl><p class=\"repeat\"><span>Repeat this run</span>" + command(summary.command) +
         "</p></section>\n";
}

std::string notes(const Summary& summary) {
  if (summary.notes.empty()) return "";
  std::string out = "<section><h2>Notes of the run</h2><ul class=\"notes\">";
  for (const std::string& note : summary.notes) out += "<li>" + html(note) + "</li>";
  return out + "</ul></section>\n";
}

/// May break after '/' and ':', so that long points wrap where a reader would.
std::string breakable(const std::string& text) {
  std::string out;
  for (const char c : html(text)) {
    out += c;
    if (c == '/' || c == ':') out += "<wbr>";
  }
  return out;
}

std::string minor(const std::string& text) {
  return text.empty() ? "" : "<p class=\"minor\">" + html(text) + "</p>";
}

std::string findings(const Summary& summary) {
  std::string out = "<section id=\"findings\"><h2>Findings</h2>";
  if (summary.findings.empty()) {
    return out +
           "<p class=\"quiet\">None: no case disagreed with what is expected.</p></section>\n";
  }
  out +=
      "<table class=\"findings cards\"><thead><tr><th scope=\"col\">Verdict</th><th scope=\"col\" "
      "class=\"num\">Cases</th><th scope=\"col\">What</th><th scope=\"col\">Where</th><th "
      "scope=\"col\">Replay</th></tr></thead><tbody>";
  for (const FindingGroup& group : summary.findings) {
    const bool in_phase = group.point.starts_with(group.phase + "/");
    const std::string point =
        in_phase || group.phase.empty() ? group.point : group.phase + "/" + group.point;
    out += "<tr><td data-label=\"Verdict\">" + badge(group.verdict) +
           "</td><td data-label=\"Cases\" class=\"num\">" + std::to_string(group.count) +
           "</td><td data-label=\"What\"><p>" + html(group.what) +
           "</p><p class=\"minor\"><span class=\"checker\">" + html(group.checker) +
           "</span> <code>" + html(group.signature) + "</code></p>" + minor(sightings_of(group)) +
           "</td>" + "<td data-label=\"Where\"><code>" + breakable(point) +
           "</code><p class=\"minor\">" + html(group.fault) +
           (group.side.empty() ? "" : " on " + html(group.side)) + "</p>";
    if (!group.case_id.empty()) {
      out += "<a class=\"open\" href=\"#case=" + html(group.case_id) + "\">Open the case</a>";
    }
    out +=
        "</td><td data-label=\"Replay\">" + command(group.replay) + minor(reproduction_of(group));
    if (!group.minimal.empty()) out += minor("the minimal plan:") + command(group.minimal);
    out += "</td></tr>";
  }
  return out + "</tbody></table></section>\n";
}

std::string coverage_class(CoverageCell::Mood mood) {
  using Mood = CoverageCell::Mood;
  return mood == Mood::whole        ? "cover whole"
         : mood == Mood::short_of   ? "cover short"
         : mood == Mood::impossible ? "cover impossible"
                                    : "cover none";
}

std::string coverage_table(const CoverageGrid& grid) {
  std::string out = "<h3>" + html(grid.title) +
                    "</h3><div class=\"wide\"><table class=\"coverage\"><thead><tr><th "
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

/// Folded: the first screen says how many cells were delivered, this says which.
std::string coverage(const Summary& summary) {
  if (summary.coverage.empty()) return "";
  std::string out =
      "<section id=\"coverage\"><details><summary><h2>Coverage: cells delivered of those "
      "required</h2></summary><p class=\"minor\">A cell is one point, fault and side. “–”: the "
      "fault has no meaning at any point of the phase. “impossible here”: this machine cannot do "
      "it.</p>";
  for (const auto& grid : coverage_grids(summary)) out += coverage_table(grid);
  return out + "</details></section>\n";
}

/// How much was known after how many cases: two lines, each from nothing to what it came to.
std::string growth_picture(const std::vector<Growth>& growth) {
  if (growth.size() < 2) return "";
  const auto line = [&](const char* name, std::uint64_t Growth::* what) {
    const double most = std::max(1.0, static_cast<double>(growth.back().*what));
    std::string points = "0,60";
    for (const Growth& one : growth) {
      char point[48];
      std::snprintf(point, sizeof point, " %.1f,%.1f",
                    400.0 * static_cast<double>(one.cases) /
                        static_cast<double>(growth.back().cases),
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

/// Folded like the coverage of cells; nothing where nothing was traced.
std::string reached(const Summary& summary) {
  const RunReach& reach = summary.reached;
  if (reach.hosts.empty()) return "";
  std::string out =
      "<section id=\"reached\"><details><summary><h2>Reached inside QEMU</h2></summary><p "
      "class=\"minor\">Trace events about migration, pairs of events that followed each other in "
      "one thread, and changes of state; and " +
      std::to_string(reach.channel) + " places and messages of the channel. Feedback: " +
      html(reach.mode) + " (" + html(reach.why) + ")";
  if (reach.mode == "on")
    out += "; " + std::to_string(reach.kept) + " plans reached something new, " +
           std::to_string(reach.mutated) + " cases were drawn near one of them";
  out +=
      ".</p><div class=\"wide\"><table class=\"coverage\"><thead><tr>"
      "<th scope=\"col\">Host</th><th scope=\"col\">Events</th><th scope=\"col\">Pairs</th>"
      "<th scope=\"col\">Changes of state</th></tr></thead><tbody>";
  for (const HostReach& host : reach.hosts)
    out += "<tr><th scope=\"row\">" + html(host.host) + "</th><td>" +
           std::to_string(host.events) + " of " + std::to_string(host.known) + "</td><td>" +
           std::to_string(host.pairs) + "</td><td>" + std::to_string(host.states) + "</td></tr>";
  out += "</tbody></table></div>" + growth_picture(reach.growth);
  for (const HostReach& host : reach.hosts) out += never_reached(host);
  return out + "</details></section>\n";
}

std::string legend() {
  std::string out = "<ul class=\"legend\">";
  for (const Verdict verdict : all_verdicts()) {
    out += "<li>" + badge(verdict) + "<span>" + html(describe(verdict)) + "</span></li>";
  }
  return out + "</ul>";
}

/// FNV-1a over all that is shown: text in the data cannot know the hash of the data it is part of.
std::string nonce_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  char hex[24];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash));
  return hex;
}

/// Fills {{name}}s in one pass over the template, so that no value is ever searched for names.
std::string filled(std::string_view page,
                   const std::vector<std::pair<std::string_view, std::string>>& values) {
  std::string out;
  while (true) {
    const std::size_t open = page.find("{{");
    const std::size_t close = page.find("}}", open);
    out += page.substr(0, open);
    if (open == page.npos || close == page.npos) return out;
    const std::string_view name = page.substr(open + 2, close - open - 2);
    const auto found = std::find_if(values.begin(), values.end(),
                                    [&](const auto& value) { return value.first == name; });
    if (found != values.end()) out += found->second;
    page.remove_prefix(close + 2);
  }
}

}  // namespace

std::string html_report(const Summary& summary, const std::vector<CaseResult>& results) {
  const std::string data = page_data(summary, results);
  const std::string head = banner(summary, results) + counts(summary);
  const Statement statement = statement_of(summary, results);
  const std::string found = findings(summary);
  const std::string fact_list = facts(summary, results);
  const std::string note_list = notes(summary);
  const std::string covered = coverage(summary) + reached(summary);
  const std::string all = head + found + covered + fact_list + note_list + data;
  return filled(page_html(), {{"nonce", nonce_of(all)},
                              {"title", html(statement.word + ": " + statement.sentence)},
                              {"version", html(summary.version)},
                              {"started", html(summary.started)},
                              {"css", std::string(page_css())},
                              {"head", head},
                              {"facts", fact_list},
                              {"notes", note_list},
                              {"findings", found},
                              {"coverage", covered},
                              {"legend", legend()},
                              {"data", data},
                              {"js", std::string(page_js())}});
}

}  // namespace migfuzz
