// Rates, shrinking and telling bugs apart, on bugs that are planted for it.
//
// Run alone: unit_shrink "[shrink]".
#include "harness/campaign/shrink.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/campaign/proposals.h"
#include "harness/campaign/reduce.h"
#include "harness/campaign/sum_up.h"
#include "harness/core/simpler.h"
#include "tests/fakes/planted.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;
using fakes::Defects;
using fakes::has_fault;
using fakes::PlantedBug;

const std::string kFace = "memory/stale-page";

Finding finding(const std::string& checker, const std::string& symptom) {
  return {checker, Verdict::fail, "planted", symptom, ""};
}

// Needs two faults and one parameter of the guest.
PlantedBug two_faults_and_a_rate() {
  return {[](const Plan& plan) {
            return has_fault(plan, "stall") && has_fault(plan, "mgmt-silence") &&
                   plan.guest.dirty_pages_per_s > 5000;
          },
          {},
          finding("memory", "stale-page")};
}

FaultSpec fault(const std::string& kind, Side side, const std::string& point,
                std::uint32_t heal_after_ms = 0, std::uint64_t parameter = 0) {
  return {kind, side, trigger_from(point), heal_after_ms, parameter};
}

// Four faults, and nothing about it is plain.
Plan overloaded() {
  Plan plan;
  plan.disk = "qcow2";
  plan.transport = Transport::unix_tight;
  plan.bandwidth_bytes_per_s = 1 << 26;
  plan.downtime_limit_ms = 40;
  plan.least_passes = 4;
  plan.patience_ms = 4000;
  plan.guest.dirty_pages_per_s = 20000;
  plan.guest.disk_writes_per_s = 17;
  plan.faults = {fault("delay", Side::channel, "precopy/pass:3", 120, 40),
                 fault("stall", Side::channel, "stopcopy/device:cpu/middle+7#2", 150),
                 fault("mgmt-silence", Side::destination, "commit/eof+3", 300),
                 fault("io-hang", Side::source, "stopcopy/ram-end", 200)};
  return plan;
}

const Simpler kSimpler = [](const Plan& plan) { return simpler(plan); };

Shrunk shrunk(const Plan& plan, const std::vector<PlantedBug>& bugs,
              const ShrinkLimits& limits = {}, const std::string& face = kFace,
              std::uint64_t seed = 1) {
  Verdicts verdicts;
  return shrink(plan, face, kSimpler, fakes::pretended_runs(bugs, seed), limits, verdicts);
}

bool strikes_nothing_simpler(const Plan& plan, const PlantedBug& bug) {
  for (const auto& one : simpler(plan))
    if (bug.strikes(one)) return false;
  return bug.strikes(plan);
}

// --- rates ---------------------------------------------------------------------------------------

TEST_CASE("The interval of a rate is Wilson's", "[shrink]") {
  // Computed by hand from the formula with z = 1.959964.
  CHECK(Rate{10, 10}.least() == Approx(0.7224672).epsilon(1e-6));
  CHECK(Rate{10, 10}.most() == 1);
  CHECK(Rate{0, 10}.least() == 0);
  CHECK(Rate{0, 10}.most() == Approx(0.2775328).epsilon(1e-6));
  CHECK(Rate{9, 30}.least() == Approx(0.1666475).epsilon(1e-6));
  CHECK(Rate{9, 30}.most() == Approx(0.4787579).epsilon(1e-6));
  CHECK(Rate{}.least() == 0);
  CHECK(Rate{}.most() == 1);
  CHECK(to_string(Rate{9, 30}) == "9 of 30, 30 % (95 %: 17-48 %)");
  CHECK(to_string(Rate{}) == "not measured");
}

TEST_CASE("How often a candidate is run follows from the measured rate", "[shrink]") {
  CHECK(runs_needed({10, 10}, 1) == 2);  // ten of ten do not promise the eleventh
  CHECK(runs_needed({3, 3}, 1) == 3);
  CHECK(runs_needed({9, 30}, 3) == 19);  // 1 - P(0..2 of 19 at 0.3) = 0.954
  CHECK(runs_needed({1, 30}, 3) == 187);
  CHECK(runs_needed({0, 30}, 3) == 0);
}

// --- shrinking -----------------------------------------------------------------------------------

