// Merging folders of one campaign: every case once, whatever ran twice, in any order.
//
// Run alone: unit_campaign "[merge]".
#include "harness/campaign/merge.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "tests/fakes/stored_case.h"
#include "tests/io/temporary.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;
using fakes::stored_cell;
using fakes::stored_plan;
using fakes::stored_result;

constexpr std::uint64_t kCases = 30;

// One shard's folder: a control that every shard runs, and its part of the cells.
struct Part {
  Shard shard;
  bool ends = true;
  std::uint64_t seed = 7;
  std::map<std::uint64_t, Verdict> verdicts{};  // by case; the others pass
  std::set<std::uint64_t> impossible{};         // on its machine
  std::uint64_t most = kCases;                  // how many it came to
};

void make(const std::string& folder, const Part& part) {
  Output output(folder);
  auto run = fakes::stored_run(part.seed, to_string(part.shard));
  run.facts.host = "machine " + to_string(part.shard);
  CaseKeys keys;
  std::vector<std::pair<Plan, std::string>> mine;
  Plan control;
  control.guest.seed = 0;
  mine.emplace_back(control, keys.next(control));
  for (std::uint64_t n = 1; n <= kCases; ++n) {
    if (part.impossible.contains(n)) {
      run.matrix.left_out.push_back({stored_cell(n), "no netem", true});
      continue;
    }
    const auto plan = stored_plan(n);
    const auto key = keys.next(plan);
    const bool holds = part.shard.holds(key);
    (holds ? run.matrix.required : run.matrix.elsewhere).insert(stored_cell(n));
    if (holds && n <= part.most) mine.emplace_back(plan, key);
  }
  output.begin(run);
  for (const auto& [plan, key] : mine) {
    const auto verdict = part.verdicts.find(plan.guest.seed);
    auto result =
        stored_result(plan, verdict == part.verdicts.end() ? Verdict::pass : verdict->second);
    if (plan.faults.empty()) result.required_cell.clear();
    output.add(std::move(result), key);
  }
  output.finish(Summary(), fakes::no_reports(), part.ends);
}

int merged(const std::vector<std::string>& folders, const std::string& output) {
  return merge({folders, output, "migfuzz merge"}, Catalogs(), fakes::no_reports());
}

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "nothing was refused";
}

// What must not depend on how it was merged: every case with its verdict, and the summary.
nlohmann::json content(const std::string& folder) {
  const auto [summary, results] = Output::read(folder);
  nlohmann::json all = nlohmann::json::object();
  for (const auto& result : results) {
    const auto id = result.id;
    CHECK_FALSE(all.contains(id));
    all[id] = to_json(result);
    CHECK(result.evidence_kept.empty() != io::is_there(folder + "/cases/" + id + "/plan.json"));
  }
  all["verdicts"] = to_json(summary)["verdicts"];
  all["cells"] = to_json(summary)["cells"];
  return all;
}

TEST_CASE("Three shards are the run that was never divided", "[merge]") {
  const fakes::TemporaryFolder f;
  const std::map<std::uint64_t, Verdict> verdicts{{3, Verdict::fail}, {9, Verdict::hazard}};
  make(f / "whole", {Shard(), true, 7, verdicts});
  for (std::uint64_t n = 1; n <= 3; ++n)
    make(f / std::to_string(n), {Shard{n, 3}, true, 7, verdicts});
  CHECK(merged({f / "1", f / "2", f / "3"}, f / "all") == 1);
  CHECK(content(f / "all") == content(f / "whole"));
  const auto [summary, results] = Output::read(f / "all");
  CHECK(summary.cases == kCases + 1);  // the control ran three times and counts once
  CHECK(summary.cells_required == kCases);
  CHECK(summary.cells_delivered == kCases);
  CHECK_FALSE(summary.interrupted);
  CHECK(summary.host == "machine 1/3, machine 2/3, machine 3/3");
}

TEST_CASE("It matters neither in which order nor how often nor in how many steps", "[merge]") {
  const fakes::TemporaryFolder f;
  const std::map<std::uint64_t, Verdict> verdicts{{3, Verdict::fail}};
  for (std::uint64_t n = 1; n <= 3; ++n)
    make(f / std::to_string(n), {Shard{n, 3}, true, 7, verdicts});
  merged({f / "1", f / "2", f / "3"}, f / "at-once");
  merged({f / "3", f / "1", f / "2", f / "1"}, f / "another-way");
  merged({f / "2"}, f / "one-by-one");
  CHECK(Output::read(f / "one-by-one").first.interrupted);
  merged({f / "3"}, f / "one-by-one");
  merged({f / "1"}, f / "one-by-one");
  const auto expected = content(f / "at-once");
  CHECK(content(f / "another-way") == expected);
  CHECK(content(f / "one-by-one") == expected);
  merged({f / "1", f / "2", f / "3"}, f / "at-once");
  merged({f / "at-once"}, f / "at-once");
  CHECK(content(f / "at-once") == expected);
  CHECK_FALSE(io::is_there(f / "at-once/runs"));
}

