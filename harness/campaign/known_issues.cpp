#include "harness/campaign/known_issues.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/core/scenario.h"
#include "harness/judge.h"

extern "C" {
extern const char migfuzz_known_issues_begin[];  // defined in known_issues_text.S
extern const char migfuzz_known_issues_end[];
}

namespace migfuzz {

std::string_view shipped_known_issues() {
  return {migfuzz_known_issues_begin, migfuzz_known_issues_end};
}

std::vector<KnownIssue> known_issues_from_text(const std::string& text, const std::string& origin) {
  std::vector<KnownIssue> list;
  try {
    const auto json = nlohmann::json::parse(text);
    if (json.at("schema") != 1)
      throw UsageError(fmt::format("{}: schema {} is not known; this version reads 1", origin,
                                   json.at("schema").dump()));
    for (const auto& entry : json.at("issues")) {
      for (const auto& [key, value] : entry.items())
        if (key != "signature" && key != "versions" && key != "reference" && key != "expires" &&
            key != "explains" && key != "shown_by")
          throw UsageError(
              fmt::format("{}: entry {}: key `{}` is not known; there are signature, "
                          "versions, reference, expires, explains, shown_by",
                          origin, list.size() + 1, key));
      list.push_back({entry.at("signature"), entry.value("versions", ""), entry.at("reference"),
                      entry.value("expires", ""),
                      entry.value("explains", std::vector<std::string>()),
                      entry.value("shown_by", std::vector<std::string>())});
    }
  } catch (const nlohmann::json::exception& error) {
    throw UsageError(fmt::format("{}: entry {}: {}; give signature and reference of each issue",
                                 origin, list.size() + 1, error.what()));
  }
  return list;
}

namespace {

// "7.2" names 7.2 and 7.2.22, not 7.20; empty names all.
bool names_version(const std::string& prefix, const std::string& version) {
  if (prefix.empty()) return true;
  return version.starts_with(prefix) &&
         (version.size() == prefix.size() || version[prefix.size()] == '.');
}

bool matches_any(const std::string& pattern, const std::vector<std::string>& signatures) {
  return std::any_of(signatures.begin(), signatures.end(),
                     [&](const auto& one) { return matches(pattern, one); });
}

bool matches_any_of(const std::vector<std::string>& patterns, const std::string& text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const auto& pattern) { return matches(pattern, text); });
}

// Findings of that verdict or a worse one that a pattern names become `known-issue`; false when
// there was none.
bool excuse(CaseResult& result, Verdict at_best, const std::vector<std::string>& patterns,
            const std::string& reference) {
  bool any = false;
  for (auto& finding : result.findings)
    for (const auto& pattern : patterns)
      if (finding.verdict <= at_best && matches_any(pattern, signatures_of(result.plan, finding))) {
        finding.verdict = Verdict::known_issue;
        finding.reason = reference;
        any = true;
      }
  return any;
}

}  // namespace

namespace {

// A promise says once more what some checkers found: where all that these found is known, so is why
// it was broken.
void explain(Finding& broken, const Promise& promise, const std::vector<Finding>& findings) {
  std::string reference;
  for (const auto& finding : findings) {
    const auto& restated = promise.restates;
    if (std::find(restated.begin(), restated.end(), finding.checker) == restated.end()) continue;
    if (finding.verdict == Verdict::fail) return;
    if (finding.verdict == Verdict::known_issue) reference = finding.reason;
  }
  if (reference.empty()) return;
  broken.verdict = Verdict::known_issue;
  broken.reason = reference;
}

void explain_promises(CaseResult& result, const std::vector<Promise>& promises) {
  for (auto& finding : result.findings)
    for (const auto& promise : promises)
      if (finding.checker == "promise" && finding.verdict == Verdict::fail &&
          finding.symptom == promise.name)
        explain(finding, promise, result.findings);
}

}  // namespace

void apply_known_issues(CaseResult& result, const std::vector<KnownIssue>& list,
                        const std::string& source_version, const std::string& destination_version,
                        const std::string& today, const std::vector<Promise>& promises) {
  if (result.verdict != Verdict::fail) return;
  for (const auto& issue : list) {
    const bool version = names_version(issue.versions, source_version) ||
                         names_version(issue.versions, destination_version);
    if (!version || (!issue.expires.empty() && today > issue.expires)) continue;
    if (!excuse(result, Verdict::fail, {issue.signature}, issue.reference)) continue;
    excuse(result, Verdict::infra, issue.explains, issue.reference);
  }
  explain_promises(result, promises);
  // One known finding excuses another only where its entry says so: the worst that is left decides.
  name_verdict(result);
}

namespace {

bool names_a_version(const KnownIssue& issue, const std::string& versions) {
  const auto arrow = versions.find(" -> ");
  if (arrow == versions.npos) return issue.versions.empty();
  return names_version(issue.versions, versions.substr(0, arrow)) ||
         names_version(issue.versions, versions.substr(arrow + 4));
}

bool shows(const KnownIssue& issue, const CaseResult& result) {
  return std::any_of(result.findings.begin(), result.findings.end(), [&](const Finding& finding) {
    const bool failed = finding.verdict == Verdict::fail || finding.verdict == Verdict::known_issue;
    return failed && matches_any(issue.signature, signatures_of(result.plan, finding));
  });
}

// The case stood where the issue shows for sure.
bool looked_for(const KnownIssue& issue, const CaseResult& result,
                const std::vector<Replayed>& replayed) {
  if (!result.delivered || result.verdict == Verdict::infra) return false;
  const auto shown_for_sure =
      std::any_of(replayed.begin(), replayed.end(), [&](const Replayed& one) {
        return one.plan == result.plan && matches(issue.signature, one.signature);
      });
  if (shown_for_sure) return true;
  if (result.plan.faults.size() > 1) return false;
  const auto circumstances = signature_at(result.plan, "");  // "/PHASE/FAULT-SIDE/PROTOCOL"
  if (issue.shown_by.empty())
    return issue.signature.find('*') == std::string::npos &&
           issue.signature.ends_with(circumstances);
  return matches_any_of(issue.shown_by, circumstances.substr(1));
}

}  // namespace

std::vector<std::string> stale_issues(const std::vector<KnownIssue>& list,
                                      const std::vector<CaseResult>& results,
                                      const std::vector<Replayed>& replayed,
                                      const std::string& today) {
  std::vector<std::string> lines;
  for (const auto& issue : list) {
    Rate rate;
    for (const auto& result : results) {
      if (!names_a_version(issue, result.versions)) continue;
      const bool shown = shows(issue, result);
      rate.shown += shown ? 1 : 0;
      rate.runs += shown || looked_for(issue, result, replayed) ? 1 : 0;
    }
    if (!issue.expires.empty() && today > issue.expires) {
      if (rate.shown > 0)
        lines.push_back(
            fmt::format("known issue {} expired on {} and excuses nothing any more: "
                        "{} cases show it ({})",
                        issue.signature, issue.expires, rate.shown, issue.reference));
    } else if (rate.runs > 0 && rate.shown == 0) {
      lines.push_back(
          fmt::format("known issue {} was not seen in the {} cases that stood where it shows: so "
                      "it comes up in "
                      "at most {:.0f} % of them, if at all; if that stays, its entry can go ({})",
                      issue.signature, rate.runs, 100 * rate.most(), issue.reference));
    }
  }
  return lines;
}

}  // namespace migfuzz