TEST_CASE("A bug that needs two faults and a rate is shrunk to exactly these", "[shrink]") {
  const auto bug = two_faults_and_a_rate();
  const auto result = shrunk(overloaded(), {bug});
  Plan expected;
  expected.guest.dirty_pages_per_s = 20000;
  expected.faults = {fault("stall", Side::channel, "stopcopy/enter"),
                     fault("mgmt-silence", Side::destination, "commit/eof")};
  expected.patience_ms = result.plan.patience_ms;  // for the catalogs to say
  CHECK(to_json(result.plan).dump(1) == to_json(expected).dump(1));
  CHECK(strikes_nothing_simpler(result.plan, bug));
  CHECK(result.done);
  CHECK(result.first == Rate{10, 10});
  CHECK(result.last == Rate{10, 10});
  CHECK(result.runs < 200);
}

TEST_CASE("The same plan is left however many are run at once", "[shrink]") {
  const auto bug = two_faults_and_a_rate();
  const auto alone = shrunk(overloaded(), {bug});
  for (const std::size_t at_once : {2, 3, 16}) {
    ShrinkLimits limits;
    limits.at_once = at_once;
    CHECK(shrunk(overloaded(), {bug}, limits).plan == alone.plan);
  }
}

TEST_CASE("Every step is told with its plan, its verdicts and why", "[shrink]") {
  const auto result = shrunk(overloaded(), {two_faults_and_a_rate()});
  REQUIRE(result.steps.size() > 5);
  std::size_t kept = 0;
  std::uint64_t runs = 0;
  for (const auto& step : result.steps) {
    CHECK_FALSE(step.why.empty());
    kept += step.kept ? 1 : 0;
    runs += step.runs;
    const auto json = to_json(step);
    CHECK(plan_from_json(json["plan"]) == step.plan);
    CHECK(json["kept"] == step.kept);
    if (step.kept) CHECK(json["faces"].contains(kFace));
  }
  CHECK(kept > 4);
  CHECK(runs == result.runs);
}

TEST_CASE("No plan is run again because it is proposed again", "[shrink]") {
  std::map<std::string, int> runs;
  const auto count =
      [&, run = fakes::pretended_runs({two_faults_and_a_rate()})](const std::vector<Plan>& plans) {
        for (const auto& plan : plans) ++runs[to_json(plan).dump()];
        return run(plans);
      };
  Verdicts verdicts;
  const auto result = shrink(overloaded(), kFace, kSimpler, count, {}, verdicts);
  for (const auto& [plan, times] : runs) {
    const bool measured =
        plan == to_json(overloaded()).dump() || plan == to_json(result.plan).dump();
    CHECK(times <= (measured ? 13 : 3));
  }
  // What is known is used by the next shrink, too: only the rates are measured afresh.
  const auto again = shrink(overloaded(), kFace, kSimpler, count, {}, verdicts);
  CHECK(again.plan == result.plan);
  CHECK(again.runs == 20);
}

TEST_CASE("A slip to another bug is refused, kept apart, and never followed", "[shrink]") {
  // Taking the second fault away is tempting: the plan still fails, with one fault fewer, by a bug
  // that goes on failing down to a single fault.
  const PlantedBug other{
      [](const Plan& plan) { return has_fault(plan, "stall") && !has_fault(plan, "mgmt-silence"); },
      {},
      finding("survivor", "vm-lost")};
  const auto bug = two_faults_and_a_rate();
  const auto result = shrunk(overloaded(), {bug, other});
  CHECK(strikes_nothing_simpler(result.plan, bug));
  CHECK(result.plan.faults.size() == 2);
  REQUIRE(result.others.size() == 1);
  CHECK(result.others[0].signature == "survivor/vm-lost/stopcopy/stall-channel/handshake");
  bool told = false;
  for (const auto& step : result.steps)
    if (other.strikes(step.plan)) {
      CHECK_FALSE(step.kept);
      told = told || step.why.find("another way") != std::string::npos;
    }
  CHECK(told);
}

