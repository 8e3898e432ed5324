// The map of what was reached, the plans that are kept, and a source that prefers what is new.
//
// Run alone: unit_campaign "[feedback]".
#include "harness/campaign/feedback.h"

#include <rapidcheck/catch.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "harness/campaign/yield.h"
#include "harness/core/scenario.h"

namespace migfuzz {
namespace {

using List = std::vector<std::string>;

PlannedCase planned(std::uint64_t seed) {
  PlannedCase one;
  one.plan.seed = seed;
  return one;
}

CaseResult result(const List& reached, Verdict verdict = Verdict::pass) {
  CaseResult one;
  one.verdict = verdict;
  one.reached = reached;
  return one;
}

// --- CoverageMap -------------------------------------------------------------------------------

TEST_CASE("An item is new once", "[feedback]") {
  CoverageMap map;
  CHECK(map.add({"source/event/a", "source/pair/begin>a"}).size() == 2);
  CHECK(map.add({"source/event/a", "source/event/b"}) == List{"source/event/b"});
  CHECK(map.add({"source/event/a"}).empty());
  CHECK(map.size() == 3);
}

TEST_CASE("Events that the binary does not have do not count", "[feedback]") {
  CoverageMap map;
  map.know(Side::source, {"a", "b"});
  CHECK(map.add({"source/event/a(x)", "source/event/z", "source/pair/a>b", "source/pair/a>z",
                 "source/pair/begin>b(y)", "source/pair/z>a", "source/pair/none",
                 "destination/event/z", "channel/item/eof"}) ==
        List{"source/event/a(x)", "source/pair/a>b", "source/pair/begin>b(y)",
             "destination/event/z", "channel/item/eof"});
}

TEST_CASE("Reached and never reached add up to what is known", "[feedback]") {
  CoverageMap map;
  map.know(Side::source, {"a", "b", "c"});
  map.add({"source/event/a(one)", "source/event/a(two)", "source/pair/a>a",
           "source/status/begin>setup", "source/run/begin>running", "channel/item/eof"});
  const auto reach = map.reach();
  REQUIRE(reach.hosts.size() == 2);
  CHECK(reach.hosts[0].known == 3);
  CHECK(reach.hosts[0].events == 1);
  CHECK(reach.hosts[0].pairs == 1);
  CHECK(reach.hosts[0].states == 2);
  CHECK(reach.hosts[0].never == List{"b", "c"});
  CHECK(reach.hosts[1].known == 0);
  CHECK(reach.channel == 1);
}

TEST_CASE("The growth curve is bounded, never falls, and ends with the last case", "[feedback]") {
  CoverageMap map;
  for (int i = 0; i < 1000; ++i) map.add({"source/event/e" + std::to_string(i / 3)});
  const auto growth = map.reach().growth;
  CHECK(growth.size() >= 16);
  CHECK(growth.size() <= 65);
  CHECK(growth.back().cases == 1000);
  CHECK(growth.back().events == 334);
  CHECK(std::is_sorted(growth.begin(), growth.end(), [](const auto& a, const auto& b) {
    return a.cases < b.cases || a.events < b.events;
  }));
}

rc::Gen<std::vector<List>> cases_of_items() {
  const auto item = rc::gen::map(rc::gen::inRange(0, 40), [](int n) {
    const char* kinds[] = {"source/event/", "source/pair/a>", "destination/run/", "channel/item/"};
    return std::string(kinds[n % 4]) + std::to_string(n);
  });
  return rc::gen::container<std::vector<List>>(rc::gen::container<List>(item));
}

TEST_CASE("What is stored of a campaign makes the same map as the campaign", "[feedback]") {
  rc::prop("news alone give the map again", [] {
    const auto cases = *cases_of_items();
    CoverageMap whole, again;
    for (const auto& one : cases) {
      const auto news = whole.add(one);
      RC_ASSERT(again.add(news) == news);
    }
    RC_ASSERT(again.size() == whole.size());
    for (std::size_t host = 0; host < 2; ++host) {
      RC_ASSERT(again.reach().hosts[host].events == whole.reach().hosts[host].events);
      RC_ASSERT(again.reach().hosts[host].pairs == whole.reach().hosts[host].pairs);
    }
  });
}

TEST_CASE("However cases are ordered, the same is reached in the end", "[feedback]") {
  rc::prop("order does not matter", [] {
    const auto cases = *cases_of_items();
    CoverageMap forth, back;
    std::size_t news = 0;
    for (const auto& one : cases) news += forth.add(one).size();
    for (auto one = cases.rbegin(); one != cases.rend(); ++one) back.add(*one);
    RC_ASSERT(forth.size() == back.size());
    RC_ASSERT(news == forth.size());  // each item was new exactly once
  });
}

// --- InterestingPlans ---------------------------------------------------------------------------

TEST_CASE("Kept plans have a bound, and the one that is worth least goes", "[feedback]") {
  InterestingPlans plans(3);
  std::uint64_t random = 1;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) plans.keep(planned(seed), 1);
  for (int i = 0; i < 60; ++i) plans.take(random);
  plans.keep(planned(4), 9);
  CHECK(plans.size() == 3);
  // The newcomer has not been taken yet: it is worth most and is there.
  std::set<std::uint64_t> seeds;
  for (int i = 0; i < 40; ++i) seeds.insert(plans.take(random).plan.seed);
  CHECK(seeds.count(4) == 1);
  CHECK(seeds.size() == 3);
}

TEST_CASE("A plan that was taken often gives way to the others", "[feedback]") {
  InterestingPlans plans;
  std::uint64_t random = 7;
  plans.keep(planned(1), 100);
  plans.keep(planned(2), 4);
  std::map<std::uint64_t, int> taken;
  for (int i = 0; i < 400; ++i) ++taken[plans.take(random).plan.seed];
  CHECK(taken[1] > taken[2]);
  CHECK(taken[2] > 40);
}

// --- FeedbackSource -----------------------------------------------------------------------------

// Gives seeds 1, 2, 3, …; what is mutated has its parent's seed times 1000 and a bit.
struct Numbers : CaseSource {
  explicit Numbers(std::uint64_t most) : left(most) {}
  std::optional<PlannedCase> next() override {
    if (left == 0) return std::nullopt;
    --left;
    return planned(++given);
  }
  void learn(const PlannedCase&, const CaseResult&) override { ++learned; }
  std::uint64_t left, given = 0, learned = 0;
};

std::optional<PlannedCase> mutate(const PlannedCase& parent, std::uint64_t seed) {
  return planned(parent.plan.seed * 1000 + seed % 1000);
}

// A world where a case reaches something new exactly if its plan is near seed 3 (its mutants and
// theirs); says how many cases were needed to reach `wanted` items.
std::size_t cases_to_reach(std::size_t wanted, FeedbackSource& source) {
  CoverageMap map;
  for (std::size_t cases = 1; cases < 100000; ++cases) {
    const auto one = source.next();
    REQUIRE(one);
    auto family = one->plan.seed;
    while (family >= 1000) family /= 1000;
    List reached;
    if (family == 3) reached.push_back("source/pair/a>" + std::to_string(one->plan.seed));
    source.learn(*one, result(map.add(reached)));
    if (map.size() >= wanted) return cases;
  }
  return 100000;
}

TEST_CASE("What reached something new is mutated and preferred", "[feedback]") {
  Numbers numbers(100000), again(100000);
  FeedbackSource with(numbers, mutate, {1, 50, 0});
  // Half of the cases are drawn near the only plan that ever reached something new.
  CHECK(cases_to_reach(40, with) < 120);
  CHECK(with.mutated() >= 39);
  CHECK(with.kept() == 40);
  FeedbackSource without(again, mutate, {1, 0, 0});
  std::vector<std::uint64_t> seeds;
  for (int i = 0; i < 50; ++i) {
    const auto one = without.next();
    without.learn(*one, result({"source/event/new"}));
    seeds.push_back(one->plan.seed);
  }
  CHECK(std::is_sorted(seeds.begin(), seeds.end()));
  CHECK(seeds.back() == 50);
}

TEST_CASE("Without news the source gives what it was given", "[feedback]") {
  Numbers numbers(20);
  FeedbackSource source(numbers, mutate, {1, 90, 0});
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto one = source.next();
    REQUIRE(one);
    CHECK(one->plan.seed == seed);
    source.learn(*one, result({}));
  }
  CHECK_FALSE(source.next());
  CHECK(numbers.learned == 20);
}

