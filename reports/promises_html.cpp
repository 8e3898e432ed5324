// What the system promises whose scenario was run, and how many cases kept each promise.
#include <algorithm>

#include "reports/html_text.h"
#include "reports/sections.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

std::string row(const PromiseTally& one) {
  const auto asked = one.held + one.broken + one.known + one.hazard + one.lost;
  const auto [verdict, word] =
      one.broken > 0  ? std::pair(Verdict::fail, "broken by " + counted(one.broken, "case"))
      : one.known > 0 ? std::pair(Verdict::known_issue, "a known issue in " +
                                                            counted(one.known, "case"))
      : one.hazard > 0 ? std::pair(Verdict::hazard, "the protocol's hazard in " +
                                                        counted(one.hazard, "case"))
      : one.lost > 0  ? std::pair(Verdict::expected_loss,
                                 "lost as expected in " + counted(one.lost, "case"))
                      : std::pair(Verdict::pass, std::string("kept"));
  std::string out = "<tr><th scope=\"row\">" + html(one.claim) + "<p class=\"minor\">" +
                    html(one.source) + " <code>" + html(one.name) + "</code></p></th><td>";
  out += asked == 0 ? "<span class=\"quiet\">no case says</span>"
                    : badge(verdict) + "<p class=\"minor\">" + html(word) + "</p>";
  return out + "</td><td>" + std::to_string(one.held) + "</td><td>" +
         std::to_string(one.broken) + "</td><td>" + std::to_string(one.known) + "</td><td>" +
         std::to_string(one.lost) + "</td><td>" + std::to_string(one.hazard) + "</td></tr>";
}

}  // namespace

std::string promises_section(const Summary& summary) {
  if (summary.promises.empty()) return "";
  std::string out =
      "<section id=\"promises\"><h2>What was promised</h2><div class=\"wide\" tabindex=\"0\" "
      "role=\"region\" aria-label=\"Promises\"><table class=\"coverage\"><thead><tr><th "
      "scope=\"col\">Promise</th><th scope=\"col\">It was</th><th scope=\"col\">Kept</th><th "
      "scope=\"col\">Broken</th><th scope=\"col\">Known issue</th><th "
      "scope=\"col\">Lost as expected</th><th scope=\"col\">Hazard</th></tr></thead><tbody>";
  for (const auto& one : summary.promises) out += row(one);
  return out + "</tbody></table></div></section>\n";
}

}  // namespace migfuzz
