// Promises and policies: what a finished case must show, and each way in which it does not.
#include "harness/core/promise.h"

#include <catch2/catch.hpp>
#include <set>

#include "harness/checkers/catalog.h"
#include "scenarios/catalog.h"

using namespace migfuzz;

namespace {

struct Case {
  Plan plan;
  History history;
  Evidence evidence;
  CaseResult measured;

  Looked looked() const { return {plan, history, evidence, measured}; }
};

// Both processes are gone, nobody runs the VM, and it was started again.
Case restarted() {
  Case one;
  one.plan.policy.restarts = true;
  one.evidence.settled = true;
  one.evidence.source.at_settle.dead = one.evidence.destination.at_settle.dead = true;
  auto& restart = one.evidence.restart.emplace();
  restart.why = "nobody runs it any more";
  restart.beats = 3;
  one.history.add("arbiter", "decision", "restart");
  one.history.add("restarted", "process", "started");
  return one;
}

std::string symptom_of(const Case& one) {
  const auto findings = make_policy()->check(one.plan, one.history, one.evidence);
  REQUIRE(findings.size() == 1);
  return findings.front().verdict == Verdict::pass ? "" : findings.front().symptom;
}

const Promise& promise_of(const Scenario& scenario, std::string_view name) {
  for (const auto& one : scenario.promises)
    if (one.name == name) return one;
  FAIL("no promise " << name);
  return scenario.promises.front();
}

}  // namespace

TEST_CASE("A promise that is not kept fails, unless the VM's loss is expected", "[promise]") {
  const std::vector<Promise> promises{
      {"held", "c", "s", [](const Looked&) { return Kept{true, "yes"}; }},
      {"broken", "c", "s", [](const Looked&) { return Kept{false, "no"}; }},
      {"silent", "c", "s", [](const Looked&) -> std::optional<Kept> { return std::nullopt; }}};
  Case one;
  one.measured.survivor = "source";
  const auto verdicts = [&] {
    std::vector<Verdict> all;
    for (const auto& finding : look_at(promises, one.looked())) all.push_back(finding.verdict);
    return all;
  };
  CHECK(verdicts() == std::vector{Verdict::pass, Verdict::fail});
  one.measured.survivor = "none";
  CHECK(verdicts() == std::vector{Verdict::pass, Verdict::fail});
  one.evidence.expected.expect = Expect::loss;
  CHECK(verdicts() == std::vector{Verdict::pass, Verdict::expected_loss});
  auto of_the_lost = promises;
  of_the_lost[1].of_the_lost = true;
  CHECK(look_at(of_the_lost, one.looked())[1].verdict == Verdict::fail);
  one.measured.survivor = "source";  // what is expected has not happened
  CHECK(verdicts() == std::vector{Verdict::pass, Verdict::fail});
  CHECK(look_at(promises, one.looked())[1].symptom == "broken");
}

TEST_CASE("Every promise says what it checks and whose words it follows", "[promise]") {
  std::size_t count = 0;
  for (const auto& scenario : all_scenarios()) {
    std::set<std::string_view> names;
    for (const auto& promise : scenario.promises) {
      ++count;
      CAPTURE(scenario.name, promise.name);
      CHECK(names.insert(promise.name).second);
      CHECK(promise.claim.size() > 10);
      CHECK(promise.source.size() > 10);
      CHECK(promise.look);
    }
  }
  CHECK(count > 20);
}

