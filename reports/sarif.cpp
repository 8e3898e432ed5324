// report.sarif: findings as SARIF 2.1.0, for GitHub code scanning and other readers of it.
//
// One result per finding, worst first; its rule is what failed: checker and symptom. A finding of
// migfuzz is no line of a source file. GitHub shows only what has a file, and takes a result
// with another path for another alert, so the path must be the same every night: the bundle, which
// is named after the signature; without one, summary.json. The case's plan.json is a related
// location, the place in the migration a logical one. GitHub tells alerts apart by
// `primaryLocationLineHash`; here it is the hash of the signature, so that an alert stays open
// while its signature comes up and closes when it does not.
// Source of the limits: GitHub's "SARIF support for code scanning".
#include <map>
#include <nlohmann/json.hpp>

#include "harness/core/strict_json.h"
#include "reports/escape.h"
#include "reports/report.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

using nlohmann::json;

constexpr std::size_t kResultsMax = 5000;  // GitHub refuses 25 000 and shows 5000
constexpr std::size_t kNameMax = 200;      // bytes
constexpr std::size_t kTextMax = 1000;     // bytes; of a description GitHub shows 1024 characters

std::string short_text(std::string_view text, std::size_t bytes_max = kTextMax) {
  return sarif_text(shortened(text, bytes_max));
}

/// As short_text(), and never empty: GitHub refuses empty texts where it demands one.
std::string some_text(std::string_view text, const char* otherwise) {
  const std::string out = short_text(text);
  return out.empty() ? otherwise : out;
}

std::string hex_of(std::string_view text) {
  char out[24];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(stable_hash(text)));
  return out;
}

/// Checker and symptom: "memory/stale-page". One that is cut keeps a hash of the whole.
std::string rule_of(const FindingGroup& group) {
  const std::size_t first = group.signature.find('/');
  const std::size_t second =
      first == group.signature.npos ? first : group.signature.find('/', first + 1);
  const std::string face = group.signature.substr(0, second);
  if (face.empty()) return "migfuzz/no-signature";
  if (face.size() <= kNameMax) return clean_utf8(face);
  return shortened(face, kNameMax) + " " + hex_of(face);
}

const char* level_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::fail:
      return "error";
    case Verdict::infra:
    case Verdict::not_delivered:
      return "warning";
    case Verdict::known_issue:
    case Verdict::hazard:
    case Verdict::expected_loss:
    case Verdict::pass:
      break;
  }
  return "note";
}

json rule_json(const std::string& id, const FindingGroup& group, const Claims& claims) {
  const auto claim = claims.find(group.checker);
  const std::string promise =
      claim == claims.end() ? "the harness can tell what survived" : claim->second;
  const std::string checker = group.checker.empty() ? "migfuzz" : group.checker;
  const std::string help =
      "Broken promise: " + short_text(promise) + ". Said by `" + short_text(checker, kNameMax) +
      "`. The message of each result has the command that runs its case again. report.html shows "
      "what happened, and the bundle under findings/ has all evidence and, where that is possible, "
      "a script that shows it without migfuzz.";
  const std::string markdown =
      "**Broken promise:** " + markdown_text(short_text(promise)) + ".\n\nSaid by the checker " +
      markdown_code(shortened(checker, kNameMax)) +
      ".\n\n- The message of each result has the command that runs its case again.\n"
      "- `report.html` shows what happened.\n"
      "- The bundle under `findings/` has all evidence and, where that is possible, a script that "
      "shows it without migfuzz.\n";
  return {{"id", id},
          {"shortDescription", {{"text", short_text(id)}}},
          {"fullDescription", {{"text", short_text(promise)}}},
          {"help", {{"text", help}, {"markdown", markdown}}},
          {"defaultConfiguration", {{"level", level_of(group.verdict)}}},
          {"properties", {{"tags", {"live-migration", "qemu"}}}}};
}

/// Below the run's folder, as far as a reader can be led by it.
bool stays_inside(const std::string& path) {
  return !path.empty() && path.size() <= kTextMax && path.front() != '/' &&
         path.find("..") == path.npos;
}

json file_location(const std::string& path) {
  return {{"artifactLocation", {{"uri", uri_path(path)}}}, {"region", {{"startLine", 1}}}};
}

/// Where in the migration: nothing of it is a file.
json places_of(const FindingGroup& group) {
  json out = json::array();
  const std::pair<const char*, const std::string*> places[] = {{"phase", &group.phase},
                                                               {"point", &group.point},
                                                               {"fault", &group.fault},
                                                               {"side", &group.side}};
  for (const auto& [kind, name] : places)
    if (!name->empty()) out.push_back({{"name", shortened(*name, kNameMax)}, {"kind", kind}});
  return out;
}

