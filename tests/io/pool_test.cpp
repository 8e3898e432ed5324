// The pool: cases of the scripted hypervisor on real workers, one of which dies on purpose.
//
// Run alone: io_tests "[pool]".
#include "harness/campaign/pool.h"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "harness/core/error.h"
#include "tests/fakes/scripted_case.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kDeadly = 13;

// The scripted hypervisor, except that the plan with the deadly seed takes its worker with it.
Catalogs deadly_catalogs() {
  auto catalogs = fakes::scripted_catalogs();
  const auto scripted = catalogs.hypervisors[0].build;
  catalogs.hypervisors[0].build = [scripted](io::Loop& loop, const Plan& plan, const Guest& guest,
                                             const Protocol& protocol) {
    if (plan.seed == kDeadly) ::_exit(9);
    return scripted(loop, plan, guest, protocol);
  };
  return catalogs;
}

std::vector<PlannedCase> cases(std::uint64_t count) {
  std::vector<PlannedCase> all;
  for (std::uint64_t seed = 1; seed <= count; ++seed)
    all.push_back({fakes::scripted_plan(seed), Cell{std::to_string(seed), "", {}, "", ""}});
  return all;
}

TEST_CASE("A worker that dies costs its case and nothing else", "[pool]") {
  io::Loop loop;
  const auto catalogs = deadly_catalogs();
  Pool pool(loop, catalogs, nullptr, 2);
  std::map<std::uint64_t, CaseResult> results;
  ListSource source(cases(20));
  try {
    pool.run(
        source,
        [&](Pool::Done& done) {
          CHECK(done.planned.cell->point == std::to_string(done.planned.plan.seed));
          CHECK(results.emplace(done.planned.plan.seed, done.result).second);
        },
        [] { return false; });
  } catch (const CannotRun& error) {
    WARN("skipped: " << error.what());
    return;
  }
  REQUIRE(results.size() == 20);
  for (const auto& [seed, result] : results) {
    INFO(seed << ": " << result.headline);
    CHECK(result.verdict == (seed == kDeadly ? Verdict::infra : Verdict::pass));
    CHECK(result.plan == fakes::scripted_plan(seed));
  }
  CHECK(results.at(kDeadly).headline.find("worker died") != std::string::npos);
  CHECK(results.at(1).evidence.count("history.jsonl") == 1);
}

TEST_CASE("A pool that is stopped returns early and can go on", "[pool]") {
  io::Loop loop;
  const auto catalogs = fakes::scripted_catalogs();
  Pool pool(loop, catalogs, nullptr, 1);
  std::size_t done = 0;
  const auto count = [&](const Pool::Done&) { ++done; };
  ListSource many(cases(50));
  try {
    pool.run(many, count, [&] { return done >= 3; });
  } catch (const CannotRun& error) {
    WARN("skipped: " << error.what());
    return;
  }
  CHECK(done >= 3);
  CHECK(done < 50);
  done = 0;
  ListSource two(cases(2));
  pool.run(two, count, [] { return false; });
  CHECK(done == 2);
}

// Draws each case from how many it has learned, and gives up after ten.
class Learner : public CaseSource {
 public:
  std::optional<PlannedCase> next() override {
    if (drawn_ == 10) return std::nullopt;
    ++drawn_;
    return PlannedCase{fakes::scripted_plan(100 * learned_.size() + drawn_), std::nullopt};
  }
  void learn(const PlannedCase& planned, const CaseResult& result) override {
    CHECK(result.plan == planned.plan);
    CHECK(result.signature == "amended");
    learned_.push_back(planned.plan.seed);
  }
  std::vector<std::uint64_t> learned_;

 private:
  std::uint64_t drawn_ = 0;
};

TEST_CASE("A source learns every result as it was kept, and what it draws next runs", "[pool]") {
  io::Loop loop;
  const auto catalogs = fakes::scripted_catalogs();
  Pool pool(loop, catalogs, nullptr, 1);
  Learner learner;
  const auto amend = [](Pool::Done& done) { done.result.signature = "amended"; };
  try {
    pool.run(learner, amend, [] { return false; });
  } catch (const CannotRun& error) {
    WARN("skipped: " << error.what());
    return;
  }
  // With one worker each draw follows the result of the one before it.
  CHECK(learner.learned_ ==
        std::vector<std::uint64_t>{1, 102, 203, 304, 405, 506, 607, 708, 809, 910});
}

TEST_CASE("A chain of sources gives all of the first before the second, and both learn", "[pool]") {
  ListSource first(cases(2));
  Learner learner;
  ChainedSource chain({&first, &learner});
  std::vector<std::uint64_t> seeds;
  CaseResult result;
  result.signature = "amended";
  while (const auto one = chain.next()) {
    seeds.push_back(one->plan.seed);
    result.plan = one->plan;
    chain.learn(*one, result);
  }
  REQUIRE(seeds.size() == 12);
  CHECK(seeds[1] == 2);
  CHECK(seeds[2] == 201);  // it had learned both of the list
  CHECK(learner.learned_ == seeds);
}

TEST_CASE("Only where it is asked for, cases tell what they reached", "[pool]") {
  io::Loop loop;
  const auto catalogs = fakes::scripted_catalogs();
  Pool pool(loop, catalogs, nullptr, 1);
  std::vector<CaseResult> results;
  try {
    for (const bool trace : {false, true}) {
      pool.trace(trace);
      ListSource one(cases(1));
      pool.run(
          one, [&](Pool::Done& done) { results.push_back(done.result); }, [] { return false; });
    }
  } catch (const CannotRun& error) {
    WARN("skipped: " << error.what());
    return;
  }
  REQUIRE(results.size() == 2);
  CHECK(results[0].reached.empty());
  CHECK(results[0].evidence.count("trace-source.log") == 0);
  const auto& reached = results[1].reached;
  const auto has = [&](const char* item) {
    return std::find(reached.begin(), reached.end(), item) != reached.end();
  };
  CHECK(has("source/event/migrate_set_state(completed)"));
  CHECK(has("destination/event/runstate_set(running)"));
  CHECK(has("channel/point/commit/eof"));
  CHECK(results[1].evidence.count("trace-destination.log") == 1);
}

TEST_CASE("A trial's answer comes back as it was given", "[pool]") {
  io::Loop loop;
  const auto catalogs = fakes::scripted_catalogs();
  Pool pool(
      loop, catalogs,
      [](io::Loop&, const std::string& request) { return R"({"heard":)" + request + "}"; }, 1);
  try {
    CHECK(pool.trial(R"({"job":"trial"})", Milliseconds(5000)) == R"({"heard":{"job":"trial"}})");
  } catch (const CannotRun& error) {
    WARN("skipped: " << error.what());
  }
}

TEST_CASE("A trial whose worker dies says what to do", "[pool]") {
  io::Loop loop;
  const auto catalogs = fakes::scripted_catalogs();
  Pool pool(
      loop, catalogs, [](io::Loop&, const std::string&) -> std::string { ::_exit(1); }, 1);
  CHECK_THROWS_AS(pool.trial(R"({"job":"trial"})", Milliseconds(5000)), CannotRun);
}

}  // namespace
}  // namespace migfuzz
