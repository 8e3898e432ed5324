// report.html: one file that shows a run, from the verdict down to the events of a case.
//
// C++ writes what must be readable without JavaScript (verdict, facts, findings, commands); the
// script of reports/page/page.js draws the heat map and the timelines from inline JSON. Hostile
// text has two ways in and both are closed: HTML text is escaped here, and the JSON holds no '<',
// '>' or '&' and only ASCII, so that nothing in it can end its <script>. As a second wall a
// Content-Security-Policy admits only the two blocks that carry this report's nonce.
// Limits: events are trimmed per case by a share of kEventBytesMax; the case folder has them all.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "harness/core/strict_json.h"
#include "reports/coverage.h"
#include "reports/page.h"
#include "reports/report.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

using nlohmann::json;

constexpr std::size_t kEventBytesMax = 3'000'000;  // for all cases; the rest of a page is < 2 MB
constexpr std::size_t kCaseEventBytesMax = 40'000;
constexpr std::size_t kHeartbeatsMax = 160;  // per host and case
constexpr std::size_t kTextMax = 400;        // of one field of an event
constexpr std::size_t kTroubleWeight = 6;    // a case that did not pass is worth that many

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

std::string cut(std::string_view text, std::size_t length_max) {
  if (text.size() <= length_max) return clean_utf8(text);
  return clean_utf8(text.substr(0, length_max)) + "\xe2\x80\xa6";
}

double rounded(double value) { return std::isfinite(value) ? std::round(value * 1000) / 1000 : -1; }

// ---- the inline JSON ---------------------------------------------------------------------------

json thinned(const std::vector<double>& times) {
  json out = json::array();
  const std::size_t stride = times.size() / kHeartbeatsMax + 1;
  for (std::size_t i = 0; i < times.size(); i += stride) out.push_back(rounded(times[i]));
  // The last beat ends the host's life: it must not be thinned away.
  if (!times.empty() && (times.size() - 1) % stride != 0) out.push_back(rounded(times.back()));
  return out;
}

json spans_json(const std::vector<Span>& spans) {
  json out = json::array();
  for (const Span& span : spans) {
    out.push_back({cut(span.name, kTextMax), rounded(span.from_ms), rounded(span.to_ms)});
  }
  return out;
}

json event_json(const Event& event) {
  json fields = json::object();
  for (const auto& [key, value] : event.fields) {
    std::string text;
    if (const auto* words = std::get_if<std::string>(&value)) {
      text = cut(*words, kTextMax);
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
      text = std::to_string(*number);  // as text: a script's numbers end at 2^53
    } else {
      text = std::get<bool>(value) ? "true" : "false";
    }
    fields.emplace(cut(key, kTextMax), text);
  }
  return json::array({rounded(static_cast<double>(event.at_ns) / 1e6), cut(event.actor, kTextMax),
                      cut(event.kind, kTextMax), cut(event.name, kTextMax), std::move(fields)});
}

/// Less is more important.
int rank_of(const Event& event) {
  if (event.kind == "fault" || event.kind == "decision" || event.kind == "process") return 0;
  if (event.kind == "heartbeat") return 3;
  return event.kind == "stream" || event.kind == "qmp-reply" ? 2 : 1;
}

/// The events that fit, most important first, told in their order.
json events_json(const std::vector<Event>& events, std::size_t bytes_max, std::size_t& left_out) {
  std::vector<json> all(events.size());
  std::vector<bool> kept(events.size(), false);
  std::size_t bytes = 0;
  left_out = 0;
  for (int rank = 0; rank <= 3; ++rank) {
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (rank_of(events[i]) != rank) continue;
      all[i] = event_json(events[i]);
      bytes += all[i].dump().size();
      kept[i] = bytes <= bytes_max;
      left_out += kept[i] ? 0 : 1;
    }
  }
  json out = json::array();
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (kept[i]) out.push_back(std::move(all[i]));
  }
  return out;
}

