// The first screen of report.html: verdict, what is new, whether to trust it, counts, the heat map,
// facts and commands. What a reader wants to know at eight in the morning stands here, in words.
#include <algorithm>
#include <cstdio>

#include "reports/html_text.h"
#include "reports/sections.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

constexpr std::size_t kNewsMax = 6;  // of each sort; the table of findings has them all

std::string banner(const Statement& statement, const Summary& summary) {
  const std::string mood(to_string(statement.mood));
  std::string out = "<section class=\"banner mood-" + mood + "\" aria-labelledby=\"verdict\">" +
                    icon(mood) + "<div><h1 id=\"verdict\"><strong>" + html(statement.word) +
                    "</strong><span class=\"colon\">:</span> " + html(statement.sentence) +
                    "</h1><p id=\"news-line\">" + html(news_of(summary));
  if (!statement.extra.empty())
    out += " <span class=\"beside\">" + html(statement.extra) + "</span>";
  return out + "</p></div></section>\n";
}

std::string trust(const Statement& trust) {
  const std::string mood(to_string(trust.mood));
  return "<p class=\"trust mood-" + mood + "\" id=\"trust\">" + icon(mood) +
         "<span><strong>Can this night be trusted? " + html(trust.word) + ".</strong> " +
         html(trust.sentence) + ".</span></p>\n";
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

std::string chips(const Summary& summary) {
  std::string out = "<ul class=\"chips\">";
  for (const Verdict verdict : all_verdicts()) {
    const std::uint64_t count = count_of(summary, verdict);
    const std::string word(to_string(verdict));
    const std::string text = icon(word) + "<b>" + std::to_string(count) + "</b> " + word;
    out += "<li>";
    // A verdict that somebody had leads to its cases.
    if (count == 0) {
      out += "<span class=\"chip zero\">" + text + "</span>";
    } else {
      out += "<a class=\"chip v-" + word + "\" href=\"#verdict=" + word + "\">" + text + "</a>";
    }
    out += "</li>";
  }
  return out + "</ul>";
}

std::string tiles(const Summary& summary) {
  char rate[32];
  std::snprintf(rate, sizeof rate, "%.0f", summary.cases_per_hour());
  const auto tile = [](const std::string& number, const std::string& text) {
    return "<li><b>" + html(number) + "</b><span>" + html(text) + "</span></li>";
  };
  return "<ul class=\"tiles\">" +
         tile(std::to_string(summary.cells_delivered) + " / " +
                  std::to_string(summary.cells_required),
              "cells delivered / required") +
         tile(std::to_string(summary.cases), "cases") +
         tile(duration_text(summary.duration_s), "duration") + tile(rate, "cases per hour") +
         tile(std::to_string(summary.seed), "seed") + "</ul>";
}

std::string counts(const Summary& summary) {
  return "<section class=\"counts\" aria-label=\"Counts\">" + strip(summary) +
         "<div class=\"count-row\">" + chips(summary) + tiles(summary) + "</div></section>\n";
}

// ---- what is new -------------------------------------------------------------------------------

std::string news_entry(const FindingGroup& group) {
  std::string out = "<li>" + state_badge(group.before) + badge(group.verdict) + "<span>";
  const std::string place = group.phase.empty() ? "" : group.phase + ", ";
  const std::string fault = group.fault.empty()
                                ? "no fault"
                                : group.fault + (group.side.empty() ? "" : " on " + group.side);
  out += "<strong>" + html(place + fault) + ":</strong> " + html(group.what) +
         " <span class=\"minor\">" + html(counted(group.count, "case")) + "</span>";
  if (!group.case_id.empty())
    out += " <a href=\"#case=" + in_hash(group.case_id) + "\">Open a case</a>";
  return out + command(group.minimal.empty() ? group.replay : group.minimal) + "</span></li>";
}

std::string gone_entry(const Gone& gone) {
  const auto places = gone.then.cells.size();
  std::string out = "<li><span class=\"state gone\">gone</span>" + badge(gone.then.verdict) +
                    "<span><code>" + breakable(gone.then.signature) + "</code> " +
                    html(counted(gone.then.count, "case")) + " then; ";
  out += places == 0 ? "it is not known where to look for it"
                     : html(std::to_string(gone.tried) + " of its " + counted(places, "place") +
                            (gone.tried == 1 ? " was" : " were") + " tried again");
  return out + "</span></li>";
}

template <typename List, typename Tell>
std::string first_of(const List& list, const std::string& what, Tell tell) {
  std::string out;
  for (std::size_t i = 0; i < std::min(list.size(), kNewsMax); ++i) out += tell(list[i]);
  if (list.size() > kNewsMax)
    out += "<li><a href=\"#findings\">" + std::to_string(list.size() - kNewsMax) + " more " + what +
           "</a></li>";
  return out;
}

/// Without earlier nights whatever is broken is what one came for.
bool is_news(const FindingGroup& group) {
  const auto& state = group.before.state;
  if (state == "new" || state == "back") return true;
  return state.empty() && group.verdict <= Verdict::not_delivered;
}

}  // namespace

