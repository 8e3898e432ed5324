// Failures of a run on real workers: confirmed, shrunk, written down, and added to the corpus.
//
// The hypervisor is the scripted one with planted bugs; pool, clock and files are real. Run alone:
// io_harvest "[harvest]".
#include "harness/campaign/harvest.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "harness/core/error.h"
#include "harness/io/files.h"
#include "tests/fakes/planted.h"
#include "tests/io/temporary.h"

namespace migfuzz {
namespace {

// Where the stall ends: unhealed it ends the migration, and the page would be lost in a second one.
fakes::PlantedBug loses_a_page() {
  return {[](const Plan& plan) {
            return fakes::has_fault(plan, "stall") && plan.faults.front().heal_after_ms > 0;
          },
          [](fakes::Defects& defects) { defects.loses_a_page = true; }};
}

// A campaign's pool, folder and failing case.
struct Night {
  explicit Night(unsigned jobs = 2)
      : catalogs(fakes::planted_catalogs({loses_a_page()})), pool(loop, catalogs, nullptr, jobs) {
    auto plan = fakes::scripted_cell(catalogs.find_fault("stall"), Side::channel,
                                     "stopcopy/ram-end", "autostart");
    plan.least_passes = 2;
    results = on_pool(
        pool, [](CaseResult&) {}, [] { return false; })({plan});
    request.folder = folder.path();
    request.corpus = folder / "corpus";
    request.time = Milliseconds(20000);
    request.confirm = 4;
    request.at_once = jobs;
  }

  std::string text(const std::string& name) const {
    return io::read_input(folder.path() + "/cases/" + results.at(0).id + "/" + name, 1 << 24);
  }

  io::Loop loop;
  Catalogs catalogs;
  Pool pool;
  fakes::TemporaryFolder folder;
  std::vector<CaseResult> results;
  HarvestRequest request;
};

TEST_CASE("Results come back in the order of the plans", "[harvest]") {
  Night night;
  std::vector<Plan> plans;
  for (std::uint64_t seed = 1; seed <= 9; ++seed) plans.push_back(fakes::scripted_plan(seed));
  plans.push_back(plans.front());  // the same plan twice
  const auto run = on_pool(
      night.pool, [](CaseResult& result) { result.ended = "now"; }, [] { return false; });
  const auto results = run(plans);
  REQUIRE(results.size() == plans.size());
  for (std::size_t i = 0; i < plans.size(); ++i) {
    CHECK(results[i].plan == plans[i]);
    CHECK(results[i].ended == "now");
  }
}

TEST_CASE("A finding is shrunk, its steps are kept, and its plan joins the corpus", "[harvest]") {
  Night night;
  REQUIRE(night.results.size() == 1);
  REQUIRE(night.results[0].verdict == Verdict::fail);
  const auto reduced = harvest(night.pool, night.catalogs, night.results, night.request);
  for (const auto& one : reduced) UNSCOPED_INFO(one.key << ": " << one.headline);
  REQUIRE(reduced.size() == 1);
  INFO(reduced[0].shrunk.end);
  CHECK(reduced[0].shrunk.done);
  CHECK(reduced[0].key == "memory/stale-page/stopcopy/stall-channel/handshake");
  CHECK(reduced[0].shrunk.first == Rate{4, 4});
  CHECK(reduced[0].shrunk.plan.least_passes == 1);

  std::istringstream lines(night.text("shrink.jsonl"));
  std::size_t steps = 0;
  for (std::string line; std::getline(lines, line); ++steps)
    CHECK_FALSE(nlohmann::json::parse(line).at("why").get<std::string>().empty());
  CHECK(steps == reduced[0].shrunk.steps.size());

  const auto minimal = stored_plan_from_text(night.text("minimal.json"), "minimal.json");
  CHECK(minimal.plan == reduced[0].shrunk.plan);
  const auto corpus = read_corpus(night.request.corpus);
  REQUIRE(corpus.size() == 1);
  CHECK(corpus[0].plan == minimal.plan);
  CHECK(corpus[0].rate == Rate{4, 4});

  // Who goes on with this run knows it, and runs nothing again.
  const auto known = read_reduced(night.folder.path(), night.results);
  REQUIRE(known.size() == 1);
  CHECK(known[0].key == reduced[0].key);
  CHECK(known[0].shrunk.plan == reduced[0].shrunk.plan);
  std::size_t runs = 0;
  night.request.amend = [&](CaseResult&) { ++runs; };
  CHECK(harvest(night.pool, night.catalogs, night.results, night.request).size() == 1);
  CHECK(runs == 0);

  // The next night does not: it comes to the same plan, and changes nothing.
  fakes::TemporaryFolder next;
  night.request.folder = next.path();
  harvest(night.pool, night.catalogs, night.results, night.request);
  CHECK(io::files_in(night.request.corpus).size() == 1);
}

TEST_CASE("Without time nothing is confirmed, and with little it is kept", "[harvest]") {
  Night night(1);
  night.request.time = Milliseconds(0);
  CHECK(harvest(night.pool, night.catalogs, night.results, night.request).empty());
  night.request.time = Milliseconds(30);
  const auto start = Clock::now();
  const auto reduced = harvest(night.pool, night.catalogs, night.results, night.request);
  CHECK(Clock::now() - start < Milliseconds(2000));
  REQUIRE(reduced.size() == 1);
  CHECK_FALSE(io::is_folder(night.request.corpus));  // half shrunk: not for others
}

TEST_CASE("A signal ends it", "[harvest]") {
  Night night;
  night.request.stop = [] { return true; };
  CHECK(harvest(night.pool, night.catalogs, night.results, night.request).empty());
  std::size_t runs = 0;
  night.request.amend = [&](CaseResult&) { ++runs; };
  night.request.stop = [&] { return runs >= 7; };
  harvest(night.pool, night.catalogs, night.results, night.request);
  CHECK(runs < 7 + 2 * night.request.at_once);
  CHECK_FALSE(io::is_folder(night.request.corpus));
}

}  // namespace
}  // namespace migfuzz