TEST_CASE("A flaky bug is reported with its rate and shrunk as exactly", "[shrink]") {
  auto bug = two_faults_and_a_rate();
  bug.percent = 30;
  int exact = 0;
  constexpr int kTries = 12;
  for (int seed = 1; seed <= kTries; ++seed) {
    INFO("seed " << seed);
    const auto result = shrunk(overloaded(), {bug}, {}, kFace, std::uint64_t(seed));
    if (result.first.shown == 0) {  // 0.7^10: 3 % of all tries
      CHECK_THAT(result.end, Contains("not seen again"));
      continue;
    }
    CHECK(result.first.runs == 30);
    // Whatever is left is a plan that the bug strikes: no run can be wrong about that.
    CHECK(bug.strikes(result.plan));
    CHECK(result.last.shown > 0);
    exact += strikes_nothing_simpler(result.plan, bug) ? 1 : 0;
  }
  CHECK(exact >= kTries * 3 / 4);
}

TEST_CASE("The rate of a flaky bug lies in its interval in nearly all tries", "[shrink]") {
  auto bug = two_faults_and_a_rate();
  bug.percent = 30;
  int inside = 0, measured = 0;
  const Simpler nothing = [](const Plan&) { return std::vector<Plan>(); };
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Verdicts verdicts;
    const auto rate =
        shrink(overloaded(), kFace, nothing, fakes::pretended_runs({bug}, seed), {}, verdicts)
            .first;
    if (rate.runs < 30) continue;
    ++measured;
    inside += rate.least() <= 0.3 && 0.3 <= rate.most() ? 1 : 0;
  }
  CHECK(measured > 180);
  CHECK(inside > measured * 9 / 10);
}

TEST_CASE("A descent does not drift to a plan that hardly ever fails", "[shrink]") {
  // With the rate of the guest it fails in 40 % of the runs, without it in 2 %.
  const PlantedBug often{[](const Plan& plan) { return plan.guest.dirty_pages_per_s > 5000; },
                         {},
                         finding("memory", "stale-page"),
                         40};
  const PlantedBug seldom{[](const Plan& plan) { return plan.guest.dirty_pages_per_s <= 5000; },
                          {},
                          finding("memory", "stale-page"),
                          2};
  int kept_the_rate = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    kept_the_rate +=
        shrunk(overloaded(), {often, seldom}, {}, kFace, seed).plan.guest.dirty_pages_per_s == 20000
            ? 1
            : 0;
  CHECK(kept_the_rate >= 8);
}

TEST_CASE("A plan that fails every time is not left for one that fails in four runs of ten",
          "[shrink]") {
  auto always = two_faults_and_a_rate(), seldom = two_faults_and_a_rate();
  seldom.strikes = [](const Plan& plan) {
    return has_fault(plan, "stall") && has_fault(plan, "mgmt-silence") &&
           plan.guest.dirty_pages_per_s <= 5000;
  };
  seldom.percent = 40;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto result = shrunk(overloaded(), {always, seldom}, {}, kFace, seed);
    INFO(seed << ": " << result.end << ", " << to_string(result.last));
    CHECK(result.plan.guest.dirty_pages_per_s > 5000);
    CHECK(result.last.shown == result.last.runs);
  }
}

TEST_CASE("What is not seen again is reported as that, with its rate", "[shrink]") {
  const auto result = shrunk(overloaded(), {});
  CHECK(result.first == Rate{0, 10});
  CHECK(result.last == Rate{0, 10});
  CHECK_FALSE(result.done);
  CHECK(result.plan == overloaded());
  CHECK_THAT(result.end, Contains("not seen again"));
}

TEST_CASE("Runs that tell nothing are no evidence", "[shrink]") {
  const auto run = [](const std::vector<Plan>& plans) {
    std::vector<CaseResult> results;
    for (const auto& plan : plans) results.push_back(untold(plan, "no namespaces"));
    return results;
  };
  Verdicts verdicts;
  const auto result = shrink(overloaded(), kFace, kSimpler, run, {}, verdicts);
  CHECK(result.first == Rate{0, 0});
  CHECK(result.runs == 10);
  CHECK(result.others.empty());
}

// --- budget --------------------------------------------------------------------------------------

TEST_CASE("The budget of runs is kept to the run", "[shrink]") {
  for (const std::uint64_t most : {1, 9, 10, 11, 25, 40}) {
    ShrinkLimits limits;
    limits.runs_max = most;
    limits.at_once = 4;
    const auto result = shrunk(overloaded(), {two_faults_and_a_rate()}, limits);
    CHECK(result.runs <= most);
    CHECK_FALSE(result.done);
    CHECK(two_faults_and_a_rate().strikes(result.plan));
  }
}

