// Findings: one row for each signature; and apart from them what was foreseen, by the rule that
// says so: losses that this kind of migration is known for, and hazards of the protocol.
//
// The rows carry what reports/page/findings.js filters by as data- attributes. A table of thousands
// of signatures is cut, worst first, and says so.
#include <algorithm>
#include <map>
#include <set>

#include "reports/html_text.h"
#include "reports/sections.h"
#include "reports/story.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

constexpr std::size_t kRowsMax = 2000;
constexpr std::size_t kBytesMax = 900'000;  // of all rows

std::string attribute(const char* name, std::string_view value) {
  return std::string(" data-") + name + "=\"" + html(value.substr(0, 300)) + "\"";
}

std::string protocol_of(const FindingGroup& group) {
  if (group.shortest) return group.shortest->protocol;
  const auto slash = group.signature.rfind('/');
  return slash == std::string::npos ? "" : group.signature.substr(slash + 1);
}

std::string where(const FindingGroup& group) {
  const bool in_phase = group.point.starts_with(group.phase + "/");
  const std::string point =
      in_phase || group.phase.empty() ? group.point : group.phase + "/" + group.point;
  std::string out = "<td data-label=\"Where\"><p><b>" +
                    html(group.fault.empty() ? "no fault" : group.fault) + "</b>" +
                    (group.side.empty() ? "" : " on " + html(group.side)) + "</p>";
  if (!point.empty()) out += "<p>at <code>" + breakable(point) + "</code></p>";
  return out + minor(protocol_of(group)) + "</td>";
}

std::string what(const FindingGroup& group) {
  std::string out = "<td data-label=\"What\"><p>" + html(group.what) +
                    "</p><p class=\"minor\"><span class=\"checker\">" + html(group.checker) +
                    "</span> <code>" + breakable(group.signature) +
                    "</code></p><p class=\"links\">";
  if (!group.case_id.empty())
    out += "<a class=\"open\" href=\"#case=" + in_hash(group.case_id) + "\">Open a case</a> ";
  out += "<a class=\"only-script\" href=\"#signature=" + in_hash(group.signature) + "\">Its " +
         html(counted(group.count, "case")) + "</a> ";
  // Never another place than the folder of the report.
  if (group.bundle.starts_with("findings/"))
    out += "<a href=\"" + html(group.bundle) + "\" download>Download the bundle</a>";
  return out + "</p></td>";
}

std::string seen(const FindingGroup& group) {
  std::string out = "<td data-label=\"Seen\"><p class=\"minor\">";
  if (!group.before.first_night.empty())
    out += html("first " + day_of(group.before.first_night)) + ", in " +
           html(counted(group.before.nights, "earlier night")) + "<br>";
  if (!group.first_seen.empty()) {
    out +=
        html(group.before.first_night.empty() ? "first " : "tonight ") + moment(group.first_seen);
    if (group.last_seen != group.first_seen) out += "<br>last " + moment(group.last_seen);
  }
  out += "</p>";
  for (const auto& versions : group.versions) out += minor(versions);
  return out + "</td>";
}

std::string reproduce(const FindingGroup& group) {
  std::string out = "<td data-label=\"Reproduce\">" + command(group.replay);
  const auto how_often = reproduction_of(group);
  out += minor(how_often.empty() ? "rate not measured" : how_often);
  if (!group.minimal.empty()) out += minor("the minimal plan:") + command(group.minimal);
  return out + "</td>";
}

std::string row(const FindingGroup& group) {
  const std::string text = group.signature + " " + group.what + " " + group.point;
  return "<tr" + attribute("verdict", to_string(group.verdict)) + attribute("phase", group.phase) +
         attribute("fault", group.fault) + attribute("side", group.side) +
         attribute("protocol", protocol_of(group)) + attribute("signature", group.signature) +
         attribute("text", text) + "><td data-label=\"Verdict\">" + badge(group.verdict) +
         state_badge(group.before) + "</td><td data-label=\"Cases\" class=\"num\">" +
         std::to_string(group.count) + "</td>" + what(group) + where(group) + seen(group) +
         reproduce(group) + "</tr>";
}