TEST_CASE("vmotion: two seconds, one ping, and only without a fault", "[promise]") {
  const auto scenario = make_vmotion_shared_storage();
  Case one;
  const auto held = [&](std::string_view name) {
    const auto kept = promise_of(scenario, name).look(one.looked());
    REQUIRE(kept);
    return kept->held;
  };
  one.evidence.network.emplace().pinged_again = true;
  one.measured.survivor = "destination";
  one.measured.blackout_ms = 1999;
  one.measured.ping_gap_ms = 1000;
  CHECK(held("switch-over-in-two-seconds"));
  CHECK(held("one-ping-lost"));
  one.measured.blackout_ms = 2000;
  one.measured.ping_gap_ms = 1001;
  CHECK_FALSE(held("switch-over-in-two-seconds"));
  CHECK_FALSE(held("one-ping-lost"));
  one.measured.blackout_ms = 100;
  one.measured.ping_gap_ms = 10;
  one.evidence.network->pinged_again = false;  // the gap that has not ended is not in the number
  CHECK_FALSE(held("one-ping-lost"));
  one.measured.survivor = "source";
  CHECK_FALSE(held("switch-over-in-two-seconds"));
  one.measured.survivor = "destination";
  one.measured.blackout_ms = -1;  // nothing was measured
  CHECK_FALSE(held("switch-over-in-two-seconds"));
  one.plan.faults.emplace_back();
  CHECK_FALSE(promise_of(scenario, "one-ping-lost").look(one.looked()));
}

TEST_CASE("An announcement is owed unless the destination was cut off when it ran the VM",
          "[promise]") {
  const auto scenario = make_vmotion_shared_storage();
  const auto& announced = promise_of(scenario, "address-moves-along");
  const auto held = [&](const std::vector<NetworkEvidence::Frame>& frames,
                        const auto& before_it_ran) {
    Case one;
    one.measured.survivor = "destination";
    auto& network = one.evidence.network.emplace();
    network.place = Side::destination;
    network.frames = frames;
    const auto say = [&](const char* name, const char* side) {
      one.history.add("director", "fault", name,
                      {{"kind", std::string("vm-link-down")},
                       {"component", std::string("guest network")},
                       {"side", std::string(side)}});
    };
    before_it_ran(say);
    one.history.add("destination", "qmp-event", "RESUME");
    return announced.look(one.looked())->held;
  };
  const auto nothing = [](const auto&) {};
  const NetworkEvidence::Frame there{Side::destination, 1, VmFrame::Kind::rarp};
  const NetworkEvidence::Frame here{Side::source, 1, VmFrame::Kind::rarp};
  CHECK(held({there}, nothing));
  CHECK_FALSE(held({}, nothing));
  CHECK_FALSE(held({there, here}, nothing));
  CHECK(held({}, [](const auto& say) { say("injected", "destination"); }));
  CHECK_FALSE(held({}, [](const auto& say) { say("injected", "source"); }));
  CHECK_FALSE(held({here}, [](const auto& say) { say("injected", "destination"); }));
  CHECK_FALSE(held({}, [](const auto& say) {
    say("injected", "destination");
    say("healed", "destination");
  }));
}

TEST_CASE("clark: who resumes follows from whether anything was committed", "[promise]") {
  const auto scenario = make_clark_precopy();
  Case one;
  one.plan.faults.emplace_back();
  one.evidence.settled = true;
  one.measured.survivor = "destination";
  const auto& at_home = promise_of(scenario, "resumed-at-home");
  const auto& primary = promise_of(scenario, "b-is-primary");
  CHECK_FALSE(at_home.look(one.looked())->held);
  CHECK_FALSE(primary.look(one.looked()));
  one.measured.survivor = "none";
  one.evidence.source.ended_by_plan = true;  // by the manager, who should not have had to
  CHECK_FALSE(at_home.look(one.looked())->held);
  one.evidence.source.ended_by_fault = true;  // the assumption does not hold: nothing is promised
  CHECK_FALSE(at_home.look(one.looked()));
  one.measured.survivor = "destination";
  one.history.add("arbiter", "decision", "hand-over");
  CHECK(primary.look(one.looked())->held);
  one.measured.survivor = "source";
  CHECK_FALSE(primary.look(one.looked())->held);
}