TEST_CASE("When the time is up no batch is started, and what was found is told", "[shrink]") {
  std::uint64_t runs = 0;
  const auto count =
      [&, run = fakes::pretended_runs({two_faults_and_a_rate()})](const std::vector<Plan>& plans) {
        runs += plans.size();
        return run(plans);
      };
  for (const double most : {5.0, 30.0, 60.0}) {
    runs = 0;
    ShrinkLimits limits;
    limits.spent = [&] { return double(runs) / most; };
    Verdicts verdicts;
    const auto result = shrink(overloaded(), kFace, kSimpler, count, limits, verdicts);
    CHECK(double(runs) <= most);
    CHECK(result.runs == runs);
    CHECK(two_faults_and_a_rate().strikes(result.plan));
  }
}

TEST_CASE("A pool that is stopped ends the shrink", "[shrink]") {
  std::uint64_t runs = 0;
  const auto stops =
      [&, run = fakes::pretended_runs({two_faults_and_a_rate()})](const std::vector<Plan>& plans) {
        auto results = run(plans);
        runs += results.size();
        if (runs > 15) results.pop_back();
        return results;
      };
  Verdicts verdicts;
  const auto result = shrink(overloaded(), kFace, kSimpler, stops, {}, verdicts);
  CHECK(runs <= 17);
  CHECK_FALSE(result.done);
}

// --- telling bugs apart --------------------------------------------------------------------------

// The bugs that three findings are about; on the scripted world each breaks something else.
std::vector<PlantedBug> three_bugs() {
  return {
      {[](const Plan& plan) { return has_fault(plan, "stall"); },
       [](Defects& defects) { defects.loses_a_page = true; }, finding("memory", "stale-page")},
      {[](const Plan& plan) { return has_fault(plan, "delay"); },
       [](Defects& defects) { defects.aborts_at_load = true; },
       finding("clean-exit", "assertion:load")},
      {[](const Plan& plan) { return has_fault(plan, "mgmt-silence"); },
       [](Defects& defects) { defects.deaf_to_quit = true; }, finding("liveness", "does-not-end")}};
}

// Every cell of some kinds at some points under both protocols.
std::vector<Plan> cells(const Catalogs& catalogs) {
  std::vector<Plan> plans;
  for (const auto* name : {"stall", "delay", "mgmt-silence", "reset", "hang"})
    for (const auto* point :
         {"reserve/ram-setup-end", "precopy/begin", "precopy/page:7", "stopcopy/enter",
          "stopcopy/ram-end", "stopcopy/device:cpu/middle", "commit/eof"})
      for (const auto* protocol : {"handshake", "autostart"}) {
        const auto& kind = catalogs.find_fault(name);
        for (const auto side : kind.sides) {
          auto plan = fakes::scripted_cell(kind, side, point, protocol);
          if (kind.excluded(plan.faults[0].trigger, side).empty()) plans.push_back(std::move(plan));
        }
      }
  return plans;
}

std::vector<CaseResult> stored(std::vector<CaseResult> results) {
  std::set<std::string> ids;
  for (auto& one : results)
    while (!ids.insert(one.id).second) one.id += "-2";
  return results;
}

std::vector<std::string> failing_groups(const std::vector<CaseResult>& results,
                                        const std::vector<Reduced>& reduced) {
  Summary summary;
  sum_up(summary, results, {}, reduced);
  std::vector<std::string> keys;
  for (const auto& group : summary.findings)
    if (group.verdict == Verdict::fail) keys.push_back(group.signature);
  return keys;
}

TEST_CASE("Three planted bugs in hundreds of cases are three findings", "[shrink]") {
  const auto catalogs = fakes::planted_catalogs(three_bugs());
  const auto run = fakes::planted_runs(catalogs);
  const auto results = stored(run(cells(catalogs)));
  REQUIRE(failing_groups(results, {}).size() > 10);  // before: by cell
  ReduceRequest request;
  request.run = run;
  request.simpler = [&](const Plan& plan) {
    auto plans = proposals(plan, catalogs);
    // The fake guest's RAM and rate are as small as they get; others only take longer.
    std::erase_if(plans, [&](const Plan& one) { return one.guest != plan.guest; });
    return plans;
  };
  const auto reduced = reduce(results, {}, request);
  const auto keys = failing_groups(results, reduced);
  for (const auto& key : keys) UNSCOPED_INFO(key);
  for (const auto& one : reduced)
    UNSCOPED_INFO(one.signature << " -> " << one.key << ": " << one.shrunk.runs << " runs, "
                                << one.shrunk.end);
  REQUIRE(keys.size() == 3);
  std::set<std::string> faces;
  for (const auto& key : keys) faces.insert(face_of(key));
  CHECK(faces.size() == 3);
}

