// junit.xml for CI: one suite per point in stream order, one test case per case.
//
// fail is a failure, infra an error, not-delivered skipped; hazard, known-issue and expected-loss
// succeed and say so in system-out. XML 1.0 has no way at all to hold most control characters, not
// even escaped, so they become U+FFFD; invalid UTF-8 likewise.
#include <cstdio>

#include "harness/core/strict_json.h"
#include "reports/report.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

std::string xml(std::string_view text) {
  const std::string clean = clean_utf8(text);
  std::string out;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const char c = clean[i];
    const auto byte = static_cast<unsigned char>(c);
    const std::string_view rest = std::string_view(clean).substr(i, 3);
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\n' || c == '\t') {
      out += c == '\n' ? "&#10;" : "&#9;";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\xef\xbf\xbd";
    } else if (rest == "\xef\xbf\xbe" || rest == "\xef\xbf\xbf") {  // U+FFFE, U+FFFF: not XML
      out += "\xef\xbf\xbd";
      i += 2;
    } else {
      out += c;
    }
  }
  return out;
}

std::string seconds(double milliseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", milliseconds > 0 ? milliseconds / 1000 : 0.0);
  return text;
}

struct Counts {
  std::uint64_t tests = 0, failures = 0, errors = 0, skipped = 0;
  double time_ms = 0;
  void add(const CaseResult& result) {
    ++tests;
    failures += result.verdict == Verdict::fail;
    errors += result.verdict == Verdict::infra;
    skipped += result.verdict == Verdict::not_delivered;
    time_ms += result.duration_ms;
  }
  std::string attributes() const {
    return " tests=\"" + std::to_string(tests) + "\" failures=\"" + std::to_string(failures) +
           "\" errors=\"" + std::to_string(errors) + "\" skipped=\"" + std::to_string(skipped) +
           "\" time=\"" + seconds(time_ms) + "\"";
  }
};

std::string account_of(const Summary& summary, const CaseResult& result) {
  std::string out = result.headline + "\n";
  for (const Finding& finding : result.findings) {
    if (finding.verdict == Verdict::pass) continue;
    out += std::string(to_string(finding.verdict)) + " " + finding.checker + ": " + finding.what;
    if (!finding.reason.empty()) out += " [" + finding.reason + "]";
    out += "\n";
  }
  if (!result.delivery_proof.empty()) out += "delivered: " + result.delivery_proof + "\n";
  for (const FindingGroup& group : summary.findings) {
    if (group.case_id != result.id || group.shrink_end.empty()) continue;
    out += group.signature + ": " + reproduction_of(group) + "\n";
    if (!group.minimal.empty()) out += "minimal plan: " + group.minimal + "\n";
  }
  return out + "replay: " + replay_of(summary, result) + "\n";
}

std::string test_case(const Summary& summary, const CaseResult& result, const std::string& suite) {
  std::string out = "    <testcase name=\"" + xml(result.id) + "\" classname=\"" + xml(suite) +
                    "\" time=\"" + seconds(result.duration_ms) + "\">";
  const std::string message = xml(result.headline);
  const std::string account = xml(account_of(summary, result));
  switch (result.verdict) {
    case Verdict::fail:
      out += "<failure type=\"" + xml(result.signature) + "\" message=\"" + message + "\">" +
             account + "</failure>";
      break;
    case Verdict::infra:
      out += "<error type=\"infra\" message=\"" + message + "\">" + account + "</error>";
      break;
    case Verdict::not_delivered:
      out += "<skipped message=\"not delivered: " + message + "\"/>";
      break;
    case Verdict::known_issue:
    case Verdict::hazard:
    case Verdict::expected_loss:
      out += "<system-out>" + std::string(to_string(result.verdict)) + ": " + account +
             "</system-out>";
      break;
    case Verdict::pass:
      break;
  }
  return out + "</testcase>\n";
}

}  // namespace

std::string junit_xml(const Summary& summary, const std::vector<CaseResult>& results) {
  std::vector<std::string> points = points_in_stream_order(results);
  points.insert(points.begin(), "");  // controls: cases without a fault
  Counts total;
  std::string body;
  for (const std::string& point : points) {
    const std::string suite = point.empty() ? "control" : point;
    Counts counts;
    std::string cases;
    for (const CaseResult& result : results) {
      if (point_of(result) != point) continue;
      counts.add(result);
      total.add(result);
      cases += test_case(summary, result, suite);
    }
    if (counts.tests == 0) continue;
    body += "  <testsuite name=\"" + xml(suite) + "\"" + counts.attributes() + " timestamp=\"" +
            xml(summary.started) + "\">\n    <properties>\n";
    for (const auto& [name, value] : run_facts(summary, results)) {
      body += "      <property name=\"" + xml(name) + "\" value=\"" + xml(value) + "\"/>\n";
    }
    body += "    </properties>\n" + cases + "  </testsuite>\n";
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"migfuzz\"" +
         total.attributes() + ">\n" + body + "</testsuites>\n";
}

}  // namespace migfuzz