TEST_CASE("clark: a host is stable unless a fault has hit it, its process or its disk",
          "[promise]") {
  const auto scenario = make_clark_precopy();
  const auto speaks = [&](const char* component, const char* side) {
    Case one;
    one.plan.faults.emplace_back();
    one.measured.survivor = "none";
    one.history.add("director", "fault", "injected",
                    {{"component", std::string(component)}, {"side", std::string(side)}});
    return promise_of(scenario, "resumed-at-home").look(one.looked()).has_value();
  };
  for (const auto* component : {"qemu", "host", "storage"}) {
    CHECK_FALSE(speaks(component, "source"));
    CHECK(speaks(component, "destination"));
  }
  for (const auto* component : {"channel", "network", "management"})
    CHECK(speaks(component, "source"));
}

TEST_CASE("clark: once B has run nobody revives A, whatever becomes of B", "[promise]") {
  const auto scenario = make_clark_precopy();
  const auto& primary = promise_of(scenario, "b-is-primary");
  Case one;
  one.plan.faults.emplace_back();
  one.evidence.settled = true;
  one.evidence.destination.at_settle.dead = true;
  one.measured.survivor = "source";
  one.history.add("arbiter", "decision", "hand-over");
  CHECK_FALSE(primary.look(one.looked()));
  one.history.add("destination", "qmp-event", "RESUME");
  CHECK_FALSE(primary.look(one.looked())->held);
  one.measured.survivor = "none";
  CHECK_FALSE(primary.look(one.looked()));
}

TEST_CASE("A promise is broken by the protocol's hazard where a checker of it has found one",
          "[promise]") {
  const std::vector<Promise> promises{
      {"broken", "c", "s", [](const Looked&) { return Kept{false, "no"}; }, {"survivor"}},
      {"another", "c", "s", [](const Looked&) { return Kept{false, "no"}; }, {"retry"}}};
  Case one;
  one.measured.survivor = "both";
  one.evidence.expected = {Expect::double_run, "rule", "two generals"};
  CHECK(look_at(promises, one.looked())[0].verdict == Verdict::fail);  // nobody has seen one
  one.measured.findings = {{"survivor", Verdict::hazard, "both run", "double-run", ""}};
  CHECK(look_at(promises, one.looked())[0].verdict == Verdict::hazard);
  CHECK(look_at(promises, one.looked())[1].verdict == Verdict::fail);
  one.evidence.expected.expect = Expect::one;
  CHECK(look_at(promises, one.looked())[0].verdict == Verdict::fail);
}

TEST_CASE("hyperv: the second migration has to go over the second network", "[promise]") {
  const auto scenario = make_hyperv_cluster();
  const auto& second = promise_of(scenario, "second-network");
  Case one;
  CHECK_FALSE(second.look(one.looked()));
  auto& retry = one.evidence.retry.emplace();
  retry.settled = true;
  retry.beats_after_settle_destination = 3;
  const auto migrate = [&](const char* uri) {
    one.history.add("source", "qmp-command", "migrate", {{"uri", std::string(uri)}});
  };
  migrate("tcp:10.77.0.1:4000");
  CHECK_FALSE(second.look(one.looked())->held);
  one.history.add("director", "note", "second-network", {{"at", std::string("10.79.0.1")}});
  migrate("tcp:10.77.0.1:4000");
  CHECK_FALSE(second.look(one.looked())->held);
  migrate("tcp:10.79.0.1:4000");
  CHECK(second.look(one.looked())->held);
  retry.settled = false;
  CHECK_FALSE(second.look(one.looked())->held);
}

TEST_CASE("hines: a page that is sent again breaks the promise, and so does none", "[promise]") {
  const auto scenario = make_hines_postcopy();
  const auto& once = promise_of(scenario, "pages-once");
  Case one;
  one.plan.mode = "postcopy";
  CHECK_FALSE(once.look(one.looked()));
  one.evidence.pages_after_switch = {100, 0};
  CHECK(once.look(one.looked())->held);
  one.evidence.pages_after_switch = {100, 1};
  CHECK_FALSE(once.look(one.looked())->held);
  one.evidence.pages_after_switch = {0, 0};
  CHECK_FALSE(once.look(one.looked())->held);
  one.plan.mode = "precopy";
  CHECK_FALSE(once.look(one.looked()));
}