TEST_CASE("Three planted bugs in plans of several faults are three findings", "[shrink]") {
  const auto bugs = three_bugs();
  const auto run = fakes::pretended_runs(bugs);
  std::uint64_t state = 7;
  std::vector<Plan> plans;
  const std::vector<std::string> kinds{"stall", "delay", "mgmt-silence", "reset", "hang", "drop"};
  const std::vector<std::string> points{"precopy/begin", "stopcopy/enter", "commit/eof+2"};
  for (int i = 0; i < 300; ++i) {
    Plan plan;
    for (auto left = 1 + next_random(state) % 4; left > 0; --left)
      plan.faults.push_back(fault(kinds[next_random(state) % kinds.size()], Side::channel,
                                  points[next_random(state) % points.size()]));
    plan.guest.dirty_pages_per_s = std::uint32_t(next_random(state) % 30000);
    plans.push_back(std::move(plan));
  }
  const auto results = stored(run(plans));
  ReduceRequest request;
  request.run = run;
  request.simpler = [](const Plan& plan) {
    auto all = simpler(plan);
    for (std::size_t i = 0; i < plan.faults.size(); ++i)
      if (plan.faults[i].trigger.point.phase != Phase::stopcopy) {
        all.push_back(plan);
        all.back().faults[i].trigger = trigger_from("stopcopy/enter");
      }
    return all;
  };
  const auto reduced = reduce(results, {}, request);
  const auto keys = failing_groups(results, reduced);
  for (const auto& key : keys) UNSCOPED_INFO(key);
  CHECK(keys == std::vector<std::string>{"clean-exit/assertion:load/*",
                                         "liveness/does-not-end/stopcopy/mgmt-silence-channel/"
                                         "handshake",
                                         "memory/stale-page/stopcopy/stall-channel/handshake"});
  std::uint64_t runs = 0;
  for (const auto& one : reduced) runs += one.shrunk.runs;
  CHECK(runs < 2000);
}

TEST_CASE("A plan explains those that contain it, and no others", "[shrink]") {
  Plan minimal;
  minimal.faults = {fault("stall", Side::channel, "stopcopy/enter")};
  auto plan = overloaded();
  plan.protocol = "handshake";
  CHECK(contains(plan, minimal));
  CHECK(contains(minimal, minimal));
  CHECK_FALSE(contains(minimal, plan));
  auto elsewhere = minimal;
  elsewhere.faults[0].trigger = trigger_from("commit/eof");
  CHECK_FALSE(contains(elsewhere, minimal));
  auto other_rules = plan;
  other_rules.protocol = "autostart";
  CHECK_FALSE(contains(other_rules, minimal));
  auto twice = minimal;
  twice.faults.push_back(minimal.faults[0]);
  CHECK_FALSE(contains(minimal, twice));
  minimal.guest.dirty_pages_per_s = 9000;  // needed, and not plain
  CHECK(contains(plan, minimal));
  plan.guest.dirty_pages_per_s = Plan().guest.dirty_pages_per_s;
  CHECK_FALSE(contains(plan, minimal));
}

TEST_CASE("A failure met on the way becomes a finding of its own, and is shrunk too", "[shrink]") {
  const PlantedBug other{
      [](const Plan& plan) { return has_fault(plan, "stall") && !has_fault(plan, "mgmt-silence"); },
      {},
      finding("survivor", "vm-lost")};
  const auto run = fakes::pretended_runs({two_faults_and_a_rate(), other});
  ReduceRequest request;
  request.run = run;
  request.simpler = kSimpler;
  std::vector<CaseResult> met;
  request.met = [&](CaseResult result) {
    result.id += "-met";
    met.push_back(result);
    return result;
  };
  const auto reduced = reduce(stored(run({overloaded()})), {}, request);
  REQUIRE(met.size() == 1);
  REQUIRE(reduced.size() == 2);
  CHECK(reduced[0].key ==
        "memory/stale-page/commit/mgmt-silence-destination+stopcopy/stall-channel/handshake");
  CHECK(reduced[1].case_id == met[0].id);
  CHECK(reduced[1].key == "survivor/vm-lost/stopcopy/stall-channel/handshake");
}