TEST_CASE("A case that the harness could not judge is not interesting", "[feedback]") {
  Numbers numbers(100);
  FeedbackSource source(numbers, mutate, {1, 100, 0});
  const auto one = source.next();
  source.learn(*one, result({"source/event/a"}, Verdict::infra));
  CHECK(source.kept() == 0);
  CHECK(source.next()->plan.seed == 2);
}

TEST_CASE("A mutation that finds nothing leaves its turn to the generator", "[feedback]") {
  Numbers numbers(10);
  FeedbackSource source(numbers, [](const PlannedCase&, std::uint64_t) { return std::nullopt; },
                        {1, 100, 0});
  source.learn(*source.next(), result({"source/event/a"}));
  CHECK(source.next()->plan.seed == 2);
  CHECK(source.mutated() == 0);
}

TEST_CASE("The number of cases holds for both kinds together", "[feedback]") {
  Numbers numbers(1000);
  FeedbackSource source(numbers, mutate, {1, 50, 30});
  std::size_t cases = 0;
  while (const auto one = source.next()) {
    ++cases;
    source.learn(*one, result({"source/event/" + std::to_string(cases)}));
  }
  CHECK(cases == 30);
  CHECK(source.mutated() > 5);
}

TEST_CASE("The same results in the same order give the same plans", "[feedback]") {
  const auto seeds = [] {
    Numbers numbers(200);
    FeedbackSource source(numbers, mutate, {5, 50, 0});
    std::vector<std::uint64_t> list;
    for (int i = 0; i < 200; ++i) {
      const auto one = source.next();
      list.push_back(one->plan.seed);
      source.learn(*one, result(i % 7 == 0 ? List{"source/event/a"} : List{}));
    }
    return list;
  };
  CHECK(seeds() == seeds());
}

