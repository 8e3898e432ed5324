// What is known after a case and after a run, to and from JSON, and the exit status.
//
// Strict in both directions: `report` and `replay` read these files back after upgrades and
// crashes, and must say what they cannot read. A case's id and folder become paths, so they are
// refused when they could leave the output folder.
#include "harness/core/result.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "harness/core/strict_json.h"

namespace migfuzz {
namespace {

using nlohmann::json;

constexpr std::uint64_t kAnyU64 = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kListMax = 1'000'000;

/// JSON has no NaN; -1 is this file's word for "not measured".
double finite(double value) { return std::isfinite(value) ? value : -1; }

std::vector<std::string> verdict_words() {
  std::vector<std::string> words;
  for (const Verdict verdict : all_verdicts()) words.emplace_back(to_string(verdict));
  return words;
}

Verdict read_verdict(StrictObject& object) {
  return *verdict_from(object.word("verdict", verdict_words()));
}

json spans_to_json(const std::vector<Span>& spans) {
  json out = json::array();
  for (const Span& span : spans) {
    out.push_back({{"name", clean_utf8(span.name)},
                   {"from_ms", finite(span.from_ms)},
                   {"to_ms", finite(span.to_ms)}});
  }
  return out;
}

json numbers_to_json(const std::vector<double>& numbers) {
  json out = json::array();
  for (const double number : numbers) out.push_back(finite(number));
  return out;
}

json texts_to_json(const std::vector<std::string>& texts) {
  json out = json::array();
  for (const std::string& text : texts) out.push_back(clean_utf8(text));
  return out;
}

/// Reads a list of objects; `read` takes the StrictObject of one entry.
template <typename Value, typename Read>
std::vector<Value> read_list(StrictObject& object, const char* key, Read read) {
  std::vector<Value> out;
  const json& list = object.list(key, kListMax);
  for (std::size_t i = 0; i < list.size(); ++i) {
    StrictObject entry(list[i], object.origin(),
                       object.path_of(key) + "[" + std::to_string(i) + "]");
    out.push_back(read(entry));
    entry.finish();
  }
  return out;
}

Span read_span(StrictObject& object) {
  return {object.text("name"), object.number("from_ms"), object.number("to_ms")};
}

std::vector<double> read_numbers(StrictObject& object, const char* key) {
  std::vector<double> out;
  for (const json& value : object.list(key, kListMax)) {
    if (!value.is_number()) object.refuse(key, "must hold numbers only");
    out.push_back(value.get<double>());
  }
  return out;
}

std::vector<std::string> read_texts(StrictObject& object, const char* key) {
  std::vector<std::string> out;
  for (const json& value : object.list(key, kListMax)) {
    if (!value.is_string()) object.refuse(key, "must hold texts only");
    out.push_back(value.get<std::string>());
  }
  return out;
}

json finding_to_json(const Finding& finding) {
  return {{"checker", clean_utf8(finding.checker)},
          {"verdict", to_string(finding.verdict)},
          {"what", clean_utf8(finding.what)},
          {"symptom", clean_utf8(finding.symptom)},
          {"reason", clean_utf8(finding.reason)}};
}

Finding read_finding(StrictObject& object) {
  Finding finding;
  finding.checker = object.text("checker");
  finding.verdict = read_verdict(object);
  finding.what = object.text("what");
  finding.symptom = object.text("symptom");
  finding.reason = object.text("reason");
  return finding;
}

json group_to_json(const FindingGroup& group) {
  json shortest = group.shortest ? to_json(*group.shortest) : json();
  return {{"signature", clean_utf8(group.signature)},
          {"verdict", to_string(group.verdict)},
          {"count", group.count},
          {"phase", clean_utf8(group.phase)},
          {"point", clean_utf8(group.point)},
          {"fault", clean_utf8(group.fault)},
          {"side", clean_utf8(group.side)},
          {"checker", clean_utf8(group.checker)},
          {"what", clean_utf8(group.what)},
          {"replay", clean_utf8(group.replay)},
          {"case_id", clean_utf8(group.case_id)},
          {"bundle", clean_utf8(group.bundle)},
          {"first_seen", clean_utf8(group.first_seen)},
          {"last_seen", clean_utf8(group.last_seen)},
          {"versions", texts_to_json(group.versions)},
          {"shortest", std::move(shortest)},
          {"rate",
           {{"shown", group.rate.shown},
            {"runs", group.rate.runs},
            {"least", group.rate.least()},
            {"most", group.rate.most()}}},
          {"minimal", clean_utf8(group.minimal)},
          {"shrink_end", clean_utf8(group.shrink_end)},
          {"before", to_json(group.before)}};
}

Rate read_rate(StrictObject object) {
  Rate rate;
  rate.runs = object.count("runs", 0, kAnyU64);
  rate.shown = object.count("shown", 0, rate.runs);
  object.number("least");  // derived, as is `most`: for readers with jq
  object.number("most");
  object.finish();
  return rate;
}

FindingGroup read_group(StrictObject& object) {
  FindingGroup group;
  group.signature = object.text("signature");
  group.verdict = read_verdict(object);
  group.count = object.count("count", 0, kAnyU64);
  group.phase = object.text("phase");
  group.point = object.text("point");
  group.fault = object.text("fault");
  group.side = object.text("side");
  group.checker = object.text("checker");
  group.what = object.text("what");
  group.replay = object.text("replay");
  group.case_id = object.text("case_id");
  group.bundle = object.name("bundle", true);
  if (!object.has("first_seen")) return group;  // written before findings were shrunk
  group.first_seen = object.text("first_seen");
  group.last_seen = object.text("last_seen");
  group.versions = read_texts(object, "versions");
  if (const json& plan = object.any("shortest"); !plan.is_null())
    group.shortest = plan_from_json(plan);
  group.rate = read_rate(object.object("rate"));
  group.minimal = object.text("minimal");
  group.shrink_end = object.text("shrink_end");
  if (object.has("before")) group.before = seen_before_from_json(object.any("before"));
  return group;
}

json coverage_to_json(const Coverage& row) {
  return {{"phase", clean_utf8(row.phase)},       {"fault", clean_utf8(row.fault)},
          {"side", clean_utf8(row.side)},         {"protocol", clean_utf8(row.protocol)},
          {"versions", clean_utf8(row.versions)}, {"required", row.required},
          {"delivered", row.delivered},           {"impossible", row.impossible},
          {"meaningless", row.meaningless},       {"why", texts_to_json(row.why)}};
}

Coverage read_coverage(StrictObject& object) {
  Coverage row;
  row.phase = object.text("phase");
  row.fault = object.text("fault");
  row.side = object.text("side");
  row.protocol = object.text("protocol");
  row.versions = object.text("versions");
  row.required = object.count("required", 0, kAnyU64);
  row.delivered = object.count("delivered", 0, kAnyU64);
  row.impossible = object.count("impossible", 0, kAnyU64);
  row.meaningless = object.count("meaningless", 0, kAnyU64);
  row.why = read_texts(object, "why");
  return row;
}

PromiseTally read_promise(StrictObject& object) {
  PromiseTally one;
  one.name = object.text("name");
  one.claim = object.text("claim");
  one.source = object.text("source");
  one.held = object.count("held", 0, kAnyU64);
  one.broken = object.count("broken", 0, kAnyU64);
  if (object.has("known")) one.known = object.count("known", 0, kAnyU64);  // not in older ones
  if (object.has("hazard")) one.hazard = object.count("hazard", 0, kAnyU64);
  one.lost = object.count("lost", 0, kAnyU64);
  return one;
}

Control read_control(StrictObject& object) {
  return {object.text("name"), object.count("cases", 0, kAnyU64), object.count("good", 0, kAnyU64)};
}

std::map<Verdict, std::uint64_t> read_counts(StrictObject object) {
  std::map<Verdict, std::uint64_t> counts;
  for (const Verdict verdict : all_verdicts()) {
    counts[verdict] = object.count(std::string(to_string(verdict)).c_str(), 0, kAnyU64);
  }
  object.finish();
  return counts;
}

std::uint64_t count_of(const Summary& summary, Verdict verdict) {
  const auto found = summary.verdicts.find(verdict);
  return found == summary.verdicts.end() ? 0 : found->second;
}

}  // namespace

nlohmann::json to_json(const CaseResult& result) {
  json findings = json::array();
  for (const Finding& finding : result.findings) findings.push_back(finding_to_json(finding));
  json events = json::array();
  for (const Event& event : result.history.events()) events.push_back(to_json(event));
  return {{"schema", CaseResult::kSchema},
          {"id", clean_utf8(result.id)},
          {"plan", to_json(result.plan)},
          {"verdict", to_string(result.verdict)},
          {"signature", clean_utf8(result.signature)},
          {"headline", clean_utf8(result.headline)},
          {"survivor", clean_utf8(result.survivor)},
          {"delivered", result.delivered},
          {"delivery_proof", clean_utf8(result.delivery_proof)},
          {"expected", clean_utf8(result.expected)},
          {"rule", clean_utf8(result.rule)},
          {"versions", clean_utf8(result.versions)},
          {"ended", clean_utf8(result.ended)},
          {"evidence_kept", clean_utf8(result.evidence_kept)},
          {"duration_ms", finite(result.duration_ms)},
          {"blackout_ms", finite(result.blackout_ms)},
          {"brownout_ms", finite(result.brownout_ms)},
          {"brownout_after_ms", finite(result.brownout_after_ms)},
          {"ping_gap_ms", finite(result.ping_gap_ms)},
          {"tcp_gap_ms", finite(result.tcp_gap_ms)},
          {"findings", std::move(findings)},
          {"phases", spans_to_json(result.phases)},
          {"owners", spans_to_json(result.owners)},
          {"heartbeats_source_ms", numbers_to_json(result.heartbeats_source_ms)},
          {"heartbeats_destination_ms", numbers_to_json(result.heartbeats_destination_ms)},
          {"history", std::move(events)},
          {"reached", texts_to_json(result.reached)},
          {"required_cell", clean_utf8(result.required_cell)}};
}

CaseResult case_result_from_json(const nlohmann::json& json) {
  StrictObject object(json, "case result");
  object.schema(CaseResult::kSchema);
  CaseResult result;
  result.id = object.name("id");
  if (result.id.find('/') != result.id.npos) object.refuse("id", "must not hold a slash");
  result.plan = plan_from_json(object.any("plan"));
  result.verdict = read_verdict(object);
  result.signature = object.text("signature");
  result.headline = object.text("headline");
  result.survivor = object.text("survivor");
  result.delivered = object.flag("delivered");
  result.delivery_proof = object.text("delivery_proof");
  result.expected = object.text("expected");
  result.rule = object.text("rule");
  result.versions = object.text("versions");
  if (object.has("ended")) result.ended = object.text("ended");
  result.evidence_kept = object.name("evidence_kept", true);
  result.duration_ms = object.number("duration_ms");
  result.blackout_ms = object.number("blackout_ms");
  result.brownout_ms = object.number("brownout_ms");
  if (object.has("brownout_after_ms"))
    result.brownout_after_ms = object.number("brownout_after_ms");
  if (object.has("ping_gap_ms")) result.ping_gap_ms = object.number("ping_gap_ms");
  if (object.has("tcp_gap_ms")) result.tcp_gap_ms = object.number("tcp_gap_ms");
  result.findings = read_list<Finding>(object, "findings", read_finding);
  result.phases = read_list<Span>(object, "phases", read_span);
  result.owners = read_list<Span>(object, "owners", read_span);
  result.heartbeats_source_ms = read_numbers(object, "heartbeats_source_ms");
  result.heartbeats_destination_ms = read_numbers(object, "heartbeats_destination_ms");
  std::vector<Event> events;
  for (const auto& event : object.list("history", kListMax)) {
    events.push_back(event_from_json(event));
  }
  result.history = History::from_events(std::move(events));
  result.reached = read_texts(object, "reached");
  result.required_cell = object.text("required_cell");
  object.finish();
  return result;
}

nlohmann::json to_json(const Summary& summary) {
  json verdicts = json::object();
  for (const Verdict verdict : all_verdicts()) {
    verdicts[std::string(to_string(verdict))] = count_of(summary, verdict);
  }
  json findings = json::array();
  for (const FindingGroup& group : summary.findings) findings.push_back(group_to_json(group));
  json coverage = json::array();
  for (const Coverage& row : summary.coverage) coverage.push_back(coverage_to_json(row));
  json promises = json::array();
  for (const PromiseTally& one : summary.promises)
    promises.push_back({{"name", clean_utf8(one.name)},
                        {"claim", clean_utf8(one.claim)},
                        {"source", clean_utf8(one.source)},
                        {"held", one.held},
                        {"broken", one.broken},
                        {"known", one.known},
                        {"hazard", one.hazard},
                        {"lost", one.lost}});
  json controls = json::array();
  for (const Control& control : summary.controls) {
    controls.push_back(
        {{"name", clean_utf8(control.name)}, {"cases", control.cases}, {"good", control.good}});
  }
  json nights = json::array(), gone = json::array();
  for (const Night& night : summary.nights) nights.push_back(to_json(night));
  for (const Gone& one : summary.gone) gone.push_back(to_json(one));
  return {{"schema", Summary::kSchema},
          {"seed", summary.seed},
          {"version", clean_utf8(summary.version)},
          {"command", clean_utf8(summary.command)},
          {"started", clean_utf8(summary.started)},
          {"source_qemu", clean_utf8(summary.source_qemu)},
          {"destination_qemu", clean_utf8(summary.destination_qemu)},
          {"accel", clean_utf8(summary.accel)},
          {"accel_why", clean_utf8(summary.accel_why)},
          {"memory", clean_utf8(summary.memory)},
          {"memory_why", clean_utf8(summary.memory_why)},
          {"host", clean_utf8(summary.host)},
          {"interrupted", summary.interrupted},
          {"duration_s", finite(summary.duration_s)},
          {"cases", summary.cases},
          {"cases_per_hour", finite(summary.cases_per_hour())},
          {"verdicts", std::move(verdicts)},
          {"cells", {{"required", summary.cells_required}, {"delivered", summary.cells_delivered}}},
          {"search", {{"cases", summary.searched}, {"missed", summary.missed}}},
          {"coverage", std::move(coverage)},
          {"findings", std::move(findings)},
          {"controls", std::move(controls)},
          {"promises", std::move(promises)},
          {"nights", std::move(nights)},
          {"gone", std::move(gone)},
          {"reached", to_json(summary.reached)},
          {"notes", texts_to_json(summary.notes)}};
}

Summary summary_from_json(const nlohmann::json& json) {
  StrictObject object(json, "summary");
  object.schema(Summary::kSchema);
  Summary summary;
  summary.seed = object.count("seed", 0, kAnyU64);
  summary.version = object.text("version");
  summary.command = object.text("command");
  summary.started = object.text("started");
  summary.source_qemu = object.text("source_qemu");
  summary.destination_qemu = object.text("destination_qemu");
  summary.accel = object.text("accel");
  summary.accel_why = object.text("accel_why");
  summary.memory = object.text("memory");
  summary.memory_why = object.text("memory_why");
  summary.host = object.text("host");
  summary.interrupted = object.flag("interrupted");
  summary.duration_s = object.number("duration_s");
  summary.cases = object.count("cases", 0, kAnyU64);
  object.number("cases_per_hour");  // derived: written for readers with jq, not read
  summary.verdicts = read_counts(object.object("verdicts"));
  StrictObject cells = object.object("cells");
  summary.cells_required = cells.count("required", 0, kAnyU64);
  summary.cells_delivered = cells.count("delivered", 0, kAnyU64);
  cells.finish();
  if (object.has("search")) {  // not in summaries of before there was one
    StrictObject search = object.object("search");
    summary.searched = search.count("cases", 0, kAnyU64);
    summary.missed = search.count("missed", 0, kAnyU64);
    search.finish();
  }
  summary.coverage = read_list<Coverage>(object, "coverage", read_coverage);
  summary.findings = read_list<FindingGroup>(object, "findings", read_group);
  summary.controls = read_list<Control>(object, "controls", read_control);
  if (object.has("promises"))
    summary.promises = read_list<PromiseTally>(object, "promises", read_promise);
  if (object.has("nights")) {  // not in summaries of before they were compared
    for (const auto& one : object.list("nights", kListMax))
      summary.nights.push_back(night_from_json(one));
    for (const auto& one : object.list("gone", kListMax))
      summary.gone.push_back(gone_from_json(one));
  }
  summary.reached = run_reach_from_json(object.any("reached"));
  summary.notes = read_texts(object, "notes");
  object.finish();
  return summary;
}

bool search_is_blind(const Summary& summary) { return summary.missed > summary.searched / 2; }

int exit_status(const Summary& summary) {
  constexpr int kFailuresFound = 1;
  constexpr int kInconclusive = 3;
  const bool group_failed =
      std::any_of(summary.findings.begin(), summary.findings.end(),
                  [](const FindingGroup& group) { return group.verdict == Verdict::fail; });
  if (group_failed || count_of(summary, Verdict::fail) > 0) return kFailuresFound;
  // A control that went wrong means that this run's "pass" is not worth its name.
  const bool blind =
      std::any_of(summary.controls.begin(), summary.controls.end(),
                  [](const Control& control) { return control.good < control.cases; });
  const bool doubtful = blind || count_of(summary, Verdict::infra) > 0 ||
                        count_of(summary, Verdict::not_delivered) > summary.missed ||
                        search_is_blind(summary) ||
                        summary.cells_delivered < summary.cells_required || summary.cases == 0;
  return doubtful ? kInconclusive : 0;
}

}  // namespace migfuzz
