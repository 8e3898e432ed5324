// The record of a case: order, look-ups, and JSON lines. Run alone: unit_tests "[history]".
#include "harness/core/history.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;

TEST_CASE("Events keep their order and never go back in time", "[history]") {
  History history;
  for (int i = 0; i < 100; ++i) history.add("source", "qmp-event", "STOP");
  const auto& events = history.events();
  REQUIRE(events.size() == 100);
  for (std::size_t i = 1; i < events.size(); ++i) {
    CHECK(events[i].seq == events[i - 1].seq + 1);
    CHECK(events[i].at_ns >= events[i - 1].at_ns);
  }
  CHECK(events[0].at_ns >= 0);
}

TEST_CASE("First and last find by actor, kind and name, and an empty word matches any",
          "[history]") {
  History history;
  history.add("source", "qmp-event", "STOP", {{"n", std::int64_t{1}}});
  history.add("destination", "qmp-event", "RESUME");
  history.add("source", "qmp-event", "STOP", {{"n", std::int64_t{2}}});
  REQUIRE(history.first("source", "qmp-event", "STOP") != nullptr);
  CHECK(number_field(*history.first("source", "qmp-event", "STOP"), "n") == 1);
  CHECK(number_field(*history.last("source", "qmp-event"), "n") == 2);
  CHECK(history.last("", "qmp-event", "RESUME")->actor == "destination");
  CHECK(history.first("channel", "qmp-event") == nullptr);
  CHECK(history.last("", "", "nothing") == nullptr);
}

TEST_CASE("A field is found by key and type only", "[history]") {
  const Event event{0,         0,        "source",
                    "process", "exited", {{"code", std::int64_t{1}}, {"why", "kill"}}};
  CHECK(number_field(event, "code") == 1);
  CHECK_FALSE(text_field(event, "code"));
  CHECK(text_field(event, "why") == "kill");
  CHECK_FALSE(number_field(event, "missing"));
}

TEST_CASE("The tail is the last events, one line each", "[history]") {
  History history;
  history.add("source", "note", "one");
  history.add("source", "note", "two", {{"ok", true}, {"n", std::int64_t{5}}});
  history.add("source", "heartbeat", "step");
  CHECK(history.tail(0).empty());
  CHECK_THAT(history.tail(1), Contains("source note two ok=true n=5\n"));
  CHECK_THAT(history.tail(1), !Contains("one"));
  CHECK_THAT(history.tail(99), Contains("one"));
}

TEST_CASE("An event written as JSON is read back equal", "[history]") {
  const Event event{7,        -3,
                    "source", "note",
                    "x",      {{"flag", false}, {"least", INT64_MIN}, {"text", "\u2028</script>"}}};
  CHECK(event_from_json(to_json(event)) == event);
}

TEST_CASE("Bytes of QEMU and the guest never stop an event from being written", "[history]") {
  const Event event{0, 0, "source", "note", "\xff\xc0\x80 \xed\xa0\x80", {{"\xfe", "\x80"}}};
  std::string text;
  REQUIRE_NOTHROW(text = to_json(event).dump());
  CHECK_NOTHROW(event_from_json(nlohmann::json::parse(text)));
  CHECK_THAT(text, Contains("\xef\xbf\xbd"));
}

TEST_CASE("An event with another shape is refused", "[history]") {
  nlohmann::json json = to_json(Event{0, 0, "a", "b", "c", {}});
  json["fields"]["x"] = 1.5;
  CHECK_THROWS_AS(event_from_json(json), UsageError);
  json["fields"]["x"] = nullptr;
  CHECK_THROWS_AS(event_from_json(json), UsageError);
  json["fields"]["x"] = 18446744073709551615ULL;
  CHECK_THROWS_AS(event_from_json(json), UsageError);
  json["fields"] = nlohmann::json::array();
  CHECK_THROWS_AS(event_from_json(json), UsageError);
  json.erase("fields");
  CHECK_THROWS_AS(event_from_json(json), UsageError);
  CHECK_THROWS_AS(event_from_json(3), UsageError);
}

}  // namespace
}  // namespace migfuzz
