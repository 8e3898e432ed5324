// Scenarios: what is drawn, how much of it, and that the same request draws the same plans.
//
// The counts are those that README and reports speak of: a telling point or a fault that comes or
// goes changes them, and must change them on purpose. Run alone: unit_scenarios "[scenario]".
#include <catch2/catch.hpp>
#include <set>

#include "faults/catalog.h"
#include "guests/catalog.h"
#include "harness/protocols/catalog.h"
#include "harness/core/error.h"
#include "harness/core/mode.h"
#include "scenarios/catalog.h"
#include "scenarios/cells.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;

Catalogs catalogs() {
  Catalogs all;
  all.faults = all_faults();
  all.scenarios = all_scenarios();
  all.protocols = all_protocols();
  return all;
}

std::vector<PlannedCase> draw(const ScenarioRequest& request, const char* scenario = "cells") {
  const auto all = catalogs();
  return all.find_scenario(scenario).draw(request, all).cases;
}

ScenarioRequest of_phases(std::vector<Phase> phases) {
  ScenarioRequest request;
  request.phases = std::move(phases);
  return request;
}

std::string refusal(const ScenarioRequest& request) {
  try {
    draw(request);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

std::size_t kinds_and_sides() {
  std::size_t sum = 0;
  for (const auto& kind : all_faults()) sum += kind.sides.size();
  return sum;
}

TEST_CASE("Each telling point, fault and side is drawn or left out", "[scenario]") {
  const auto all = catalogs();
  const auto cells = [&](std::vector<Phase> phases) {
    const auto drawn = make_cells().draw(of_phases(std::move(phases)), all);
    for (const auto& one : drawn.left_out) CHECK_FALSE(one.why.empty());
    return drawn.cases.size() + drawn.left_out.size();
  };
  const auto each = kinds_and_sides();
  CHECK(cells({Phase::prepare}) == 2 * each);
  CHECK(cells({Phase::reserve}) == 6 * each);
  CHECK(cells({Phase::precopy}) == 3 * each);
  CHECK(cells({Phase::stopcopy}) == 18 * each);
  CHECK(cells({Phase::commit}) == 7 * each);
  CHECK(cells({Phase::activate}) == 4 * each);
  // commit/eof belongs to both of its phases and is drawn once.
  CHECK(cells({Phase::stopcopy, Phase::commit}) == 24 * each);
}

TEST_CASE("Cells are all different, in name and in plan", "[scenario]") {
  std::set<std::string> cells, ids;
  std::set<std::uint64_t> seeds;
  const auto all =
      draw(of_phases({Phase::reserve, Phase::precopy, Phase::stopcopy, Phase::commit}));
  for (const auto& one : all) {
    cells.insert(to_string(*one.cell));
    ids.insert(case_id(one.plan));
    seeds.insert(one.plan.guest.seed);
    CHECK(one.plan.faults.size() == 1);
    CHECK(one.plan.scenario == "cells");
  }
  CHECK(cells.size() == all.size());
  CHECK(ids.size() == all.size());
  CHECK(seeds.size() == all.size());
}

TEST_CASE("The same request draws the same plans, another seed draws others", "[scenario]") {
  auto request = of_phases({Phase::stopcopy});
  request.base.seed = 7;
  const auto one = draw(request), two = draw(request);
  REQUIRE(one.size() == two.size());
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(one[i].plan == two[i].plan);
  request.base.seed = 8;
  const auto other = draw(request);
  for (std::size_t i = 0; i < one.size(); ++i)
    CHECK(one[i].plan.guest.seed != other[i].plan.guest.seed);
}

TEST_CASE("A cell keeps its numbers whatever is drawn beside it", "[scenario]") {
  auto request = of_phases({Phase::stopcopy});
  const auto all = draw(request);
  request.points = {"stopcopy/ram-end"};
  request.faults = {"stall"};
  const auto alone = draw(request);
  REQUIRE(alone.size() == 1);
  bool found = false;
  for (const auto& one : all)
    if (one.cell == alone[0].cell) {
      found = true;
      CHECK(one.plan == alone[0].plan);
    }
  CHECK(found);
}

TEST_CASE("A cell takes transport, patience and heal from its fault", "[scenario]") {
  auto request = of_phases({Phase::stopcopy});
  for (const auto& one : draw(request)) {
    const auto all = catalogs();
    const auto& kind = all.find_fault(one.plan.faults[0].kind);
    CHECK(one.plan.transport == kind.transport);
    CHECK(one.plan.faults[0].heal_after_ms == kind.heal_after_ms);
    CHECK(one.plan.patience_ms >= std::max(kind.patience_ms, request.base.patience_ms));
    // A hole as long as the patience would not be the healed hole of the table.
    if (kind.heal_after_ms > 0) CHECK(one.plan.patience_ms > 2 * kind.heal_after_ms);
  }
}

TEST_CASE("Faults, sides and points narrow the cells", "[scenario]") {
  auto request = of_phases({Phase::stopcopy});
  request.faults = {"crash", "hang"};
  request.sides = {Side::destination};
  request.points = {"stopcopy/enter", "commit/eof+3", "stopcopy/enter"};
  const auto cells = draw(request);
  REQUIRE(cells.size() == 4);
  CHECK(to_string(*cells[0].cell) == "stopcopy/enter × crash × destination × handshake");
  CHECK(cells[3].plan.faults[0].trigger == trigger_from("commit/eof+3"));
}

TEST_CASE("Patterns stand for the points that were passed on this machine", "[scenario]") {
  auto request = of_phases({Phase::stopcopy});
  request.faults = {"reset"};
  request.passed_points = {"reserve/first-byte", "stopcopy/device:cpu/begin",
                           "stopcopy/device:cpu/end", "commit/eof"};
  request.points = {"stopcopy/device:*"};
  CHECK(draw(request).size() == 2);
  request.points = {"*"};
  CHECK(draw(request).size() == 4);
  request.points = {"*cpu*", "stopcopy/device:cpu/end"};
  CHECK(draw(request).size() == 2);
  request.points = {"stopcopy/device:floppy*"};
  CHECK_THAT(refusal(request), Contains("no point of a migration on this machine matches"));
}

TEST_CASE("Unknown words are refused with the nearest ones", "[scenario]") {
  auto request = of_phases({Phase::stopcopy});
  request.faults = {"crahs"};
  CHECK_THAT(refusal(request), Contains("`crahs`") && Contains("crash"));
  request = of_phases({Phase::stopcopy});
  request.points = {"stopcopy/entre"};
  CHECK_THAT(refusal(request), Contains("stopcopy/enter"));
  request = of_phases({Phase::stopcopy});
  request.faults = {"crash"};
  request.sides = {Side::channel};
  CHECK_THAT(refusal(request), Contains("no cell has all of"));
  const auto all = catalogs();
  try {
    all.find_scenario("smok");
    FAIL("a scenario of that name was found");
  } catch (const UsageError& error) {
    CHECK_THAT(error.what(), Contains("nearest: smoke"));
  }
}

TEST_CASE("A cell that makes no sense is left out with the reason", "[scenario]") {
  const auto all = catalogs();
  ScenarioRequest request;
  const auto why = [&](const FaultKind& kind, Side side, const char* point) {
    const auto out = left_out(request, all, kind, side, point);
    return out ? out->why : std::string();
  };
  CHECK(why(make_corrupt(), Side::channel, "stopcopy/enter").empty());
  CHECK_THAT(why(make_corrupt(), Side::channel, "commit/eof"), Contains("final RAM section"));
  CHECK(why(make_crash(), Side::source, "commit/eof").empty());
  CHECK_THAT(why(make_stall(), Side::channel, "commit/vmdesc-end"), Contains("no byte follows"));
  CHECK_THAT(why(make_reset(), Side::channel, "prepare/ready"), Contains("does not exist yet"));
  CHECK_THAT(why(make_reset(), Side::channel, "activate/resumed"), Contains("closed"));
  CHECK(why(make_crash(), Side::source, "activate/before-cont").empty());
  request.base.protocol = "autostart";
  CHECK_THAT(why(make_crash(), Side::source, "activate/before-cont"), Contains("nobody sends"));
}

TEST_CASE("A cell whose fault this machine cannot do is left out as impossible here",
          "[scenario]") {
  auto all = catalogs();
  all.faults[0].needs = "moonlight";
  auto request = of_phases({Phase::stopcopy});
  const auto before = make_cells().draw(request, all);
  request.missing["moonlight"] = "it is noon";
  const auto drawn = make_cells().draw(request, all);
  CHECK(drawn.cases.size() < before.cases.size());
  CHECK(drawn.cases.size() + drawn.left_out.size() ==
        before.cases.size() + before.left_out.size());
  std::size_t here = 0;
  for (const auto& one : drawn.left_out)
    if (one.here) {
      ++here;
      CHECK(one.cell.fault == all.faults[0].name);
      CHECK(one.why == "it is noon");
    }
  CHECK(here > 0);
}

TEST_CASE("More cases than cells run the cells again with numbers of their own", "[scenario]") {
  auto request = of_phases({Phase::stopcopy});
  request.points = {"stopcopy/enter"};
  request.faults = {"crash"};
  request.cases = 5;
  const auto cases = draw(request);
  REQUIRE(cases.size() == 5);
  CHECK(cases[0].cell == cases[2].cell);
  CHECK(cases[0].cell == cases[4].cell);
  std::set<std::uint64_t> seeds;
  for (const auto& one : cases) seeds.insert(one.plan.guest.seed);
  CHECK(seeds.size() == 5);
  request.cases = 1;
  CHECK(draw(request).size() == 1);
}

TEST_CASE("Controls alternate between the transports and have no fault", "[scenario]") {
  ScenarioRequest request;
  CHECK(draw(request, "control").size() == 20);
  request.cases = 3;
  const auto three = draw(request, "control");
  REQUIRE(three.size() == 3);
  CHECK(three[0].plan.transport != three[1].plan.transport);
  std::set<std::uint64_t> seeds;
  for (const auto& one : three) {
    CHECK(one.plan.faults.empty());
    CHECK(one.plan.plant.empty());
    CHECK_FALSE(one.cell);
    seeds.insert(one.plan.guest.seed);
  }
  CHECK(seeds.size() == 3);
}

TEST_CASE("The canary plants three different defects under handshake", "[scenario]") {
  ScenarioRequest request;
  request.base.protocol = "autostart";
  std::set<std::string> plants;
  for (const auto& one : draw(request, "canary")) {
    plants.insert(one.plan.plant);
    CHECK(one.plan.protocol == "handshake");
    CHECK(one.plan.faults.empty());
  }
  CHECK(plants == std::set<std::string>{"double-resume", "rollback", "stale-page"});
}

TEST_CASE("Smoke touches every fault kind and side", "[scenario]") {
  const auto all = catalogs();
  const auto cases = draw(ScenarioRequest{}, "smoke");
  std::set<std::string> kinds;
  for (const auto& one : cases)
    if (!one.plan.faults.empty()) kinds.insert(one.plan.faults[0].kind);
  std::size_t wanted = 0, sides = 0;
  for (const auto& kind : all_faults()) {
    if (!excluded_in("precopy", kind).empty()) continue;  // it needs another mode
    if (!excluded_with(Plan().guest, kind, all).empty()) continue;  // … or another guest
    ++wanted;
    sides += kind.sides.size();
  }
  CHECK(kinds.size() == wanted);
  CHECK(cases.size() == 2 + sides);
}

TEST_CASE("What several CPUs always have is not taken from a guest that has several",
          "[scenario]") {
  auto all = catalogs();
  all.guests = all_guests();
  ScenarioRequest request;
  request.points = {"prepare/ready"};
  request.faults = {"mismatch-cpu", "mismatch-ram"};
  CHECK(make_cells().draw(request, all).cases.size() == 2);
  request.base.guest.name = "linux";
  const auto drawn = make_cells().draw(request, all);
  REQUIRE(drawn.cases.size() == 1);
  CHECK(drawn.cases[0].plan.faults[0].kind == "mismatch-ram");
  REQUIRE(drawn.left_out.size() == 1);
  CHECK(drawn.left_out[0].why == "guest linux has 2 vCPUs, which are never without an APIC");
  for (const auto& scenario : {make_hyperv_cluster(), make_gce_maintenance()})
    for (const auto& one : scenario.draw(request, all).cases)
      if (!one.plan.faults.empty() && one.plan.faults[0].kind == "mismatch-cpu")
        CHECK(one.plan.guest.name == "tiny");
}

TEST_CASE("A kind that needs TLS is drawn under TLS, and left out with the reason elsewhere",
          "[scenario]") {
  const auto all = catalogs();
  ScenarioRequest request;
  request.points = {"prepare/ready"};
  request.faults = {"tls-wrong", "tls-expired"};
  request.base.mode = "tls-psk";
  const auto psk = make_cells().draw(request, all);
  REQUIRE(psk.cases.size() == 2);
  for (const auto& one : psk.cases) CHECK(one.plan.faults[0].kind == "tls-wrong");
  REQUIRE(psk.left_out.size() == 2);
  CHECK(psk.left_out[0].why == "it needs a mode with `tls-x509`, this one is `tls-psk`");
  request.base.mode = "multifd+tls-x509";
  CHECK(make_cells().draw(request, all).cases.size() == 4);
  const auto& kind = all.find_fault("tls-wrong");
  CHECK(excluded_in("tls-psk", kind).empty());
  CHECK(excluded_in("precopy", kind) == "it needs a mode with `tls`, this one is `precopy`");
}

TEST_CASE("A mode lacks none of its telling points, and says why it lacks another's",
          "[scenario]") {
  ScenarioRequest request;
  request.phases = {all_phases().begin(), all_phases().end()};
  for (const auto& name : all_modes()) {
    const auto mode = mode_from(name);
    request.base.mode = name;
    const auto drawn = make_cells().draw(request, catalogs());
    CHECK(drawn.cases.size() > 100);
    for (const auto& one : drawn.cases) {
      INFO(name << " " << one.cell->point);
      CHECK(mode.lacks(trigger_from(one.cell->point).point).empty());
    }
  }
  const auto lacks = [](const char* mode, const char* point) {
    return mode_from(mode).lacks(trigger_from(point).point);
  };
  CHECK(lacks("tls-psk", "precopy/begin") == "of what is encrypted no such place can be told");
  CHECK(lacks("precopy", "precopy/record:1") == "it is a place of an encrypted channel");
  CHECK(lacks("precopy", "precopy/packet:1") == "it is a place of multifd's channels");
  CHECK(lacks("multifd", "precopy/page:100") ==
        "pages travel over multifd's channels, as packets");
  CHECK(lacks("postcopy-preempt", "postcopy/answer:1") ==
        "what was asked for comes over the preempt channel");
  CHECK(lacks("precopy", "postcopy/run") == "this mode has no such phase");
}

TEST_CASE("Cells draw what a stranger says, each time anew", "[scenario]") {
  ScenarioRequest request;
  request.points = {"prepare/ready"};
  request.faults = {"stranger"};
  request.cases = 20;
  std::set<std::uint64_t> said;
  for (const auto& one : make_cells().draw(request, catalogs()).cases)
    said.insert(one.plan.faults[0].parameter);
  CHECK(said.size() == 20);
}

TEST_CASE("Through a file only the manager's points are drawn, and no fault of a channel",
          "[scenario]") {
  auto request = of_phases({all_phases().begin(), all_phases().end()});
  request.base.mode = "mapped-ram";
  std::set<std::string> points, kinds;
  const auto all = catalogs();
  const auto drawn = make_cells().draw(request, all);
  for (const auto& one : drawn.cases) {
    const auto& fault = one.plan.faults.front();
    CHECK_FALSE(in_stream(fault.trigger.point));
    CHECK(all.expected(one.plan).has_value());
    points.insert(to_string(fault.trigger));
    kinds.insert(fault.kind);
  }
  CHECK(points == std::set<std::string>{"prepare/ready", "precopy/saving", "stopcopy/paused",
                                        "commit/file-complete", "commit/file-loaded",
                                        "activate/before-cont", "activate/cont-journalled",
                                        "activate/resumed", "activate/before-discard"});
  for (const auto* kind : {"crash", "host-crash", "hang", "cancel", "file-full", "file-short",
                           "corrupt-file", "mismatch-ram"})
    CHECK(kinds.count(kind) == 1);
  for (const auto* kind : {"reset", "stall", "drop", "corrupt", "no-listener", "stranger"})
    CHECK(kinds.count(kind) == 0);
  request.base.protocol = "autostart";
  for (const auto& one : draw(request))
    CHECK(to_string(one.plan.faults.front().trigger) != "commit/file-loaded");
}

TEST_CASE("A file's points are left out where there is none, and a stream's where there is one",
          "[scenario]") {
  auto request = of_phases({});
  request.points = {"commit/file-complete"};
  CHECK(refusal(request).find("this mode goes through no file") != std::string::npos);
  request.base.mode = "mapped-ram";
  request.points = {"stopcopy/enter"};
  CHECK(refusal(request).find("there is no stream to look into") != std::string::npos);
  request.points = {"precopy/saving"};
  request.faults = {"file-short"};
  CHECK(refusal(request).find("not complete yet") != std::string::npos);
}

TEST_CASE("A snapshot is drawn without what needs a way back or an owner", "[scenario]") {
  auto request = of_phases({all_phases().begin(), all_phases().end()});
  request.base.mode = "background-snapshot";
  const auto cases = draw(request);
  CHECK(cases.size() > 100);
  for (const auto& one : cases) {
    const auto& fault = one.plan.faults.front();
    CHECK(fault.trigger.point.phase != Phase::activate);
    CHECK_FALSE(fault.trigger.point.name.starts_with("ack"));
    CHECK(fault.kind != "truncate-back");
    CHECK(fault.kind != "ack-withheld");
  }
}

TEST_CASE("Every scenario is found by its name", "[scenario]") {
  const auto all = catalogs();
  for (const auto* name : {"cells", "control", "canary", "smoke", "double-writer", "search"})
    CHECK(all.find_scenario(name).name == name);
}

TEST_CASE("Every drawn plan is one that can run", "[scenario]") {
  // Only the names that check_plan() looks up beside faults are missing here.
  for (const auto* scenario : {"cells", "control", "canary", "smoke"})
    for (const auto& one : draw(ScenarioRequest{}, scenario)) {
      CHECK(catalogs().expected(one.plan).has_value());
      CHECK_FALSE(one.plan.scenario.empty());
    }
}

TEST_CASE("A pattern's star stands for any run of characters", "[scenario]") {
  CHECK(matches("*", ""));
  CHECK(matches("a*c", "abbc"));
  CHECK(matches("*b*", "abc"));
  CHECK(matches("a**c", "ac"));
  CHECK_FALSE(matches("a*c", "abcd"));
  CHECK_FALSE(matches("", "a"));
  CHECK_FALSE(matches("a", "aa"));
  CHECK(matches("memory/*/handshake", "memory/stale-page/no-fault/handshake"));
}

}  // namespace
}  // namespace migfuzz
