// junit.xml for CI: one suite per point in stream order, one test case per case.
//
// fail is a failure, infra an error, not-delivered skipped; hazard, known-issue and expected-loss
// succeed and say so in system-out. It stays within what its readers take: GitLab parses less than
// 30 MB and 250 000 elements of one file, libxml2 10 MB of one text. So texts are cut, and of a run
// with more cases than fit the worst are listed and the others summed up, one test case for each
// suite and verdict; the property "not listed" says so. Counts are those of the test cases in
// the file, for readers that add up; those of the run are properties of the first suite.
#include <algorithm>
#include <cstdio>
#include <map>
#include <numeric>

#include "reports/escape.h"
#include "reports/report.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

constexpr std::size_t kCasesMax = 20'000;
constexpr std::size_t kCaseBytesMax = 15'000'000;  // of all test cases together
constexpr std::size_t kSuitesMax = 500;
constexpr std::size_t kNameMax = 300;        // bytes, before escaping
constexpr std::size_t kHeadlineMax = 1000;   // bytes
constexpr std::size_t kAccountMax = 16'000;  // bytes
constexpr std::size_t kFactsMax = 100;

using Text = std::vector<std::pair<std::string, std::string>>;

std::string name_text(std::string_view text) { return xml_text(shortened(text, kNameMax)); }

std::string seconds(double milliseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", milliseconds > 0 ? milliseconds / 1000 : 0.0);
  return text;
}

struct Suite {
  std::string name, cases;
  std::uint64_t tests = 0, failures = 0, errors = 0, skipped = 0;
  double time_ms = 0;
  std::map<Verdict, std::pair<std::uint64_t, double>> unlisted;  // how many, and their time

  void add(Verdict verdict, double case_ms, const std::string& text) {
    ++tests;
    failures += verdict == Verdict::fail;
    errors += verdict == Verdict::infra;
    skipped += verdict == Verdict::not_delivered;
    time_ms += case_ms;
    cases += text;
  }
  std::string attributes() const {
    return " tests=\"" + std::to_string(tests) + "\" failures=\"" + std::to_string(failures) +
           "\" errors=\"" + std::to_string(errors) + "\"";
  }
};

std::string account_of(const Summary& summary, const CaseResult& result) {
  std::string out = shortened(result.headline, kHeadlineMax) + "\n";
  for (const Finding& finding : result.findings) {
    if (finding.verdict == Verdict::pass) continue;
    out += std::string(to_string(finding.verdict)) + " " + shortened(finding.checker, kNameMax) +
           ": " + shortened(finding.what, kHeadlineMax);
    if (!finding.reason.empty()) out += " [" + shortened(finding.reason, kHeadlineMax) + "]";
    out += "\n";
  }
  if (!result.delivery_proof.empty())
    out += "delivered: " + shortened(result.delivery_proof, kHeadlineMax) + "\n";
  for (const FindingGroup& group : summary.findings) {
    if (group.case_id != result.id || group.shrink_end.empty()) continue;
    out += shortened(group.signature, kNameMax) + ": " +
           shortened(reproduction_of(group), kHeadlineMax) + "\n";
    if (!group.minimal.empty())
      out += "minimal plan: " + shortened(group.minimal, kHeadlineMax) + "\n";
  }
  out = shortened(out, kAccountMax);
  return out + "replay: " + shortened(replay_of(summary, result), kHeadlineMax) + "\n";
}

// What a verdict is to CI; `type` of a failure is its signature.
std::string outcome(Verdict verdict, const std::string& type, const std::string& message,
                    const std::string& account) {
  switch (verdict) {
    case Verdict::fail:
      return "<failure type=\"" + type + "\" message=\"" + message + "\">" + account + "</failure>";
    case Verdict::infra:
      return "<error type=\"infra\" message=\"" + message + "\">" + account + "</error>";
    case Verdict::not_delivered:
      return "<skipped message=\"not delivered: " + message + "\"/>";
    case Verdict::known_issue:
    case Verdict::hazard:
    case Verdict::expected_loss:
      return "<system-out>" + std::string(to_string(verdict)) + ": " + account + "</system-out>";
    case Verdict::pass:
      return account.empty() ? "" : "<system-out>" + account + "</system-out>";
  }
  return "";
}

std::string test_case(const std::string& name, const std::string& suite, double case_ms,
                      const std::string& inside) {
  const std::string open = "    <testcase name=\"" + name + "\" classname=\"" + name_text(suite) +
                           "\" time=\"" + seconds(case_ms) + "\"";
  return open + (inside.empty() ? "/>\n" : ">" + inside + "</testcase>\n");
}

std::string case_text(const Summary& summary, const CaseResult& result, const std::string& suite) {
  std::string inside;
  if (result.verdict != Verdict::pass)
    inside = outcome(result.verdict, name_text(result.signature),
                     xml_text(shortened(result.headline, kHeadlineMax)),
                     xml_text(account_of(summary, result)));
  return test_case(name_text(result.id), suite, result.duration_ms, inside);
}