TEST_CASE("policy: a restart is due when nobody is left, once, and never beside an owner",
          "[policy]") {
  CHECK(symptom_of(restarted()).empty());
  const auto with = [](auto&& change) {
    auto one = restarted();
    change(one);
    return symptom_of(one);
  };
  CHECK(with([](Case& one) { one.evidence.restart.reset(); }) == "not-restarted");
  CHECK(with([](Case& one) { one.evidence.destination.at_settle.dead = false; }) ==
        "restarted-beside-owner");
  CHECK(with([](Case& one) {
          one.evidence.destination.at_settle.dead = false;
          one.evidence.destination.frozen = true;
        }).empty());
  CHECK(with([](Case& one) { one.history.add("arbiter", "decision", "restart"); }) ==
        "restarted-twice");
  CHECK(with([](Case& one) { one.history.add("restarted", "process", "started"); }) ==
        "restarted-twice");
  CHECK(with([](Case& one) { one.evidence.restart->beats = 0; }) == "restart-dead");
  CHECK(with([](Case& one) { one.evidence.restart->records.broken = "torn"; }) ==
        "restart-broken");
  CHECK(with([](Case& one) { one.evidence.restart->refused = true; }).empty());
}

TEST_CASE("policy: nobody else can run a VM that is started again", "[policy]") {
  const auto started = [](const std::vector<const char*>& ended_before) {
    auto one = restarted();
    one.history = History();
    for (const auto* host : {"source", "destination"}) one.history.add(host, "process", "started");
    for (const auto* host : ended_before) one.history.add(host, "process", "exited");
    one.history.add("arbiter", "decision", "restart");
    one.history.add("restarted", "process", "started");
    return symptom_of(one);
  };
  CHECK(started({"source", "destination"}).empty());
  CHECK(started({"source"}) == "restarted-too-early");
  CHECK(started({}) == "restarted-too-early");
}

TEST_CASE("policy: a second migration waits for its back-off", "[policy]") {
  const auto after = [](bool decided, std::int64_t ms) {
    Case one;
    one.plan.policy.backoff_ms = 100;
    std::vector<Event> events;
    const auto say = [&](std::int64_t at_ms, const char* actor, const char* kind,
                         const char* name) {
      events.push_back({events.size(), at_ms * 1'000'000, actor, kind, name, {}});
    };
    say(1, "source", "qmp-command", "migrate");
    if (decided) say(500, "arbiter", "policy", "back-off");
    say(560, "director", "retry", "begins");
    say(500 + ms, "source", "qmp-command", "migrate");
    one.history = History::from_events(std::move(events));
    return symptom_of(one);
  };
  CHECK(after(true, 101).empty());
  CHECK(after(true, 99) == "no-back-off");
  CHECK(after(false, 101) == "no-back-off");
  Case one;
  one.plan.policy.backoff_ms = 100;
  CHECK(symptom_of(one).empty());
}

TEST_CASE("policy: a notice needs its answer, and no disk means no migration", "[policy]") {
  Case one;
  one.plan.policy.notice = true;
  one.evidence.notice = Milliseconds(5);
  CHECK(symptom_of(one).empty());
  one.evidence.notice = Milliseconds(-1);
  CHECK(symptom_of(one) == "notice-unanswered");

  Case disk;
  disk.plan.policy.checks_storage = true;
  disk.history.add("arbiter", "policy", "storage looked at",
                   {{"answer", std::string("the destination does not reach the disk: EIO")}});
  CHECK(symptom_of(disk).empty());
  disk.history.add("source", "qmp-command", "migrate");
  CHECK(symptom_of(disk) == "migrated-without-storage");
}
