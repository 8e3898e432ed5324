// A whole night on real workers: a search finds planted bugs, the campaign confirms and shrinks.
//
// The hypervisor is the scripted one; what it breaks is planted by plan and reachable from here
// only. Run alone: io_harvest "[night]".
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/campaign/campaign.h"
#include "harness/campaign/proposals.h"
#include "harness/core/error.h"
#include "harness/core/simpler.h"
#include "harness/judge.h"
#include "tests/fakes/planted.h"
#include "tests/io/temporary.h"

namespace migfuzz {
namespace {

using fakes::Defects;
using fakes::has_fault;
using fakes::PlantedBug;

// Kinds that a migration survives, or it would fail again in a second one with another face.
CampaignRequest night(const std::string& folder) {
  CampaignRequest asked;
  asked.scenario = kSearchScenario;
  asked.draw.base = fakes::scripted_plan(7);
  asked.draw.phases = {all_phases().begin(), all_phases().end()};
  asked.draw.faults = {"stall", "mgmt-silence", "mgmt-close", "io-hang", "slow"};
  asked.draw.cases = 150;
  asked.feedback = Feedback::off;
  asked.memory_given = asked.machine_given = true;
  asked.jobs = 2;
  asked.output = folder;
  asked.quiet = true;
  asked.version = "test";
  asked.shrink_time = std::chrono::seconds(60);
  return asked;
}

// The findings that fail; nothing where no worker can be started.
std::optional<std::vector<FindingGroup>> findings(const CampaignRequest& asked,
                                                  const Catalogs& catalogs) {
  io::Loop loop;
  const TrialFunction trial = [](io::Loop&, const std::string&) {
    return std::string(R"({"beats":true,"version":"7.2.22","why":"","machines":[],"traced":[]})");
  };
  try {
    CHECK(run_campaign(loop, asked, catalogs, trial, nullptr) == 1);
  } catch (const CannotRun& error) {
    WARN("skipped: " << error.what());
    return std::nullopt;
  }
  auto all = Output::read(asked.output).first.findings;
  std::erase_if(all, [](const FindingGroup& one) { return one.verdict != Verdict::fail; });
  for (const auto& one : all)
    UNSCOPED_INFO(one.signature << " x" << one.count << ": " << one.what << "; " << one.shrink_end);
  return all;
}

TEST_CASE("A search finds a bug of two faults and a rate, and is left with exactly these",
          "[night]") {
  // The stall has to end: an unhealed one ends the migration.
  const PlantedBug bug{[](const Plan& plan) {
                         for (const auto& one : plan.faults)
                           if (one.kind == "stall" && one.heal_after_ms == 0) return false;
                         return has_fault(plan, "stall") && has_fault(plan, "mgmt-silence") &&
                                plan.guest.dirty_pages_per_s > 5000 && plan.faults.size() > 1;
                       },
                       [](Defects& defects) { defects.loses_a_page = true; }};
  const fakes::TemporaryFolder f;
  const auto catalogs = fakes::planted_catalogs({bug});
  const auto found = findings(night(f / "out"), catalogs);
  if (!found) return;
  REQUIRE(found->size() == 1);
  const auto& one = found->front();
  CHECK(face_of(one.signature) == "memory/stale-page");
  CHECK(one.rate.shown == one.rate.runs);
  CHECK(one.rate.runs >= 10);
  REQUIRE(one.shortest);
  const auto& minimal = *one.shortest;
  CHECK(minimal.faults.size() == 2);
  CHECK(bug.strikes(minimal));
  for (const auto& simpler : proposals(minimal, catalogs)) {
    INFO(to_json(simpler).dump());
    CHECK_FALSE(bug.strikes(simpler));
  }
}

TEST_CASE("What is met while another case is shrunk replaces none of the drawn ones", "[night]") {
  // What no search draws and every shrink comes to: nothing about it is odd.
  const auto plainest = [](const Plan& plan) { return complexity_of(plan).oddities <= 2; };
  const auto healed_stall = [](const Plan& plan) {
    bool all = has_fault(plan, "stall");
    for (const auto& one : plan.faults) all = all && (one.kind != "stall" || one.heal_after_ms > 0);
    return all;
  };
  const auto catalogs = fakes::planted_catalogs(
      {{[=](const Plan& plan) { return healed_stall(plan) && !plainest(plan); },
        [](Defects& defects) { defects.loses_a_page = true; }},
       {[=](const Plan& plan) { return healed_stall(plan) && plainest(plan); },
        [](Defects& defects) { defects.aborts_at_load = true; }}});
  const fakes::TemporaryFolder f;
  auto asked = night(f / "out");
  asked.draw.cases = 40;
  if (!findings(asked, catalogs)) return;
  const Store store(asked.output + "/results.db", Store::Access::read);
  const auto run = store.last_run()->id;
  std::set<std::string> drawn, ended, met, ids;
  for (const auto& one : store.drawn(run))
    if (!one.key.starts_with(kMetOnTheWay)) drawn.insert(one.key);
  for (const auto& one : store.finished(run)) {
    const bool on_the_way = one.drawn.key.starts_with(kMetOnTheWay);
    (on_the_way ? met : ended).insert(one.drawn.key);
    CHECK(on_the_way == (one.result.plan.scenario == kShrinkScenario));
    CHECK(ids.insert(one.result.id).second);
  }
  CHECK(ended == drawn);
  CHECK_FALSE(met.empty());
}

TEST_CASE("Three planted bugs at once are three findings of a search", "[night]") {
  const auto healed = [](const Plan& plan, const char* kind) {
    bool all = has_fault(plan, kind);
    for (const auto& one : plan.faults) all = all && (one.kind != kind || one.heal_after_ms > 0);
    return all;
  };
  const auto catalogs = fakes::planted_catalogs(
      {{[=](const Plan& plan) { return healed(plan, "stall"); },
        [](Defects& defects) { defects.loses_a_page = true; }},
       {[](const Plan& plan) { return has_fault(plan, "io-hang"); },
        [](Defects& defects) { defects.aborts_at_load = true; }},
       {[=](const Plan& plan) { return healed(plan, "mgmt-silence"); },
        [](Defects& defects) { defects.source_runs_after_completed = true; }}});
  const fakes::TemporaryFolder f;
  auto asked = night(f / "out");
  asked.draw.phases = {Phase::stopcopy};  // each signature costs a confirmation
  asked.draw.cases = 80;
  const auto found = findings(asked, catalogs);
  if (!found) return;
  std::set<std::string> faces;
  for (const auto& one : *found) faces.insert(face_of(one.signature));
  CHECK(faces.size() == 3);
  REQUIRE(found->size() == 3);
}

}  // namespace
}  // namespace migfuzz
