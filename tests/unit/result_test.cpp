// Verdict words, results and summaries as JSON, and the exit status. Run alone: unit_tests
// "[result]".
#include "harness/core/result.h"

#include <catch2/catch.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/core/error.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;

CaseResult some_result() {
  CaseResult result;
  result.id = "stopcopy-enter-crash-source-handshake-0123abcd";
  result.plan.faults.push_back({"crash", Side::source, trigger_from("stopcopy/enter"), 0, 0});
  result.verdict = Verdict::fail;
  result.signature = "single-owner/double-run";
  result.headline = "both hosts ran";
  result.survivor = "both";
  result.delivered = true;
  result.evidence_kept = "cases/" + result.id;
  result.duration_ms = 1234.5;
  result.findings.push_back(
      {"single-owner", Verdict::fail, "overlap of 3 ms", "double-run", "rule"});
  result.phases.push_back({"precopy", 1, 2.5});
  result.owners.push_back({"both", 2, 3});
  result.heartbeats_source_ms = {1, 2};
  result.history = History::from_events({{0, 1, "source", "note", "n", {{"k", true}}}});
  result.required_cell = "stopcopy/enter crash source";
  return result;
}

Summary clean_summary() {
  Summary summary;
  summary.cases = 10;
  summary.verdicts[Verdict::pass] = 10;
  summary.cells_required = summary.cells_delivered = 10;
  return summary;
}

TEST_CASE("Every verdict has one word and one sentence, and the words are read back", "[result]") {
  std::set<std::string_view> words;
  for (const Verdict verdict : all_verdicts()) {
    CHECK(verdict_from(to_string(verdict)) == verdict);
    CHECK(describe(verdict).ends_with("."));
    words.insert(to_string(verdict));
  }
  CHECK(words.size() == 7);
  CHECK(all_verdicts().front() == Verdict::fail);
  CHECK(all_verdicts().back() == Verdict::pass);
  CHECK_FALSE(verdict_from("PASS"));
}

TEST_CASE("A case result written as JSON is read back equal", "[result]") {
  const nlohmann::json json = to_json(some_result());
  const CaseResult again = case_result_from_json(nlohmann::json::parse(json.dump()));
  CHECK(to_json(again) == json);
  CHECK(again.plan == some_result().plan);
  CHECK(again.findings == some_result().findings);
  CHECK(again.history.events() == some_result().history.events());
  CHECK(again.evidence.empty());
}

TEST_CASE("A case result whose folder would leave the output is refused", "[result]") {
  nlohmann::json json = to_json(some_result());
  json["id"] = "../x";
  CHECK_THROWS_AS(case_result_from_json(json), UsageError);
  json["id"] = "a/b";
  CHECK_THROWS_WITH(case_result_from_json(json), Contains("slash"));
  json["id"] = "a";
  json["evidence_kept"] = "/etc";
  CHECK_THROWS_AS(case_result_from_json(json), UsageError);
}

TEST_CASE("A result of another schema says which was found and which is read", "[result]") {
  nlohmann::json json = to_json(some_result());
  json["schema"] = 9;
  CHECK_THROWS_WITH(case_result_from_json(json), Contains("is 9") && Contains("reads schema 1"));
  CHECK_THROWS_WITH(summary_from_json({{"schema", 0}}), Contains("is 0"));
}

TEST_CASE("A number that was not measured is written as -1", "[result]") {
  CaseResult result = some_result();
  result.blackout_ms = std::numeric_limits<double>::quiet_NaN();
  result.heartbeats_source_ms = {std::numeric_limits<double>::infinity()};
  const CaseResult again = case_result_from_json(nlohmann::json::parse(to_json(result).dump()));
  CHECK(again.blackout_ms == -1);
  CHECK(again.heartbeats_source_ms == std::vector<double>{-1});
}