// --- Yield --------------------------------------------------------------------------------------

Plan with_faults(const List& kinds) {
  Plan plan;
  for (const auto& kind : kinds)
    plan.faults.push_back({kind, Side::source, trigger_from("stopcopy/enter"), 0, 0});
  return plan;
}

TEST_CASE("A kind that brought news in little time is worth more", "[feedback]") {
  Yield yield;
  for (int i = 0; i < 20; ++i) {
    yield.learn(with_faults({"quick-news"}), true, 0.5);
    yield.learn(with_faults({"slow-news"}), true, 5);
    yield.learn(with_faults({"quick-nothing"}), false, 0.5);
  }
  CHECK(yield.of(with_faults({"quick-news"})) > 2 * yield.of(with_faults({"slow-news"})));
  CHECK(yield.of(with_faults({"quick-news"})) > 2 * yield.of(with_faults({"quick-nothing"})));
  CHECK(yield.of(with_faults({"quick-nothing"})) > 0);
}

TEST_CASE("One case without news does not give a kind up", "[feedback]") {
  Yield yield;
  for (int i = 0; i < 10; ++i) yield.learn(with_faults({"usual"}), i % 2 == 0, 1);
  const double before = yield.of(with_faults({"untried"}));
  yield.learn(with_faults({"untried"}), false, 1);
  CHECK(yield.of(with_faults({"untried"})) > before / 2);
  CHECK(yield.of(with_faults({"untried"})) < before);
}

TEST_CASE("News of long ago count less than those of now", "[feedback]") {
  Yield yield;
  for (int i = 0; i < 30; ++i) yield.learn(with_faults({"old"}), true, 1);
  for (int i = 0; i < 30; ++i) yield.learn(with_faults({"old"}), false, 1);
  for (int i = 0; i < 30; ++i) yield.learn(with_faults({"new"}), false, 1);
  for (int i = 0; i < 30; ++i) yield.learn(with_faults({"new"}), true, 1);
  CHECK(yield.of(with_faults({"new"})) > 1.5 * yield.of(with_faults({"old"})));
}

TEST_CASE("A result without a length is not free", "[feedback]") {
  Yield yield;
  yield.learn(with_faults({"a"}), true, 0);
  CHECK(yield.of(with_faults({"a"})) < 100);
}

TEST_CASE("Feedback has four words", "[feedback]") {
  CHECK(feedback_from("off") == Feedback::off);
  CHECK(feedback_from("watch") == Feedback::watch);
  CHECK(feedback_from("on") == Feedback::on);
  CHECK(feedback_from("auto") == Feedback::automatic);
  CHECK_FALSE(feedback_from("On"));
  CHECK_FALSE(feedback_from(""));
}

}  // namespace
}  // namespace migfuzz