std::string news_section(const Summary& summary) {
  std::vector<FindingGroup> fresh;
  for (const auto& group : summary.findings)
    if (is_news(group)) fresh.push_back(group);
  const bool first = summary.nights.size() < 2;
  std::string out =
      "<section id=\"news\"><h2>" +
      (first ? std::string("What was found")
             : "New since " + html(day_of(summary.nights[summary.nights.size() - 2].started))) +
      "</h2><ul class=\"news\">" + first_of(fresh, "findings", news_entry) +
      first_of(summary.gone, "gone", gone_entry);
  if (fresh.empty())
    out += "<li class=\"quiet\">" +
           std::string(first ? "No failure." : "No finding that the night before did not have.") +
           "</li>";
  if (const auto known = known_findings(summary); known > 0)
    out += "<li class=\"quiet\">" + html(counted(known, "finding")) +
           (known == 1 ? " is" : " are") + " on the list of known issues.</li>";
  if (first)
    out +=
        "<li class=\"quiet\">This folder holds no earlier night to compare with. Run into the "
        "same --output every night.</li>";
  out += "</ul>";
  if (!fresh.empty())
    out += "<p class=\"minor\">Commands are for the folder that this report lies in.</p>";
  return out + "</section>\n";
}

std::string front_section(const Summary& summary, const std::vector<CaseResult>& results) {
  return banner(statement_of(summary, results), summary) + trust(trust_of(summary, results)) +
         counts(summary);
}

std::string facts_section(const Summary& summary, const std::vector<CaseResult>& results) {
  std::string facts, interruptions;
  for (const auto& [name, value] : run_facts(summary, results)) {
    const bool told_above = name == "Duration" || name == "Seed";
    if (told_above) continue;
    auto& list = name.starts_with("Interruption") ? interruptions : facts;
    list += "<div><dt>" + html(name) + "</dt><dd>" + html(value) + "</dd></div>";
  }
  std::string out =
      "<section id=\"facts\"><h2>What was run</h2><p class=\"repeat\"><span>Repeat this "
      "run</span>" +
      command(summary.command) + "</p><dl class=\"facts\">" + facts + "</dl>";
  if (!interruptions.empty())
    out += "<details><summary>How long guests were interrupted</summary><dl class=\"facts\">" +
           interruptions + "</dl></details>";
  return out + "</section>\n";
}

std::string notes_section(const Summary& summary) {
  if (summary.notes.empty()) return "";
  std::string out = "<section><h2>Notes of the run</h2><ul class=\"notes\">";
  for (const std::string& note : summary.notes) out += "<li>" + html(note) + "</li>";
  return out + "</ul></section>\n";
}

}  // namespace migfuzz