// What was foreseen, of one rule.
struct Foreseen {
  std::uint64_t cases = 0;
  std::set<std::string> faults, phases;
  const CaseResult* first = nullptr;
};

std::string listed(const std::set<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string foreseen_row(Verdict verdict, const std::string& rule, const Foreseen& all) {
  const OutcomeRule* known = row_of(*all.first);
  const std::string word(to_string(verdict));
  std::string why = known != nullptr ? std::string(known->reason) : std::string();
  for (const auto& finding : all.first->findings)
    if (why.empty() && finding.verdict == verdict) why = finding.reason;
  return "<tr" + attribute("verdict", word) + "><td data-label=\"Verdict\">" + badge(verdict) +
         "</td><td data-label=\"Cases\" class=\"num\">" + std::to_string(all.cases) +
         "</td><td data-label=\"Rule\"><p><code>" + html(rule.empty() ? "no rule" : rule) +
         "</code></p><p class=\"minor\">" + html(why) + "</p></td><td data-label=\"Where\"><p>" +
         html(listed(all.phases)) + "</p><p class=\"minor\">" + html(listed(all.faults)) +
         "</p><a class=\"only-script\" href=\"#verdict=" + word + "&amp;rule=" + in_hash(rule) +
         "\">Its " + html(counted(all.cases, "case")) + "</a></td></tr>";
}

std::map<std::pair<Verdict, std::string>, Foreseen> foreseen(
    const std::vector<CaseResult>& results) {
  std::map<std::pair<Verdict, std::string>, Foreseen> rows;
  for (const auto& result : results) {
    if (result.verdict != Verdict::hazard && result.verdict != Verdict::expected_loss) continue;
    auto& row = rows[{result.verdict, rule_of(result)}];
    ++row.cases;
    if (row.first == nullptr) row.first = &result;
    for (const auto& fault : result.plan.faults) {
      row.faults.insert(fault.kind);
      row.phases.insert(std::string(to_string(fault.trigger.point.phase)));
    }
  }
  return rows;
}

}  // namespace

std::string findings_section(const Summary& summary) {
  if (summary.findings.empty())
    return "<p class=\"quiet\">None: no case disagreed with what is expected.</p>\n";
  std::string out =
      "<table class=\"findings cards\"><thead><tr><th scope=\"col\">Verdict</th><th scope=\"col\" "
      "class=\"num\">Cases</th><th scope=\"col\">What</th><th scope=\"col\">Where</th><th "
      "scope=\"col\">Seen</th><th scope=\"col\">Reproduce</th></tr></thead><tbody>";
  std::size_t rows = 0;
  for (const FindingGroup& group : summary.findings) {
    if (rows == kRowsMax || out.size() > kBytesMax) break;
    out += row(group);
    ++rows;
  }
  out += "</tbody></table>";
  if (rows < summary.findings.size())
    out += minor(std::to_string(summary.findings.size() - rows) +
                 " more signatures are left out here; summary.json has them all.");
  return out + "\n";
}

std::string foreseen_section(const std::vector<CaseResult>& results) {
  const auto rows = foreseen(results);
  if (rows.empty()) return "";
  std::string out =
      "<section id=\"foreseen\"><h2>Foreseen: losses and hazards, not failures</h2><p "
      "class=\"minor\">The table of expected outcomes says that these may happen; the rule says "
      "why.</p><table class=\"foreseen findings cards\"><thead><tr><th "
      "scope=\"col\">Verdict</th><th scope=\"col\" class=\"num\">Cases</th><th "
      "scope=\"col\">Rule</th><th scope=\"col\">Where</th></tr></thead><tbody>";
  std::size_t told = 0;
  for (const auto& [key, row] : rows) {
    if (told++ == kRowsMax / 10) break;
    out += foreseen_row(key.first, key.second, row);
  }
  return out + "</tbody></table></section>\n";
}

}  // namespace migfuzz