std::string message_of(const FindingGroup& group) {
  std::string out = some_text(group.what, "no more is known") + "\n\n" +
                    std::string(to_string(group.verdict)) + ", in " + counted(group.count, "case");
  if (!group.fault.empty())
    out += ": " + short_text(group.fault, kNameMax) + " " + short_text(group.side, kNameMax) +
           " at " + short_text(group.point, kNameMax);
  out += ".\n";
  if (const auto rate = reproduction_of(group); !rate.empty()) out += short_text(rate) + ".\n";
  if (const auto seen = sightings_of(group); !seen.empty()) out += short_text(seen) + ".\n";
  out += "Replay: " + some_text(group.replay, "there is no plan to replay");
  if (!group.minimal.empty()) out += "\nSimplest plan: " + short_text(group.minimal);
  return out;
}

json result_json(const FindingGroup& group, const std::string& rule, std::size_t rule_index,
                 const CaseResult* shown) {
  json location{{"physicalLocation",
                 file_location(stays_inside(group.bundle) ? group.bundle : "summary.json")}};
  if (json places = places_of(group); !places.empty())
    location["logicalLocations"] = std::move(places);
  json out{{"ruleId", rule},
           {"ruleIndex", rule_index},
           {"level", level_of(group.verdict)},
           {"message", {{"text", message_of(group)}}},
           {"locations", {std::move(location)}},
           {"partialFingerprints",
            {{"primaryLocationLineHash", hex_of(group.signature) + ":1"},
             {"migfuzzSignature/v1", shortened(group.signature, kTextMax)}}},
           {"properties",
            {{"signature", shortened(group.signature, kTextMax)},
             {"verdict", to_string(group.verdict)},
             {"replay", shortened(group.replay, kTextMax)},
             {"case", shortened(group.case_id, kTextMax)}}}};
  if (group.count > 0) out["occurrenceCount"] = group.count;
  if (shown != nullptr && stays_inside(shown->evidence_kept))
    out["relatedLocations"] = {
        {{"id", 1},
         {"message", {{"text", "the plan of the case that is shown"}}},
         {"physicalLocation", file_location(shown->evidence_kept + "/plan.json")}}};
  if (!group.before.state.empty())
    out["baselineState"] = group.before.state == "seen" ? "unchanged" : "new";
  if (group.verdict == Verdict::known_issue)
    out["suppressions"] = {
        {{"kind", "external"}, {"justification", "on the list of known issues of the run"}}};
  return out;
}

json invocation_json(const Summary& summary, std::size_t left_out) {
  const int status = exit_status(summary);
  json out{{"commandLine", shortened(summary.command, kTextMax)},
           {"exitCode", status},
           {"executionSuccessful", !summary.interrupted && status != 3}};
  if (left_out > 0)
    out["toolExecutionNotifications"] = {
        {{"level", "note"},
         {"message", {{"text", counted(left_out, "finding") + " left out; see summary.json"}}}}};
  return out;
}

}  // namespace

std::string sarif_log(const Summary& summary, const std::vector<CaseResult>& results,
                      const Claims& claims) {
  std::map<std::string, const CaseResult*> cases;
  for (const CaseResult& result : results) cases.emplace(result.id, &result);
  std::map<std::string, std::size_t> known;
  json rules = json::array();
  json found = json::array();
  for (const FindingGroup& group : summary.findings) {
    if (found.size() == kResultsMax) break;
    const std::string rule = rule_of(group);
    const auto [place, is_new] = known.emplace(rule, rules.size());
    if (is_new) rules.push_back(rule_json(rule, group, claims));
    const auto shown = cases.find(group.case_id);
    found.push_back(
        result_json(group, rule, place->second, shown == cases.end() ? nullptr : shown->second));
  }
  const std::size_t left_out = summary.findings.size() - found.size();
  json driver{{"name", "migfuzz"}, {"rules", std::move(rules)}};
  if (!summary.version.empty()) driver["version"] = shortened(summary.version, kNameMax);
  const json log{{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                 {"version", "2.1.0"},
                 {"runs",
                  {{{"tool", {{"driver", std::move(driver)}}},
                    {"automationDetails", {{"id", "migfuzz/"}}},
                    {"columnKind", "utf16CodeUnits"},
                    {"invocations", {invocation_json(summary, left_out)}},
                    {"results", std::move(found)},
                    {"properties",
                     {{"seed", summary.seed},
                      {"started", shortened(summary.started, kNameMax)},
                      {"source_qemu", shortened(summary.source_qemu, kTextMax)},
                      {"destination_qemu", shortened(summary.destination_qemu, kTextMax)}}}}}}};
  return log.dump(1) + "\n";
}

}  // namespace migfuzz
