// The corpus: what is written can be read and replayed, and nothing is ever written over.
//
// Run alone: unit_shrink "[corpus]".
#include "harness/campaign/corpus.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "harness/campaign/harvest.h"
#include "harness/core/error.h"
#include "harness/io/files.h"
#include "tests/fakes/scripted_case.h"
#include "tests/io/temporary.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;

StoredPlan some() {
  StoredPlan one;
  one.signature = "memory/stale-page/stopcopy/stall-channel/handshake";
  one.what = "3 wrong pages";
  one.versions = "7.2.22 -> 10.0.2";
  one.found = "2026-11-22T05:00:00Z";
  one.end = "nothing simpler shows it";
  one.rate = {9, 30};
  one.plan.faults = {{"stall", Side::channel, trigger_from("stopcopy/enter"), 150, 0}};
  one.plan.guest.dirty_pages_per_s = 9000;
  return one;
}

std::string text_of(const StoredPlan& one) { return to_json(one).dump(2); }

TEST_CASE("A stored plan written as JSON is read back equal", "[corpus]") {
  const auto again = stored_plan_from_text(text_of(some()), "x.json");
  CHECK(to_json(again) == to_json(some()));
  CHECK(again.plan == some().plan);
  CHECK(again.rate == some().rate);
}

TEST_CASE("A plan.json, a file of the corpus and a case's folder can all be replayed", "[corpus]") {
  const fakes::TemporaryFolder folder;
  io::write_whole(folder.path() + "/plan.json", to_json(some().plan).dump());
  io::write_whole(folder.path() + "/minimal.json", text_of(some()));
  CHECK(read_stored_plan(folder.path()).plan == some().plan);
  CHECK(read_stored_plan(folder.path()).signature.empty());
  CHECK(read_stored_plan(folder.path() + "/plan.json").plan == some().plan);
  CHECK(read_stored_plan(folder.path() + "/minimal.json").signature == some().signature);
}

TEST_CASE("What cannot be read is refused with its path", "[corpus]") {
  const auto refusal = [](nlohmann::json json) -> std::string {
    try {
      stored_plan_from_text(json.dump(), "corpus/x.json");
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  auto json = to_json(some());
  json["schema"] = 2;
  CHECK_THAT(refusal(json), Contains("corpus/x.json") && Contains("reads schema 1"));
  json = to_json(some());
  json["plan"].erase("disk");
  CHECK_THAT(refusal(json), Contains("corpus/x.json: plan") && Contains("disk"));
  json = to_json(some());
  json["surprise"] = 1;
  CHECK_THAT(refusal(json), Contains("surprise"));
  json = to_json(some());
  json["shown"] = 31;  // of 30
  CHECK_THAT(refusal(json), Contains("shown"));
}

TEST_CASE("A finding is added under the name of its signature", "[corpus]") {
  const fakes::TemporaryFolder folder;
  const auto corpus = folder.path() + "/corpus";
  CHECK(read_corpus(corpus).empty());  // it need not be there
  const auto path = add_to_corpus(corpus, some());
  CHECK_THAT(path, Contains(corpus + "/memory-stale-page-stopcopy-stall-channel-handshake-") &&
                       Catch::Matchers::EndsWith(".json"));
  const auto all = read_corpus(corpus);
  REQUIRE(all.size() == 1);
  CHECK(to_json(all[0]) == to_json(some()));
  CHECK(io::files_in(corpus).size() == 1);
}

TEST_CASE("Nothing in the corpus is written over, and only a simpler plan is added", "[corpus]") {
  const fakes::TemporaryFolder folder;
  const auto path = add_to_corpus(folder.path(), some());
  const auto text = io::read_input(path, 1 << 20);
  auto again = some();
  again.what = "other words";
  CHECK(add_to_corpus(folder.path(), again).empty());
  again.plan.downtime_limit_ms = 40;  // no simpler
  CHECK(add_to_corpus(folder.path(), again).empty());
  CHECK(io::read_input(path, 1 << 20) == text);
  auto simpler = some();
  simpler.plan.guest.dirty_pages_per_s = Plan().guest.dirty_pages_per_s;
  const auto second = add_to_corpus(folder.path(), simpler);
  CHECK(second != path);
  CHECK(read_corpus(folder.path()).size() == 2);
  CHECK(io::read_input(path, 1 << 20) == text);
}

TEST_CASE("A file that is there by that name makes another name, not another file", "[corpus]") {
  const fakes::TemporaryFolder folder;
  const auto corpus = folder.path() + "/corpus";
  const auto path = add_to_corpus(corpus, some());
  auto other = some();
  other.signature = "another/finding/no-fault/handshake";
  io::write_whole(path, text_of(other));  // the same name, by whatever accident
  const auto second = add_to_corpus(corpus, some());
  CHECK_THAT(second, Catch::Matchers::EndsWith("-2.json"));
  CHECK(read_stored_plan(path).signature == other.signature);
}

TEST_CASE("A plan of another machine is replayed on this run's hosts", "[corpus]") {
  auto plan = some().plan;
  plan.source.binary = "/opt/qemu/bin/qemu";
  plan.accel = "kvm";
  Plan base;
  base.destination.binary = "/usr/bin/qemu";
  base.accel = "tcg";
  base.machine = "pc-i440fx-7.2";
  const auto here = adapted(plan, base);
  CHECK(here.source == base.source);
  CHECK(here.destination == base.destination);
  CHECK(here.accel == "tcg");
  CHECK(here.machine == "pc-i440fx-7.2");
  CHECK(here.faults == plan.faults);
  base.guest.memory_bytes = 16392 << 10;
  plan.guest.memory_bytes = 16 << 20;  // chosen there
  CHECK(adapted(plan, base).guest.memory_bytes == base.guest.memory_bytes);
  plan.guest.memory_bytes = 64 << 20;  // part of the finding
  CHECK(adapted(plan, base).guest.memory_bytes == plan.guest.memory_bytes);
  plan.machine = "q35";  // said by the plan: part of the finding
  CHECK(adapted(plan, base).machine == "q35");
}

TEST_CASE("A plan of the corpus is still asked what its system promises", "[corpus]") {
  auto plan = some().plan;
  plan.scenario = "hyperv-cluster";
  const auto once = adapted(plan, Plan());
  CHECK(once.scenario == kCorpusScenario);
  CHECK(once.promised_by == "hyperv-cluster");
  CHECK(adapted(once, Plan()).promised_by == "hyperv-cluster");
  plan.scenario = "cells";  // a matrix promises nothing of its own
  CHECK(adapted(plan, Plan()).promised_by.empty());
}

TEST_CASE("What this machine cannot run is left out with the reason", "[corpus]") {
  const auto catalogs = fakes::scripted_catalogs();
  auto plan = fakes::scripted_cell(catalogs.find_fault("netem"), Side::source, "stopcopy/enter");
  CHECK(why_not_here(plan, catalogs, {}).empty());
  CHECK(why_not_here(plan, catalogs, {{"netem", "no module"}}) == "no module");
  plan.faults[0].kind = "meteorite";
  CHECK_THAT(why_not_here(plan, catalogs, {}), Contains("meteorite"));
}

}  // namespace
}  // namespace migfuzz