TEST_CASE("Canaries, passes and known issues are not shrunk", "[shrink]") {
  auto canary = fakes::pretended(overloaded(), {two_faults_and_a_rate()}, fakes::Dice(1));
  canary.plan.plant = "stale-page";
  auto known = fakes::pretended(overloaded(), {two_faults_and_a_rate()}, fakes::Dice(1));
  known.verdict = Verdict::known_issue;
  ReduceRequest request;
  request.run = [](const std::vector<Plan>&) -> std::vector<CaseResult> {
    FAIL("nothing is to be run");
    return {};
  };
  request.simpler = kSimpler;
  CHECK(reduce({canary, known, fakes::pretended(Plan(), {}, fakes::Dice(1))}, {}, request).empty());
}

TEST_CASE("The time is shared: the first finding does not take that of the last", "[shrink]") {
  std::uint64_t runs = 0;
  auto bugs = three_bugs();
  for (auto& bug : bugs) bug.percent = 10;  // so that each would take all there is
  const auto run = fakes::pretended_runs(bugs);
  std::vector<Plan> plans(3, overloaded());
  const std::string kinds[] = {"stall", "delay", "mgmt-silence"};
  std::vector<CaseResult> results;
  for (std::size_t i = 0; i < 3; ++i) {
    plans[i].faults = {fault(kinds[i], Side::channel, "stopcopy/ram-end")};
    CaseResult one = fakes::pretended(plans[i], three_bugs(), fakes::Dice(1));
    results.push_back(one);
  }
  ReduceRequest request;
  request.run = [&](const std::vector<Plan>& batch) {
    runs += batch.size();
    return run(batch);
  };
  request.simpler = kSimpler;
  request.limits.spent = [&] { return double(runs) / 300; };
  const auto reduced = reduce(results, {}, request);
  CHECK(runs <= 310);
  CHECK(reduced.size() == 3);
}

// --- proposals -----------------------------------------------------------------------------------

TEST_CASE("Every proposal can be run, and a walk over them ends", "[shrink]") {
  const auto catalogs = fakes::scripted_catalogs();
  for (const auto& kind : catalogs.faults)
    for (const auto* point : {"commit/eof", "precopy/page:7", "stopcopy/enter", "prepare/ready"}) {
      auto plan = fakes::scripted_cell(kind, kind.sides.back(), point, "autostart");
      if (!kind.excluded(plan.faults[0].trigger, plan.faults[0].side).empty()) continue;
      INFO(kind.name << " at " << point);
      // Always the last proposal: the longest walk there is to see.
      int steps = 0;
      for (auto all = proposals(plan, catalogs); !all.empty(); all = proposals(plan, catalogs)) {
        for (const auto& one : all) CHECK_NOTHROW(check_plan(one, catalogs));
        plan = all.back();
        REQUIRE(++steps < 500);
      }
    }
}

TEST_CASE("The ways to cut a channel are tried as one", "[shrink]") {
  const auto catalogs = fakes::scripted_catalogs();
  auto plan =
      fakes::scripted_cell(catalogs.find_fault("close"), Side::channel, "commit/eof", "autostart");
  const PlantedBug cut{[&](const Plan& one) {
                         return !one.faults.empty() &&
                                catalogs.find_fault(one.faults[0].kind).effect ==
                                    Effect::cuts_channel;
                       },
                       {},
                       finding("memory", "stale-page")};
  Verdicts verdicts;
  const auto result = shrink(
      plan, kFace, [&](const Plan& one) { return proposals(one, catalogs); },
      fakes::pretended_runs({cut}), {}, verdicts);
  INFO(result.end << " " << to_string(result.first));
  for (const auto& step : result.steps)
    UNSCOPED_INFO(to_json(step.plan)["faults"].dump()
                  << " " << step.plan.protocol << " " << step.why);
  REQUIRE(result.plan.faults.size() == 1);
  CHECK(result.plan.faults[0].kind == "reset");
  CHECK(to_string(result.plan.faults[0].trigger) == "stopcopy/enter");
  CHECK(result.plan.protocol == "handshake");
}

}  // namespace
}  // namespace migfuzz
