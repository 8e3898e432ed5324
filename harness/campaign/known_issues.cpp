#include "harness/campaign/known_issues.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/core/scenario.h"

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
        if (key != "signature" && key != "versions" && key != "reference" && key != "expires")
          throw UsageError(fmt::format("{}: entry {}: key `{}` is not known; there are signature, "
                                       "versions, reference, expires", origin, list.size() + 1, key));
      list.push_back({entry.at("signature"), entry.value("versions", ""),
                      entry.at("reference"), entry.value("expires", "")});
    }
  } catch (const nlohmann::json::exception& error) {
    throw UsageError(fmt::format("{}: entry {}: {}; give signature and reference of each issue",
                                 origin, list.size() + 1, error.what()));
  }
  return list;
}

void apply_known_issues(CaseResult& result, const std::vector<KnownIssue>& list,
                        const std::string& source_version, const std::string& destination_version,
                        const std::string& today) {
  if (result.verdict != Verdict::fail) return;
  for (const auto& issue : list) {
    const bool version = source_version.starts_with(issue.versions) ||
                         destination_version.starts_with(issue.versions);
    const bool valid = issue.expires.empty() || today <= issue.expires;
    if (!version || !valid || !matches(issue.signature, result.signature)) continue;
    result.verdict = Verdict::known_issue;
    for (auto& finding : result.findings)
      if (finding.verdict == Verdict::fail) {
        finding.verdict = Verdict::known_issue;
        finding.reason = issue.reference;
      }
    return;
  }
}

}  // namespace migfuzz