TEST_CASE("A case that ran twice counts once, with the worse verdict", "[merge]") {
  const fakes::TemporaryFolder f;
  make(f / "a", {Shard(), true, 7, {{1, Verdict::fail}, {2, Verdict::pass}}});
  make(f / "b", {Shard(), true, 7, {{1, Verdict::pass}, {2, Verdict::hazard}}});
  merged({f / "a", f / "b"}, f / "ab");
  merged({f / "b", f / "a"}, f / "ba");
  merged({f / "b"}, f / "b-a");
  merged({f / "a"}, f / "b-a");
  for (const auto* name : {"ab", "ba", "b-a"}) {
    const auto [summary, results] = Output::read(f / name);
    CHECK(summary.cases == kCases + 1);
    CHECK(summary.verdicts.at(Verdict::fail) == 1);
    CHECK(summary.verdicts.at(Verdict::hazard) == 1);
    content(f / name);
  }
}

TEST_CASE("A missing or unfinished part makes the whole inconclusive, and is named", "[merge]") {
  const fakes::TemporaryFolder f;
  make(f / "1", {Shard{1, 3}});
  make(f / "2", {Shard{2, 3}, false, 7, {}, {}, kCases / 2});
  CHECK(merged({f / "1", f / "2"}, f / "all") == 3);
  const auto [summary, results] = Output::read(f / "all");
  REQUIRE(summary.notes.size() == 1);
  CHECK_THAT(summary.notes[0], Contains("2/3, 3/3"));
  CHECK(summary.cells_required == kCases);
  CHECK(summary.cells_delivered < kCases);
  // The node's work is done again by another one, and the third comes late.
  make(f / "2-again", {Shard{2, 3}});
  make(f / "3", {Shard{3, 3}});
  CHECK(merged({f / "2-again", f / "3"}, f / "all") == 0);
  CHECK(Output::read(f / "all").first.cases == kCases + 1);
}

TEST_CASE("A cell that its shard's machine cannot run is left out, another's is required",
          "[merge]") {
  const fakes::TemporaryFolder f;
  std::set<std::uint64_t> some{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  make(f / "1", {Shard{1, 2}, true, 7, {}, some});
  make(f / "2", {Shard{2, 2}});
  merged({f / "1", f / "2"}, f / "all");
  const auto summary = Output::read(f / "all").first;
  CHECK(summary.cells_delivered == summary.cells_required);
  CHECK(summary.cells_required < kCases);
  CHECK(summary.cells_required > kCases - some.size());
}

TEST_CASE("Folders of two campaigns, and folders of none, are refused", "[merge]") {
  const fakes::TemporaryFolder f;
  make(f / "1", {Shard{1, 2}});
  make(f / "other", {Shard{2, 2}, true, 8});
  CHECK_THAT(refusal([&] {
               merged({f / "1", f / "other"}, f / "all");
             }),
             Contains("--seed was 7 and is 8") && Contains("other"));
  CHECK_FALSE(io::is_there(f / "all"));
  CHECK_THAT(refusal([&] {
               merged({f / "1", f / "nothing"}, f / "all");
             }),
             Contains("nothing has no results.db"));
  CHECK_THAT(refusal([&] { merged({f / "1"}, f / "other"); }), Contains("holds a run of its own"));
  merged({f / "1"}, f / "all");
  CHECK_THAT(refusal([&] { merged({f / "other"}, f / "all"); }), Contains("not of one campaign"));
}

TEST_CASE("Cases of one name in two shards keep their own folders", "[merge]") {
  const fakes::TemporaryFolder f;
  for (const auto* name : {"1", "2"}) {
    Output output(f / name);
    auto run = fakes::stored_run(7, std::string(name) + "/2");
    output.begin(run);
    auto result = stored_result(stored_plan(1), Verdict::fail);
    result.evidence["history.jsonl"] = name;
    output.add(result, std::string("key-") + name);
    output.finish(Summary(), fakes::no_reports(), true);
  }
  merged({f / "1", f / "2"}, f / "all");
  const auto results = Output::read(f / "all").second;
  REQUIRE(results.size() == 2);
  CHECK(results[0].id != results[1].id);
  std::set<std::string> kept;
  for (const auto& result : results)
    kept.insert(io::read_input(f / "all/" + result.evidence_kept + "/history.jsonl", 100));
  CHECK(kept == std::set<std::string>{"1", "2"});
}

}  // namespace
}  // namespace migfuzz