TEST_CASE("A summary written as JSON is read back equal and holds the documented keys",
          "[result]") {
  Summary summary = clean_summary();
  summary.seed = 18446744073709551615ULL;
  summary.duration_s = 3600;
  summary.findings.push_back({"s/t", Verdict::hazard, 2, "commit", "commit/eof", "reset", "channel",
                              "single-owner", "what", "migfuzz replay x", "x",
                              "findings/s-t.tar.gz"});
  summary.controls.push_back({"canary", 3, 3});
  summary.notes = {"no netem here"};
  const nlohmann::json json = to_json(summary);
  CHECK(to_json(summary_from_json(nlohmann::json::parse(json.dump()))) == json);
  CHECK(json["cases_per_hour"] == 10.0);
  CHECK(json["cells"]["required"] == 10);
  CHECK(json["verdicts"]["not-delivered"] == 0);
  CHECK(json["verdicts"].size() == 7);
  nlohmann::json unknown = json;
  unknown["verdicts"]["maybe"] = 1;
  CHECK_THROWS_WITH(summary_from_json(unknown), Contains("verdicts.maybe"));
}

TEST_CASE("A finding keeps when it was seen, its rate and its shortest plan", "[result]") {
  Summary summary = clean_summary();
  FindingGroup group;
  group.signature = "s/t/no-fault/handshake";
  group.first_seen = "2026-11-22T05:00:00Z";
  group.last_seen = "2026-11-22T06:00:00Z";
  group.versions = {"7.2.22 -> 10.0.2"};
  group.shortest = some_result().plan;
  group.rate = {9, 30};
  group.minimal = "migfuzz replay out/cases/x/minimal.json";
  group.shrink_end = "nothing simpler shows it";
  summary.findings = {group, FindingGroup()};  // nobody has shrunk the second
  const nlohmann::json json = to_json(summary);
  const Summary again = summary_from_json(nlohmann::json::parse(json.dump()));
  CHECK(to_json(again) == json);
  CHECK(again.findings[0].shortest == group.shortest);
  CHECK(again.findings[0].rate == group.rate);
  CHECK_FALSE(again.findings[1].shortest.has_value());
  CHECK(json["findings"][0]["rate"]["least"].get<double>() == Approx(0.1666).epsilon(0.001));
}

TEST_CASE("A summary and a result of before findings were shrunk are read with defaults",
          "[result]") {
  Summary summary = clean_summary();
  summary.findings.push_back({"s/t", Verdict::fail, 2, "commit", "commit/eof", "reset", "channel",
                              "single-owner", "what", "migfuzz replay x", "x"});
  nlohmann::json json = to_json(summary);
  for (const auto* key : {"first_seen", "last_seen", "versions", "shortest", "rate", "minimal",
                          "shrink_end", "before"})
    json["findings"][0].erase(key);
  const Summary old = summary_from_json(json);
  CHECK(old.findings[0].count == 2);
  CHECK(old.findings[0].rate.runs == 0);
  nlohmann::json half = to_json(summary);
  half["findings"][0].erase("rate");
  CHECK_THROWS_WITH(summary_from_json(half), Contains("rate") && Contains("missing"));
  nlohmann::json result = to_json(some_result());
  result.erase("ended");
  CHECK(case_result_from_json(result).ended.empty());
}

TEST_CASE("The exit status is 0 only when everything required was shown", "[result]") {
  CHECK(exit_status(clean_summary()) == 0);
  CHECK(exit_status(Summary{}) == 3);

  Summary summary = clean_summary();
  summary.cells_required = 11;
  CHECK(exit_status(summary) == 3);

  for (const Verdict doubtful : {Verdict::infra, Verdict::not_delivered}) {
    summary = clean_summary();
    summary.verdicts[doubtful] = 1;
    CHECK(exit_status(summary) == 3);
  }
  summary = clean_summary();
  summary.verdicts[Verdict::not_delivered] = summary.missed = 1;
  summary.searched = 2;
  CHECK(exit_status(summary) == 0);
  summary.verdicts[Verdict::not_delivered] = summary.missed = 2;  // it finds nothing
  CHECK(exit_status(summary) == 3);

  for (const Verdict accepted : {Verdict::hazard, Verdict::known_issue, Verdict::expected_loss}) {
    summary = clean_summary();
    summary.verdicts[accepted] = 1;
    CHECK(exit_status(summary) == 0);
  }
  summary = clean_summary();
  summary.controls.push_back({"canary", 3, 2});
  CHECK(exit_status(summary) == 3);

  summary.verdicts[Verdict::fail] = 1;
  CHECK(exit_status(summary) == 1);

  summary = clean_summary();
  summary.findings.push_back({});
  CHECK(exit_status(summary) == 1);
}

}  // namespace
}  // namespace migfuzz
