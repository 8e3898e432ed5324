// Blackout and brownout are measured as docs/measurements.md defines them. Run alone:
// unit_checkers "[interruption]".
#include "harness/interruption.h"

#include <catch2/catch.hpp>

#include "tests/fakes/evidence_builder.h"

namespace migfuzz {
namespace {

using fakes::Golden;

void beat(Golden& g, double at_ms, const char* host, std::int64_t step) {
  g.event(at_ms, host, "heartbeat", "step", {{"step", step}});
}

// One step a millisecond; the migration begins at 20 ms.
Golden migration() {
  Golden g;
  for (int at = 4; at <= 100; at += 4) beat(g, at, "source", at);
  g.event(20, "director", "phase", "prepare");
  return g;
}

TEST_CASE("The blackout is the longest gap since the migration began", "[interruption]") {
  auto g = migration();
  beat(g, 130, "destination", 104);
  beat(g, 134, "destination", 108);
  CHECK(interruption_of(g.history(), 1000).blackout_ms == Approx(30));
}

TEST_CASE("A gap before the migration, or after a second one began, does not count",
          "[interruption]") {
  Golden g;
  beat(g, 1, "source", 1);
  beat(g, 90, "source", 90);
  g.event(91, "director", "phase", "prepare");
  beat(g, 94, "source", 94);
  beat(g, 99, "source", 99);
  g.event(100, "director", "retry", "begins");
  beat(g, 300, "source", 104);
  CHECK(interruption_of(g.history(), 1000).blackout_ms == Approx(5));
}

TEST_CASE("The brownout is the time that the guest lost outside of the blackout",
          "[interruption]") {
  auto g = migration();
  beat(g, 130, "destination", 104);
  CHECK(interruption_of(g.history(), 1000).brownout_ms == Approx(0).margin(0.001));
  beat(g, 150, "destination", 114);  // 20 ms, ten steps
  CHECK(interruption_of(g.history(), 1000).brownout_ms == Approx(10));
  CHECK(interruption_of(g.history(), 1000).brownout_after_ms == Approx(10));
  beat(g, 154, "destination", 118);
  CHECK(interruption_of(g.history(), 1000).brownout_after_ms == Approx(10));
}

TEST_CASE("Nothing is measured without heartbeats, pace, or one line of steps", "[interruption]") {
  CHECK(interruption_of(Golden().history(), 1000).blackout_ms == -1);
  auto g = migration();
  CHECK(interruption_of(g.history(), 0).brownout_ms == -1);
  CHECK(interruption_of(g.history(), 0).blackout_ms == Approx(4));
  beat(g, 104, "destination", 50);
  CHECK(interruption_of(g.history(), 1000).brownout_ms == -1);
  CHECK(interruption_of(g.history(), 1000).brownout_after_ms == -1);
}

TEST_CASE("Of the brownout the part behind the blackout is told apart", "[interruption]") {
  Golden g;
  beat(g, 0, "source", 0);
  g.event(1, "director", "phase", "prepare");
  beat(g, 14, "source", 4);  // 10 ms lost before
  beat(g, 114, "destination", 8);
  beat(g, 121, "destination", 12);  // 3 ms after
  const auto measured = interruption_of(g.history(), 1000);
  CHECK(measured.blackout_ms == Approx(100));
  CHECK(measured.brownout_ms == Approx(13));
  CHECK(measured.brownout_after_ms == Approx(3));
}

}  // namespace
}  // namespace migfuzz
