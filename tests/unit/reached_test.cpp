// What a case reached, from its history and its traces. Run alone: unit_core "[reached]".
#include "harness/core/reached.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"

namespace migfuzz {
namespace {

using List = std::vector<std::string>;

HostTrace trace(std::vector<Traced> events) { return {"text", std::move(events)}; }

TEST_CASE("Pairs are of one thread, whatever ran between", "[reached]") {
  const auto items = reached_by(
      History(), {{Side::source, trace({{1, "a"}, {2, "x"}, {1, "b"}, {2, "y"}, {1, "a"}})}});
  CHECK(items == List{"source/event/a", "source/event/b", "source/event/x", "source/event/y",
                      "source/pair/a>b", "source/pair/b>a", "source/pair/begin>a",
                      "source/pair/begin>x", "source/pair/x>y"});
}

TEST_CASE("Another order of threads reaches the same", "[reached]") {
  const auto one =
      reached_by(History(), {{Side::source, trace({{1, "a"}, {2, "x"}, {1, "b"}, {2, "y"}})}});
  const auto other =
      reached_by(History(), {{Side::source, trace({{9, "x"}, {9, "y"}, {4, "a"}, {4, "b"}})}});
  CHECK(one == other);
}

TEST_CASE("Two destinations are one side, each with pairs of its own", "[reached]") {
  const auto items = reached_by(
      History(), {{Side::destination, trace({{1, "a"}})}, {Side::destination, trace({{1, "b"}})}});
  CHECK(items == List{"destination/event/a", "destination/event/b", "destination/pair/begin>a",
                      "destination/pair/begin>b"});
}

TEST_CASE("States are changes as the monitor told them, of each host", "[reached]") {
  History history;
  history.add("source", "qmp-event", "MIGRATION", {{"status", std::string("setup")}});
  history.add("destination", "qmp-event", "MIGRATION", {{"status", std::string("active")}});
  history.add("source", "qmp-event", "MIGRATION", {{"status", std::string("active")}});
  history.add("source", "qmp-reply", "query-migrate", {{"status", std::string("active")}});
  history.add("source", "qmp-reply", "query-status", {{"status", std::string("running")}});
  history.add("destination-2", "qmp-event", "MIGRATION", {{"status", std::string("setup")}});
  history.add("arbiter", "decision", "wait", {{"status", std::string("no host's")}});
  CHECK(reached_by(history, {}) == List{"destination/status/begin>active",
                                        "destination/status/begin>setup",
                                        "source/run/begin>running", "source/status/begin>setup",
                                        "source/status/setup>active"});
}

TEST_CASE("Items, points and messages of the channel are told apart by name", "[reached]") {
  History history;
  history.add("channel", "stream", "section_full",
              {{"offset", std::int64_t{1}}, {"idstr", std::string("0000:00:03.0/virtio-net")}});
  history.add("channel", "stream", "eof", {{"offset", std::int64_t{2}}, {"idstr", std::string()}});
  history.add("channel", "point", "precopy/page:1200", {{"offset", std::int64_t{3}}});
  history.add("channel", "return-path", "shut", {});
  CHECK(reached_by(history, {}) == List{"channel/back/shut", "channel/item/eof",
                                        "channel/item/section_full:virtio-net",
                                        "channel/point/precopy/page:N"});
}

TEST_CASE("A case never says more than its bound", "[reached]") {
  std::vector<Traced> events;
  for (std::size_t i = 0; i < 2 * kReachedMost; ++i) events.push_back({1, "e" + std::to_string(i)});
  CHECK(reached_by(History(), {{Side::source, trace(std::move(events))}}).size() == kReachedMost);
}

TEST_CASE("An item is taken apart at its first two slashes", "[reached]") {
  const auto item = reached_item("channel/point/commit/eof");
  CHECK(item.where == "channel");
  CHECK(item.kind == "point");
  CHECK(item.name == "commit/eof");
  CHECK(reached_item("x").kind.empty());
  CHECK(reached_item("").where.empty());
  CHECK(reached_item("a/b").name.empty());
}

TEST_CASE("What a run reached is read back as it was written", "[reached]") {
  RunReach reach{"on", "why", {{"source", 9, 3, 4, 2, {"never"}}}, 7, 1, 2, {{1, 2, 3}}};
  const auto json = to_json(reach);
  CHECK(to_json(run_reach_from_json(nlohmann::json::parse(json.dump()))) == json);
  auto wrong = json;
  wrong["mode"] = "perhaps";
  CHECK_THROWS_AS(run_reach_from_json(wrong), UsageError);
  wrong = json;
  wrong["hosts"][0]["never"] = {1};
  CHECK_THROWS_AS(run_reach_from_json(wrong), UsageError);
}

}  // namespace
}  // namespace migfuzz
