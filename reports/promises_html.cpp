// What the system promises whose scenario was run, and how many cases kept each promise.
#include <algorithm>

#include "reports/html_text.h"
#include "reports/sections.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

std::string row(const PromiseTally& one) {
  const auto asked = one.held + one.broken + one.lost;
  const auto verdict = one.broken > 0 ? Verdict::fail
                       : one.lost > 0 ? Verdict::expected_loss
                                      : Verdict::pass;
  const auto word = asked == 0       ? std::string("no case says")
                    : one.broken > 0 ? "broken by " + counted(one.broken, "case")
                    : one.held == 0  ? std::string("lost as expected")
                                     : std::string("kept");
  std::string out = "<tr><th scope=\"row\">" + html(one.claim) + "<p class=\"minor\">" +
                    html(one.source) + " <code>" + html(one.name) + "</code></p></th><td>";
  out += asked == 0 ? "<span class=\"quiet\">" + html(word) + "</span>"
                    : badge(verdict) + "<p class=\"minor\">" + html(word) + "</p>";
  return out + "</td><td>" + std::to_string(one.held) + "</td><td>" +
         std::to_string(one.broken) + "</td><td>" + std::to_string(one.lost) + "</td></tr>";
}

}  // namespace

std::string promises_section(const Summary& summary) {
  if (summary.promises.empty()) return "";
  std::string out =
      "<section id=\"promises\"><h2>What was promised</h2><div class=\"wide\" tabindex=\"0\" "
      "role=\"region\" aria-label=\"Promises\"><table class=\"coverage\"><thead><tr><th "
      "scope=\"col\">Promise</th><th scope=\"col\">It was</th><th scope=\"col\">Kept</th><th "
      "scope=\"col\">Broken</th><th scope=\"col\">Lost as expected</th></tr></thead><tbody>";
  for (const auto& one : summary.promises) out += row(one);
  return out + "</tbody></table></div></section>\n";
}

}  // namespace migfuzz
