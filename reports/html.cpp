// report.html: one file that shows a run, from the verdict down to the events of a case.
//
// C++ writes what must be readable without JavaScript (verdict, facts, findings, commands); the
// scripts of reports/page/ draw the rest from inline JSON (page_data.h). Hostile text has two ways
// in and both are closed: HTML text is escaped here, and the JSON holds nothing that could end its
// <script>. As a second wall a Content-Security-Policy admits only the blocks that carry this
// report's nonce.
#include <algorithm>
#include <cstdio>

#include "reports/html_text.h"
#include "reports/page.h"
#include "reports/page_data.h"
#include "reports/report.h"
#include "reports/sections.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

constexpr std::size_t kPageBytesMax = 4'900'000;  // 5 MB, and some room
constexpr std::size_t kLeastForData = 1'500'000;

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
  const auto grid = grid_of(summary, results);
  const Statement statement = statement_of(summary, results);
  std::vector<std::pair<std::string_view, std::string>> values{
      {"title", html(statement.word + ": " + statement.sentence)},
      {"version", html(summary.version)},
      {"started", html(summary.started)},
      {"css", std::string(page_css())},
      {"head", front_section(summary, results)},
      {"news", news_section(summary)},
      {"promises", promises_section(summary)},
      {"heat", heat_table(grid)},
      {"facts", facts_section(summary, results)},
      {"notes", notes_section(summary)},
      {"findings", findings_section(summary)},
      {"foreseen", foreseen_section(results)},
      {"coverage", downtime_section(summary, results) + coverage_section(summary) +
                       reached_section(summary)},
      {"legend", legend()},
      {"js", std::string(page_js())}};
  std::size_t bytes = page_html().size();
  for (const auto& [name, text] : values) bytes += text.size();
  const std::size_t left = kPageBytesMax - std::min(bytes, kPageBytesMax - kLeastForData);
  values.emplace_back("data", page_data(summary, results, grid, left));
  std::string all;
  for (const auto& [name, text] : values) all += text;
  values.emplace_back("nonce", nonce_of(all));
  return filled(page_html(), values);
}

}  // namespace migfuzz
