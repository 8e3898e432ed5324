// What is new against earlier nights: pure, and over real databases of several runs.
//
// Run alone: unit_campaign "[nights]".
#include "harness/campaign/nights.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/fakes/stored_case.h"
#include "tests/io/temporary.h"

namespace migfuzz {
namespace {

using fakes::stored_plan;
using fakes::stored_result;
using fakes::stored_run;

CaseResult failed(std::uint64_t seed, const std::string& signature) {
  auto result = stored_result(stored_plan(seed), Verdict::fail);
  result.signature = signature;
  result.blackout_ms = double(seed);
  return result;
}

Night night(const std::string& started, const std::vector<std::string>& signatures) {
  Night one;
  one.started = started;
  for (const auto& signature : signatures)
    one.findings.push_back({signature, Verdict::fail, 1, {}, {to_string(fakes::stored_cell(1))}});
  return one;
}

Summary summary_with(const std::vector<CaseResult>& results) {
  Summary summary;
  sum_up(summary, results, {});
  return summary;
}

const FindingGroup& group(const Summary& summary, const std::string& signature) {
  for (const auto& one : summary.findings)
    if (one.signature == signature) return one;
  FAIL("no finding " << signature);
  throw std::logic_error("unreachable");
}

TEST_CASE("A finding is new, seen or back by the nights that had it", "[nights]") {
  const std::vector<CaseResult> results{failed(1, "a"), failed(2, "b"), failed(3, "c")};
  auto summary = summary_with(results);
  compare(summary,
          {night("monday", {"b"}), night("tuesday", {"c", "b"}), night("wednesday", {"c"})}, 4,
          results);
  CHECK(group(summary, "a").before.state == "new");
  CHECK(group(summary, "b").before.state == "back");
  CHECK(group(summary, "b").before.nights == 2);
  CHECK(group(summary, "b").before.first_night == "monday");
  CHECK(group(summary, "b").before.last_night == "tuesday");
  CHECK(group(summary, "c").before.state == "seen");
  REQUIRE(summary.nights.size() == 4);
  CHECK(summary.nights.back().id == 4);
  CHECK(summary.nights.back().findings.size() == 3);
}

TEST_CASE("What only the last night had is gone, with how much of it was tried again", "[nights]") {
  const std::vector<CaseResult> results{stored_result(stored_plan(1)),
                                        stored_result(stored_plan(2))};
  auto summary = summary_with(results);
  auto last = night("tuesday", {"lost", "untried"});
  last.findings[1].cells = {"nowhere", "nobody"};
  compare(summary, {night("monday", {"older"}), last}, 3, results);
  REQUIRE(summary.gone.size() == 2);
  CHECK(summary.gone[0].then.signature == "lost");
  CHECK(summary.gone[0].night == "tuesday");
  CHECK(summary.gone[0].tried == 1);
  CHECK(summary.gone[1].tried == 0);
}

TEST_CASE("Without an earlier night nothing is called new", "[nights]") {
  const std::vector<CaseResult> results{failed(1, "a")};
  auto summary = summary_with(results);
  compare(summary, {}, 1, results);
  CHECK(summary.findings[0].before.state.empty());
  CHECK(summary.gone.empty());
}

TEST_CASE("A finding that a shrink has renamed is the same as its cases' signatures", "[nights]") {
  const Sighting renamed{"minimal", Verdict::fail, 2, {"a", "b"}, {}};
  CHECK(same_finding(renamed, {"b"}));
  CHECK(same_finding({"a"}, renamed));
  CHECK_FALSE(same_finding(renamed, {"c"}));
}

TEST_CASE("Median and 95th percentile are taken by nearest rank", "[nights]") {
  CHECK_FALSE(spread_of({}));
  CHECK(spread_of({7}) == Night::Spread{7, 7});
  std::vector<double> hundred;
  for (int i = 100; i > 0; --i) hundred.push_back(i);
  CHECK(spread_of(hundred) == Night::Spread{50, 95});
}

TEST_CASE("Nights, what was seen before and what is gone come back from JSON as they were",
          "[nights]") {
  auto one = night("monday", {"a"});
  one.id = 3;
  one.seed = UINT64_MAX;
  one.verdicts[Verdict::fail] = 1;
  one.blackout_ms = Night::Spread{1.5, 2.5};
  CHECK(to_json(night_from_json(to_json(one))) == to_json(one));
  one.blackout_ms = std::nullopt;
  CHECK(to_json(night_from_json(to_json(one))) == to_json(one));
  const std::vector<CaseResult> results{failed(1, "b")};
  auto summary = summary_with(results);
  compare(summary, {one}, 2, results);
  CHECK(to_json(summary_from_json(to_json(summary))) == to_json(summary));
}

void run_once(const std::string& folder, std::uint64_t seed, const std::string& signature,
              bool ends) {
  Output output(folder);
  output.begin(stored_run(seed));
  output.add(failed(seed, signature));
  output.add(stored_result(stored_plan(seed + 100)));
  Summary summary = stored_run(seed).facts;
  sum_up(summary, output.results(), {});
  if (ends) output.finish(summary, fakes::no_reports(), true);
}

TEST_CASE("The runs of one folder are its nights, whether they ended or were killed", "[nights]") {
  const fakes::TemporaryFolder folder;
  run_once(folder.path(), 1, "memory/a", true);
  run_once(folder.path(), 2, "memory/b", false);  // killed
  run_once(folder.path(), 3, "memory/a", true);
  const auto summary = Output::read(folder.path()).first;
  REQUIRE(summary.nights.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    const auto& one = summary.nights[i];
    CHECK(one.id == i + 1);
    CHECK(one.seed == i + 1);
    CHECK(one.cases == 2);
    CHECK(one.verdicts.at(Verdict::fail) == 1);
    REQUIRE(one.findings.size() == 1);
    CHECK(one.findings[0].cells.size() == 1);
    REQUIRE(one.blackout_ms);
    CHECK(one.blackout_ms->median == double(i + 1));
  }
  CHECK(group(summary, "memory/a").before.state == "back");
  REQUIRE(summary.gone.size() == 1);
  CHECK(summary.gone[0].then.signature == "memory/b");
}

}  // namespace
}  // namespace migfuzz
