// Several faults in one plan, on the scripted world: order, shared points, heals and re-injections.
//
// The world is a model: these tests speak of the harness only. Run alone: unit_director
// "[several]".
#include <catch2/catch.hpp>

#include "harness/core/error.h"
#include "tests/fakes/scripted_case.h"

namespace migfuzz {
namespace {

using fakes::ScriptedCase;

Plan plan_of(std::vector<FaultSpec> faults, Transport transport = Transport::unix_tight) {
  auto plan = fakes::scripted_plan();
  plan.transport = transport;
  plan.patience_ms = 5000;
  plan.faults = std::move(faults);
  return plan;
}

FaultSpec fault(const char* kind, Side side, const char* at, std::uint32_t heal_after_ms = 0,
                std::uint64_t parameter = 0) {
  return {kind, side, trigger_from(at), heal_after_ms, parameter};
}

// "0 injected", "0 delivered", "1 injected", …, of the faults in their order in time.
std::vector<std::string> steps(const ScriptedCase& one) {
  std::vector<std::string> all;
  for (const auto& event : one.world->history().events()) {
    if (event.kind != "fault" || event.name == "armed") continue;
    const auto index = number_field(event, "fault");
    all.push_back((index ? std::to_string(*index) : "-") + " " + event.name);
  }
  return all;
}

std::size_t place(const std::vector<std::string>& all, const char* word) {
  const auto found = std::find(all.begin(), all.end(), word);
  REQUIRE(found != all.end());
  return static_cast<std::size_t>(found - all.begin());
}

TEST_CASE("Each fault strikes at its own point and the history says which one", "[several]") {
  const ScriptedCase one(
      plan_of({fault("stall", Side::channel, "precopy/begin", 100),
               fault("mgmt-silence", Side::source, "stopcopy/enter", 100),
               fault("crash", Side::destination, "stopcopy/device:cpu/middle")}));
  INFO(one.story());
  CHECK(one.evidence.delivered);
  CHECK(one.result.verdict == Verdict::pass);
  CHECK(one.result.survivor == "source");
  CHECK(one.evidence.destination.ended_by_plan);
  const auto all = steps(one);
  CHECK(place(all, "0 healed") < place(all, "1 injected"));
  CHECK(place(all, "1 delivered") < place(all, "2 injected"));
  CHECK(place(all, "2 delivered") < all.size());
  std::vector<std::string> held;
  for (const auto& event : one.world->history().events())
    if (event.kind == "fault" && event.name == "armed") held.push_back(*text_field(event, "at"));
  CHECK(held.size() == 3);
  CHECK(one.result.signature.empty());
  CHECK(one.result.delivery_proof.find("; ") != std::string::npos);
}

TEST_CASE("The history of a single fault names no index", "[several]") {
  const ScriptedCase one(plan_of({fault("stall", Side::channel, "precopy/begin", 100)}));
  CHECK(steps(one) ==
        std::vector<std::string>{"- injected", "- delivered", "- healed"});
}

TEST_CASE("Faults that share a point strike there together, in the plan's order", "[several]") {
  const ScriptedCase one(
      plan_of({fault("mgmt-silence", Side::destination, "commit/eof", 100),
               fault("crash", Side::source, "commit/eof")}));
  INFO(one.story());
  CHECK(one.evidence.delivered);
  CHECK(one.result.verdict == Verdict::pass);
  CHECK(one.result.survivor == "destination");
  CHECK(steps(one).at(0) == "0 injected");
  CHECK(steps(one).at(1) == "1 injected");
}

TEST_CASE("A point flows on only when every fault that shares it has let it go", "[several]") {
  // The stall keeps the channel for 400 ms, whatever the silence does that is healed before.
  const ScriptedCase one(plan_of({fault("stall", Side::channel, "commit/eof", 400),
                                  fault("mgmt-silence", Side::source, "commit/eof", 50)}));
  INFO(one.story());
  CHECK(one.result.verdict == Verdict::pass);
  const auto all = steps(one);
  CHECK(place(all, "1 healed") < place(all, "0 healed"));
  const auto& events = one.world->history().events();
  std::int64_t healed = 0, passed = 0;
  for (const auto& event : events) {
    if (event.kind == "fault" && event.name == "healed" && number_field(event, "fault") == 0)
      healed = event.at_ns;
    if (event.actor == "destination" && text_field(event, "status") == "completed")
      passed = event.at_ns;
  }
  CHECK(passed > healed);
}

TEST_CASE("A kind is injected again at a later point, once it was healed", "[several]") {
  const ScriptedCase one(plan_of({fault("slow", Side::channel, "precopy/begin", 100, 100000),
                                  fault("slow", Side::channel, "precopy/page:2", 100, 100000),
                                  fault("slow", Side::channel, "stopcopy/enter", 100, 100000)}));
  INFO(one.story());
  CHECK(one.evidence.delivered);
  CHECK(one.result.verdict == Verdict::pass);
  CHECK(one.result.survivor == "destination");
  const auto all = steps(one);
  CHECK(place(all, "0 healed") < place(all, "1 injected"));
  CHECK(place(all, "1 healed") < place(all, "2 injected"));
}

TEST_CASE("Two arbiters crash one after the other and the journal carries the VM over",
          "[several]") {
  const ScriptedCase one(
      plan_of({fault("arbiter-crash", Side::channel, "stopcopy/enter", 100),
               fault("arbiter-crash", Side::channel, "activate/cont-journalled", 100)}));
  INFO(one.story());
  CHECK(one.evidence.delivered);
  CHECK(one.result.verdict == Verdict::pass);
  CHECK(one.result.survivor == "destination");
  const auto& journal = one.world->persisted();
  CHECK(std::count(journal.begin(), journal.end(), "run-destination") == 2);
}

TEST_CASE("Behind a source that died with its work done the destination is run by a new arbiter",
          "[several]") {
  const ScriptedCase one(
      plan_of({fault("crash", Side::source, "commit/eof"),
               fault("arbiter-crash", Side::channel, "activate/before-cont", 100)}));
  INFO(one.story());
  CHECK(one.evidence.delivered);
  CHECK(one.result.verdict == Verdict::pass);
  CHECK(one.result.survivor == "destination");
}

TEST_CASE("Where both hosts die one after the other the loss is expected", "[several]") {
  const ScriptedCase one(plan_of({fault("crash", Side::source, "commit/eof"),
                                  fault("crash", Side::destination, "activate/before-cont")}));
  INFO(one.story());
  CHECK(one.evidence.delivered);
  CHECK(one.result.verdict == Verdict::expected_loss);
}

TEST_CASE("A fault that never came to its point changes no expectation, and is no pass",
          "[several]") {
  const ScriptedCase one(plan_of({fault("stall", Side::channel, "precopy/begin", 100),
                                  fault("crash", Side::source, "precopy/pass:99")}));
  INFO(one.story());
  CHECK_FALSE(one.evidence.delivered);
  CHECK(one.result.verdict == Verdict::not_delivered);
  CHECK(one.result.rule == "healed-hole");
  CHECK(one.finding("survivor")->verdict == Verdict::pass);
}

TEST_CASE("A fault whose effect was not seen in time is healed then, and the migration goes on",
          "[several]") {
  // An AF_UNIX channel does not cross the network: the port holds nothing back.
  const ScriptedCase one(
      plan_of({fault("arbiter-crash", Side::channel, "precopy/begin", 300),
               fault("port-disabled", Side::destination, "precopy/pass:1", 300)}));
  INFO(one.story());
  CHECK(one.result.verdict == Verdict::not_delivered);
  CHECK(one.finding("liveness")->verdict == Verdict::pass);
  CHECK(place(steps(one), "1 not-observed") + 1 == place(steps(one), "1 healed"));
  const auto& events = one.world->history().events();
  const auto at = [&](const char* kind, const char* name) {
    return std::find_if(events.rbegin(), events.rend(), [&](const Event& event) {
      return event.kind == kind && event.name == name;
    });
  };
  CHECK(at("fault", "healed")->seq < at("decision", "done")->seq);
}

TEST_CASE("A fault that never came to its point is not healed, and changes no expectation",
          "[several]") {
  const ScriptedCase one(plan_of({fault("mgmt-silence", Side::source, "precopy/begin", 100),
                                  fault("stall", Side::channel, "precopy/pass:99", 100)}));
  INFO(one.story());
  CHECK(one.result.verdict == Verdict::not_delivered);
  CHECK(one.result.rule != "not-delivered");
  const auto all = steps(one);
  CHECK(std::find(all.begin(), all.end(), "0 healed") != all.end());
  CHECK(std::find(all.begin(), all.end(), "1 healed") == all.end());
}

TEST_CASE("A plan at a point that its mode never passes is refused with the reason", "[several]") {
  using Catch::Matchers::Contains;
  const auto catalogs = fakes::scripted_catalogs();
  auto plan = plan_of({fault("crash", Side::source, "stopcopy/enter")});
  CHECK_NOTHROW(check_plan(plan, catalogs));
  plan.mode = "mapped-ram";
  CHECK_THROWS_WITH(check_plan(plan, catalogs), Contains("there is no stream to look into"));
  plan.faults[0].trigger = trigger_from("commit/file-complete");
  CHECK_NOTHROW(check_plan(plan, catalogs));
  plan.faults[0].kind = "reset";
  plan.faults[0].side = Side::channel;
  CHECK_THROWS_WITH(check_plan(plan, catalogs), Contains("it has no channel"));
}

TEST_CASE("A plan whose faults do not go together is refused with the reason", "[several]") {
  const auto catalogs = fakes::scripted_catalogs();
  const auto refusal = [&](std::vector<FaultSpec> faults) -> std::string {
    try {
      check_plan(plan_of(std::move(faults), Transport::tcp), catalogs);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  using Catch::Matchers::Contains;
  CHECK_THAT(refusal({fault("crash", Side::source, "stopcopy/enter"),
                      fault("hang", Side::source, "commit/eof")}),
             Contains("both stop the same host"));
  CHECK_THAT(refusal({fault("crash", Side::source, "commit/eof"),
                      fault("stall", Side::channel, "precopy/begin", 100)}),
             Contains("in the order in which their points are passed"));
  CHECK_THAT(refusal({fault("mgmt-close", Side::source, "precopy/begin", 100),
                      fault("cancel", Side::source, "stopcopy/enter")}),
             Contains("come late or never"));
  CHECK_THAT(refusal({fault("ack-withheld", Side::channel, "precopy/begin", 100),
                      fault("crash", Side::destination, "stopcopy/enter")}),
             Contains("before the first can show"));
  CHECK_THAT(refusal({fault("slow", Side::channel, "stopcopy/enter", 100),
                      fault("delay", Side::channel, "stopcopy/enter", 100)}),
             Contains("one would heal the other"));
  CHECK_THAT(refusal({fault("crash", Side::source, "stopcopy/enter"),
                      fault("crash", Side::destination, "commit/eof")}),
             Contains("cannot be said"));
  CHECK(refusal({fault("stall", Side::channel, "precopy/begin", 100),
                 fault("crash", Side::source, "commit/eof")})
            .empty());
  auto plan = plan_of({fault("stall", Side::channel, "precopy/begin", 100),
                       fault("crash", Side::source, "commit/eof")});
  plan.protocol = "autostart";
  CHECK_THROWS_WITH(check_plan(plan, catalogs), Contains("for `handshake` only"));
}

}  // namespace
}  // namespace migfuzz
