// Pacing: what may pass when, on a clock of the test's own.
//
// Whatever the stage, every byte may pass in the end once the stage is taken away. Run alone:
// unit_core "[pacing]".
#include "harness/core/pacing.h"

#include <catch2/catch.hpp>

namespace migfuzz {
namespace {

struct Paced {
  Clock::time_point now{};
  Pacing pacing;
  std::uint64_t done = 0, here = 0;
  void wait(int ms) { now += Milliseconds(ms); }
  void arrive(std::uint64_t bytes) { pacing.arrived(here += bytes, now); }
  void set(const Stage& stage) { pacing.set(stage, done, here, now); }
  // Everything passes that may.
  std::uint64_t pass() {
    const auto before = done;
    done = std::max(done, std::min(here, pacing.limit(now)));
    pacing.passed(done, now);
    return done - before;
  }
};

TEST_CASE("Without a stage everything passes at once", "[pacing]") {
  Paced p;
  p.arrive(1000);
  CHECK(p.pass() == 1000);
  CHECK_FALSE(p.pacing.next(p.now));
}

TEST_CASE("A standing direction passes nothing, and everything when it is taken away", "[pacing]") {
  Paced p;
  p.arrive(10);
  p.pass();
  p.set({.stands = true});
  p.arrive(90);
  p.wait(1000);
  CHECK(p.pass() == 0);
  CHECK(p.pacing.stands());
  CHECK(p.pacing.pace(p.now).waiting_bytes == 90);
  CHECK_FALSE(p.pacing.next(p.now));
  p.set({});
  CHECK(p.pass() == 90);
}

TEST_CASE("A slow direction passes at most its rate, however long nothing came", "[pacing]") {
  Paced p;
  p.set({.bytes_per_s_max = 10000});
  p.wait(5000);  // no credit is saved up beyond one burst
  p.arrive(100000);
  std::uint64_t passed = p.pass();
  CHECK(passed <= 100);
  for (int i = 0; i < 100; ++i) {
    p.wait(10);
    passed += p.pass();
  }
  CHECK(passed >= 9900);
  CHECK(passed <= 10200);
  CHECK(p.pacing.next(p.now).has_value());
}

TEST_CASE("A delayed byte passes when its time is over and not before, in order", "[pacing]") {
  Paced p;
  p.arrive(5);  // waits already when the stage is set: its time begins then
  p.wait(100);
  p.set({.delay_ms = 20});
  p.wait(10);
  p.arrive(7);
  CHECK(p.pass() == 0);
  p.wait(9);
  CHECK(p.pass() == 0);
  CHECK(p.pacing.next(p.now) == p.now + Milliseconds(1));
  p.wait(1);
  CHECK(p.pass() == 5);
  p.wait(9);
  CHECK(p.pass() == 0);
  p.wait(1);
  CHECK(p.pass() == 7);
  CHECK(p.pacing.pace(p.now).shortest_wait_ms == Approx(20));
}

TEST_CASE("A withheld acknowledgement lets everything before it pass", "[pacing]") {
  Paced p;
  p.set({.stands_at_acknowledgement = true});
  p.arrive(8);
  CHECK(p.pass() == 8);
  CHECK_FALSE(p.pacing.stands());
  p.pacing.acknowledgement(8);
  p.arrive(8);
  CHECK(p.pass() == 0);
  CHECK(p.pacing.stands());
  p.set({});
  CHECK(p.pass() == 8);
}

}  // namespace
}  // namespace migfuzz