// What stands for the cases of a suite that are not listed, by verdict.
void sum_up_unlisted(Suite& suite) {
  for (const auto& [verdict, rest] : suite.unlisted) {
    const auto& [count, rest_ms] = rest;
    const std::string what = counted(count, "more case") + ": " + std::string(to_string(verdict));
    const std::string account = what + ". Each of them is a line of results.jsonl.";
    suite.add(verdict, rest_ms,
              test_case(what, suite.name, rest_ms, outcome(verdict, "not-listed", what, account)));
  }
}

// One suite for each point that a fault struck at; of very many points one for each phase.
std::string suite_of(const CaseResult& result, bool by_point) {
  if (result.plan.faults.empty()) return "control";
  if (by_point) return point_of(result);
  return std::string(to_string(result.plan.faults.front().trigger.point.phase));
}

std::vector<Suite> suites_for(const std::vector<CaseResult>& results, bool& by_point) {
  std::vector<std::string> names = points_in_stream_order(results);
  by_point = names.size() <= kSuitesMax;
  if (!by_point) {
    names.clear();
    for (const Phase phase : all_phases()) names.emplace_back(to_string(phase));
  }
  names.insert(names.begin(), "control");  // cases without a fault
  std::vector<Suite> suites;
  for (std::string& name : names) suites.emplace_back().name = std::move(name);
  return suites;
}

// Worst cases first, so that they are listed whatever is not. Returns how many are not.
std::uint64_t fill(std::vector<Suite>& suites, const Summary& summary,
                   const std::vector<CaseResult>& results, bool by_point) {
  std::map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < suites.size(); ++i) place.emplace(suites[i].name, i);
  std::vector<std::size_t> order(results.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t left, std::size_t right) {
    return results[left].verdict < results[right].verdict;
  });
  std::size_t listed = 0;
  std::size_t bytes = 0;
  for (const std::size_t i : order) {
    const CaseResult& result = results[i];
    Suite& suite = suites[place.at(suite_of(result, by_point))];
    if (listed < kCasesMax && bytes < kCaseBytesMax) {
      const std::string text = case_text(summary, result, suite.name);
      bytes += text.size();
      ++listed;
      suite.add(result.verdict, result.duration_ms, text);
    } else {
      auto& [count, rest_ms] = suite.unlisted[result.verdict];
      ++count;
      rest_ms += result.duration_ms;
    }
  }
  return results.size() - listed;
}

Text properties_of(const Summary& summary, const std::vector<CaseResult>& results,
                   std::uint64_t unlisted) {
  Text out = run_facts(summary, results);
  for (const Verdict verdict : all_verdicts())
    out.emplace_back("cases: " + std::string(to_string(verdict)),
                     std::to_string(count_of(summary, verdict)));
  if (unlisted > 0)
    out.emplace_back("not listed",
                     counted(unlisted, "case") + " of " + std::to_string(results.size()) +
                         ", the least bad ones: this file sums them up, results.jsonl has them");
  if (out.size() > kFactsMax) out.resize(kFactsMax);
  return out;
}

// "2026-11-22T10:57:03", as the schemas of JUnit want it: no zone. Anything else is left out.
std::string timestamp(const std::string& started) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  if (started.size() < kShape.size()) return "";
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = started[i] >= '0' && started[i] <= '9';
    if (kShape[i] == 'd' ? !digit : started[i] != kShape[i]) return "";
  }
  return " timestamp=\"" + started.substr(0, kShape.size()) + "\"";
}

std::string suite_text(const Suite& suite, const std::string& when, const Text& properties) {
  std::string out = "  <testsuite name=\"" + name_text(suite.name) + "\"" + suite.attributes() +
                    " skipped=\"" + std::to_string(suite.skipped) + "\" time=\"" +
                    seconds(suite.time_ms) + "\"" + when + ">\n";
  if (!properties.empty()) out += "    <properties>\n";
  for (const auto& [name, value] : properties)
    out += "      <property name=\"" + name_text(name) + "\" value=\"" +
           xml_text(shortened(value, kHeadlineMax)) + "\"/>\n";
  if (!properties.empty()) out += "    </properties>\n";
  return out + suite.cases + "  </testsuite>\n";
}

}  // namespace

std::string junit_xml(const Summary& summary, const std::vector<CaseResult>& results) {
  bool by_point = true;
  std::vector<Suite> suites = suites_for(results, by_point);
  const std::uint64_t unlisted = fill(suites, summary, results, by_point);
  Text properties = properties_of(summary, results, unlisted);
  const std::string when = timestamp(summary.started);
  Suite total;
  std::string body;
  for (Suite& suite : suites) {
    sum_up_unlisted(suite);
    if (suite.tests == 0) continue;
    total.tests += suite.tests;
    total.failures += suite.failures;
    total.errors += suite.errors;
    total.time_ms += suite.time_ms;
    body += suite_text(suite, when, properties);
    properties.clear();  // they are those of the run: the first suite has them
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"migfuzz\"" +
         total.attributes() + " time=\"" + seconds(total.time_ms) + "\">\n" + body +
         "</testsuites>\n";
}

}  // namespace migfuzz
