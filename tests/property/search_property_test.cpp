// Drawn plans: each can be run and says what to expect, none strays from what was asked for, and
// the sequence follows from the seed. On the scripted world none of them fails without a defect.
//
// Run alone: property_search "[search]".
#include "harness/core/search.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/campaign/search_source.h"
#include "harness/core/combination.h"
#include "tests/fakes/scripted_case.h"

namespace migfuzz {
namespace {

using fakes::ScriptedCase;

// The points of the scripted world's stream, as a control passes them.
std::vector<std::string> scripted_points() {
  const ScriptedCase control(fakes::scripted_plan());
  std::vector<std::string> points;
  for (const auto& event : control.world->history().events())
    if (event.kind == "point" &&
        std::find(points.begin(), points.end(), event.name) == points.end())
      points.push_back(event.name);
  return points;
}

ScenarioRequest ground(const std::string& protocol = "handshake", std::uint64_t seed = 7) {
  ScenarioRequest request;
  request.phases.assign(all_phases().begin(), all_phases().end());
  request.base = fakes::scripted_plan(seed);
  request.base.protocol = protocol;
  request.passed_points = scripted_points();
  return request;
}

std::vector<Plan> drawn(PlanGenerator generator, std::size_t count) {
  std::vector<Plan> plans;
  for (std::size_t i = 0; i < count; ++i) plans.push_back(generator.draw().plan);
  return plans;
}

TEST_CASE("Every drawn plan can be run, and with one to four faults", "[search]") {
  const auto catalogs = fakes::scripted_catalogs();
  std::size_t sizes[kFaultsAtOnceMax + 1] = {};
  for (const auto& plan :
       drawn(PlanGenerator({ground("handshake"), ground("autostart")}, catalogs), 300)) {
    INFO(to_json(plan).dump());
    CHECK_NOTHROW(check_plan(plan, catalogs));
    REQUIRE(!plan.faults.empty());
    REQUIRE(plan.faults.size() <= kFaultsAtOnceMax);
    ++sizes[plan.faults.size()];
    CHECK(plan.scenario == "search");
    CHECK(plan_from_json(to_json(plan)) == plan);
  }
  for (std::size_t size = 1; size <= 3; ++size) CHECK(sizes[size] > 20);
  CHECK(sizes[4] > 0);
}

TEST_CASE("The sequence follows from the seed, and another seed gives another one", "[search]") {
  const auto catalogs = fakes::scripted_catalogs();
  const auto one = drawn(PlanGenerator({ground()}, catalogs), 60);
  CHECK(one == drawn(PlanGenerator({ground()}, catalogs), 60));
  CHECK(one != drawn(PlanGenerator({ground("handshake", 8)}, catalogs), 60));
  // What it learns shows once kinds have been drawn often enough to be compared.
  constexpr std::size_t kLong = 250;
  PlanGenerator taught({ground()}, catalogs);
  std::vector<Plan> other;
  for (std::size_t i = 0; i < kLong; ++i) {
    other.push_back(taught.draw().plan);
    taught.learn(other.back(), i % 2 == 0);
  }
  CHECK(other != drawn(PlanGenerator({ground()}, catalogs), kLong));
}

TEST_CASE("A search goes where news comes from", "[search]") {
  const auto catalogs = fakes::scripted_catalogs();
  auto request = ground();
  request.faults = {"crash", "stall", "slow", "delay", "reset", "close"};
  const auto crashes = [](const Plan& plan) {
    return std::any_of(plan.faults.begin(), plan.faults.end(),
                       [](const auto& fault) { return fault.kind == "crash"; });
  };
  const auto usual = drawn(PlanGenerator({request}, catalogs), 100);
  SearchSource source(PlanGenerator({request}, catalogs), 100, true);
  int count = 0;
  while (const auto one = source.next()) {
    CaseResult result;
    result.delivered = true;
    result.verdict = Verdict::pass;
    result.duration_ms = 1000;
    if (crashes(one->plan)) result.reached = {"source/event/new"};
    source.learn(*one, result);
    count += crashes(one->plan) ? 1 : 0;
  }
  CHECK(count > 1.5 * double(std::count_if(usual.begin(), usual.end(), crashes)));
}

TEST_CASE("A search that learns nothing draws by rareness alone", "[search]") {
  const auto catalogs = fakes::scripted_catalogs();
  SearchSource source(PlanGenerator({ground()}, catalogs), 40, false);
  std::vector<Plan> plans;
  while (const auto one = source.next()) {
    CaseResult result;
    result.reached = {"source/event/new"};
    source.learn(*one, result);
    plans.push_back(one->plan);
  }
  CHECK(plans == drawn(PlanGenerator({ground()}, catalogs), 40));
}

TEST_CASE("A search stays at the points, faults and sides that it is given", "[search]") {
  const auto catalogs = fakes::scripted_catalogs();
  auto request = ground();
  request.points = {"stopcopy/device:*"};
  request.faults = {"stall", "crash", "slow"};
  request.sides = {Side::channel, Side::destination};
  for (const auto& plan : drawn(PlanGenerator({request}, catalogs), 50))
    for (const auto& fault : plan.faults) {
      INFO(to_json(plan).dump());
      CHECK(fault.trigger.point.name.starts_with("device:"));
      CHECK((fault.kind == "stall" || fault.kind == "crash" || fault.kind == "slow"));
      CHECK(fault.side != Side::source);
    }
  request.points.clear();
  request.phases = {Phase::commit};
  for (const auto& plan : drawn(PlanGenerator({request}, catalogs), 50))
    for (const auto& fault : plan.faults) CHECK(fault.trigger.point.phase == Phase::commit);
  request.sides = {Side::source};
  request.faults = {"stall"};
  CHECK_THROWS_AS(PlanGenerator({request}, catalogs), UsageError);
}

TEST_CASE("What the machine lacks is not drawn", "[search]") {
  const auto catalogs = fakes::scripted_catalogs();
  auto request = ground();
  request.missing = {{"nftables", "none here"}, {"storage-daemon", "none here"}};
  for (const auto& plan : drawn(PlanGenerator({request}, catalogs), 150)) {
    CHECK(plan.disk != "nbd");
    for (const auto& fault : plan.faults) {
      const auto& kind = catalogs.find_fault(fault.kind);
      CHECK(request.missing.count(std::string(kind.needs)) == 0);
    }
  }
}

TEST_CASE("Kinds that were drawn least come first: before long every kind has been drawn",
          "[search]") {
  const auto catalogs = fakes::scripted_catalogs();
  std::map<std::string, int> kinds;
  for (const auto& plan : drawn(PlanGenerator({ground()}, catalogs), 250))
    for (const auto& fault : plan.faults) ++kinds[fault.kind];
  const auto points = scripted_points();
  for (const auto& kind : catalogs.faults) {
    INFO(kind.name);
    // Those of another mode or guest have no point here.
    const bool fits = excluded_in(Plan().mode, kind).empty() &&
                      excluded_with(ground().base.guest, kind, catalogs).empty();
    const bool here = fits && std::any_of(points.begin(), points.end(), [&](const auto& point) {
      return kind.excluded(trigger_from(point), kind.sides[0]).empty();
    });
    if (!here) continue;
    CHECK(kinds[std::string(kind.name)] > 0);
  }
}

TEST_CASE("A mutated plan can be run and is another one near the first", "[search]") {
  const auto catalogs = fakes::scripted_catalogs();
  PlanGenerator generator({ground("handshake"), ground("autostart")}, catalogs);
  std::size_t found = 0;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const auto parent = generator.draw();
    const auto child = generator.mutate(parent, i);
    if (!child) continue;
    ++found;
    INFO(to_json(parent.plan).dump() << "\n" << to_json(child->plan).dump());
    CHECK(child->plan != parent.plan);
    CHECK_NOTHROW(check_plan(child->plan, catalogs));
    CHECK(child->plan.protocol == parent.plan.protocol);
    CHECK(generator.mutate(parent, i)->plan == child->plan);
  }
  CHECK(found > 50);
}

// The model knows nothing of what two failures of one part do to each other, so this is the
// harness's own test: order, holds, heals, expectations.
void runs_without_failure(const std::string& protocol, std::size_t count) {
  const auto catalogs = fakes::scripted_catalogs();
  std::size_t delivered = 0;
  const auto plans = drawn(PlanGenerator({ground(protocol, 11)}, catalogs), count);
  for (const auto& plan : plans) {
    const ScriptedCase one(plan);
    INFO(to_json(plan).dump() << "\n" << one.story());
    CHECK(one.evidence.settled);
    CHECK(one.result.verdict > Verdict::infra);
    if (protocol == "handshake") CHECK(one.world->overlap_ms() == 0);
    CHECK((one.result.verdict == Verdict::pass) <= one.evidence.delivered);
    delivered += one.evidence.delivered ? 1 : 0;
  }
  CHECK(delivered * 2 > plans.size());
}

TEST_CASE("Under handshake no drawn plan fails on the scripted world", "[search]") {
  runs_without_failure("handshake", 150);
}
TEST_CASE("Under autostart no drawn plan fails on the scripted world", "[search]") {
  runs_without_failure("autostart", 150);
}

}  // namespace
}  // namespace migfuzz
