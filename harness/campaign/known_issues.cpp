#include "harness/campaign/known_issues.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/core/scenario.h"
#include "harness/judge.h"

namespace migfuzz {

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
            key != "explains")
          throw UsageError(
              fmt::format("{}: entry {}: key `{}` is not known; there are signature, "
                          "versions, reference, expires, explains",
                          origin, list.size() + 1, key));
      list.push_back({entry.at("signature"), entry.value("versions", ""), entry.at("reference"),
                      entry.value("expires", ""),
                      entry.value("explains", std::vector<std::string>())});
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

// Findings of that verdict or a worse one that a pattern names become `known-issue`; false when
// there was none.
bool excuse(CaseResult& result, Verdict at_best, const std::vector<std::string>& patterns,
            const std::string& reference) {
  bool any = false;
  for (auto& finding : result.findings)
    for (const auto& pattern : patterns)
      if (finding.verdict <= at_best && matches(pattern, signature_of(result.plan, finding))) {
        finding.verdict = Verdict::known_issue;
        finding.reason = reference;
        any = true;
      }
  return any;
}

}  // namespace

void apply_known_issues(CaseResult& result, const std::vector<KnownIssue>& list,
                        const std::string& source_version, const std::string& destination_version,
                        const std::string& today) {
  if (result.verdict != Verdict::fail) return;
  for (const auto& issue : list) {
    const bool version = names_version(issue.versions, source_version) ||
                         names_version(issue.versions, destination_version);
    if (!version || (!issue.expires.empty() && today > issue.expires)) continue;
    if (!excuse(result, Verdict::fail, {issue.signature}, issue.reference)) continue;
    excuse(result, Verdict::infra, issue.explains, issue.reference);
  }
  // One known finding excuses another only where its entry says so: the worst that is left decides.
  name_verdict(result);
}

}  // namespace migfuzz