json findings_json(const std::vector<Finding>& findings) {
  json out = json::array();
  for (const Finding& finding : findings) {
    out.push_back({{"checker", clean_utf8(finding.checker)},
                   {"verdict", to_string(finding.verdict)},
                   {"what", cut(finding.what, 2000)},
                   {"reason", cut(finding.reason, 2000)}});
  }
  return out;
}

json faults_json(const Plan& plan) {
  json out = json::array();
  for (const FaultSpec& fault : plan.faults) {
    out.push_back({{"kind", clean_utf8(fault.kind)},
                   {"side", to_string(fault.side)},
                   {"point", clean_utf8(to_string(fault.trigger))},
                   {"heal_after_ms", fault.heal_after_ms},
                   {"parameter", std::to_string(fault.parameter)}});
  }
  return out;
}

json case_json(const Summary& summary, const CaseResult& result, std::size_t event_bytes_max) {
  std::size_t left_out = 0;
  json events = events_json(result.history.events(), event_bytes_max, left_out);
  return {{"id", clean_utf8(result.id)},
          {"verdict", to_string(result.verdict)},
          {"signature", clean_utf8(result.signature)},
          {"headline", cut(result.headline, 2000)},
          {"survivor", clean_utf8(result.survivor)},
          {"delivered", result.delivered},
          {"proof", cut(result.delivery_proof, 2000)},
          {"evidence", clean_utf8(result.evidence_kept)},
          {"duration_ms", rounded(result.duration_ms)},
          {"blackout_ms", rounded(result.blackout_ms)},
          {"brownout_ms", rounded(result.brownout_ms)},
          {"point", clean_utf8(point_of(result))},
          {"faults", faults_json(result.plan)},
          {"protocol", clean_utf8(result.plan.protocol)},
          {"seed", std::to_string(result.plan.seed)},
          {"plan", to_json(result.plan).dump(1)},
          {"replay", clean_utf8(replay_of(summary, result))},
          {"required", !result.required_cell.empty()},
          {"findings", findings_json(result.findings)},
          {"phases", spans_json(result.phases)},
          {"owners", spans_json(result.owners)},
          {"beats_source", thinned(result.heartbeats_source_ms)},
          {"beats_destination", thinned(result.heartbeats_destination_ms)},
          {"events", std::move(events)},
          {"events_left_out", left_out}};
}

json page_data(const Summary& summary, const std::vector<CaseResult>& results) {
  json verdicts = json::array();
  for (const Verdict verdict : all_verdicts()) {
    verdicts.push_back({{"word", to_string(verdict)}, {"sentence", describe(verdict)}});
  }
  json phases = json::array();
  for (const Phase phase : all_phases()) {
    phases.push_back({{"name", to_string(phase)}, {"sentence", describe(phase)}});
  }
  json points = json::array();
  for (const std::string& point : points_in_stream_order(results)) {
    points.push_back(clean_utf8(point));
  }
  std::size_t shares = 0;
  const auto share_of = [](const CaseResult& result) {
    return result.verdict == Verdict::pass ? std::size_t{1} : kTroubleWeight;
  };
  for (const CaseResult& result : results) shares += share_of(result);
  const std::size_t share_bytes = kEventBytesMax / std::max<std::size_t>(shares, 1);
  json cases = json::array();
  for (const CaseResult& result : results) {
    const std::size_t bytes_max = std::min(share_bytes * share_of(result), kCaseEventBytesMax);
    cases.push_back(case_json(summary, result, bytes_max));
  }
  return {{"verdicts", std::move(verdicts)},
          {"phases", std::move(phases)},
          {"points", std::move(points)},
          {"cases", std::move(cases)}};
}

/// JSON that can stand in a <script> element: nothing in it can end the element or open a comment.
std::string inline_json(const json& value) {
  std::string out;
  for (const char c : value.dump(-1, ' ', true)) {
    if (c == '<') {
      out += "\\u003c";
    } else if (c == '>') {
      out += "\\u003e";
    } else if (c == '&') {
      out += "\\u0026";
    } else {
      out += c;
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
  const std::string data = inline_json(page_data(summary, results));
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
