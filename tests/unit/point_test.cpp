// The grammar of points, the catalog of their kinds, and the words for sides, phases and
// transports.
#include "harness/core/point.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "harness/core/error.h"

using namespace migfuzz;

namespace {

/// An example of a kind: its placeholder filled in.
std::string example_of(const PointKind& kind) {
  std::string text = std::string(to_string(kind.phase)) + "/" + std::string(kind.pattern);
  if (const auto at = text.find(":NAME"); at != std::string::npos)
    text.replace(at, 5, ":virtio-blk");
  else if (const auto number = text.find(":N"); number != std::string::npos)
    text.replace(number, 2, ":12");
  return text;
}

}  // namespace

TEST_CASE("every kind of point can be written, and reads back as itself", "[point]") {
  std::set<std::string> seen;
  for (const PointKind& kind : all_point_kinds()) {
    const std::string text = example_of(kind);
    CHECK(seen.insert(text).second);
    CHECK_FALSE(kind.summary.empty());
    const Point point = point_from(text);
    CHECK(point.phase == kind.phase);
    CHECK(point.plus_bytes == 0);
    CHECK(to_string(point) == text);
    const bool ends = text.find("/device:") != text.npos && text.ends_with("/end");
    if (in_stream(point) && !ends)
      CHECK(to_string(trigger_from(text + "+17#3")) == text + "+17#3");
    else
      CHECK_THROWS_AS(trigger_from(text + "+17"), UsageError);
  }
}

TEST_CASE("a trigger is a point, bytes after it, and which occurrence", "[point]") {
  const Trigger trigger = trigger_from("stopcopy/device:cpu/middle+3#2");
  CHECK(trigger.point.phase == Phase::stopcopy);
  CHECK(trigger.point.name == "device:cpu/middle");
  CHECK(trigger.point.plus_bytes == 3);
  CHECK(trigger.nth == 2);
  CHECK(trigger_from("commit/eof").nth == 1);
  CHECK(to_string(trigger_from("commit/eof#1")) == "commit/eof");
}

TEST_CASE("what is not a point is refused", "[point]") {
  for (const char* text : {"",
                           "/",
                           "stopcopy",
                           "stopcopy/",
                           "enter",
                           "stopcopy/enter/",
                           "Stopcopy/enter",
                           " stopcopy/enter",
                           "stopcopy/enter+",
                           "stopcopy/enter+x",
                           "stopcopy/enter+-1",
                           "stopcopy/enter+1+1",
                           "stopcopy/enter+99999999999999999999",
                           "precopy/pass:",
                           "precopy/pass:0",
                           "precopy/pass:01",
                           "precopy/pass:N",
                           "precopy/pass:1x",
                           "precopy/pass:-1",
                           "stopcopy/pass:1",
                           "stopcopy/device:/begin",
                           "stopcopy/device:a/b/begin",
                           "stopcopy/device:cpu",
                           "stopcopy/device:c u/begin",
                           "stopcopy/device:cpu/mid",
                           "prepare/first-byte",
                           "prepare/ready+1",
                           "activate/resumed+1",
                           "stopcopy/enter#1",
                           "storage/begin"})
    CHECK_THROWS_AS(point_from(text), UsageError);
  for (const char* text :
       {"stopcopy/enter#", "stopcopy/enter#0", "stopcopy/enter#x", "stopcopy/enter#4294967296",
        "stopcopy/enter#1#2", "#1", "stopcopy/enter#2+1", "activate/resumed#2"})
    CHECK_THROWS_AS(trigger_from(text), UsageError);
}

TEST_CASE("the refusal names the nearest points", "[point]") {
  CHECK_THROWS_WITH(point_from("stopcopy/entr"),
                    "--point: `stopcopy/entr` is not a point; nearest: stopcopy/enter; see "
                    "`migfuzz list points`");
  CHECK_THROWS_WITH(point_from("stopcopy/device:virtio-blk/beginn"),
                    Catch::Contains("nearest: stopcopy/device:virtio-blk/begin;"));
  CHECK_THROWS_WITH(point_from("precopy/pas:3"), Catch::Contains("nearest: precopy/pass:3"));
  CHECK_THROWS_WITH(trigger_from("commit/eo+3#2"), Catch::Contains("nearest: commit/eof"));
  CHECK_THROWS_WITH(point_from("nonsense"),
                    "--point: `nonsense` is not a point; see `migfuzz list points`");
  CHECK_NOTHROW([] {
    try {
      point_from(std::string(100000, 'a'));
    } catch (const UsageError& error) {
      if (std::string(error.what()).size() > 400) throw std::logic_error("long");
    }
  }());
}

TEST_CASE("sides, phases and transports have one spelling each", "[types]") {
  for (const Phase phase : all_phases()) {
    CHECK(phase_from(to_string(phase)) == phase);
    CHECK_FALSE(describe(phase).empty());
  }
  CHECK(all_phases().size() == 9);
  CHECK(std::is_sorted(all_phases().begin(), all_phases().end()));
  for (const Side side : {Side::source, Side::destination, Side::channel})
    CHECK(side_from(to_string(side)) == side);
  for (const Transport transport : {Transport::tcp, Transport::unix_tight})
    CHECK(transport_from(to_string(transport)) == transport);
  CHECK(to_string(Transport::unix_tight) == "unix-tight");
  CHECK_FALSE(phase_from("").has_value());
  CHECK_FALSE(side_from("Source").has_value());
  CHECK_FALSE(transport_from("unix").has_value());
}

TEST_CASE("the nearest words come best first, at most three, and only likely ones", "[types]") {
  const std::vector<std::string> known = {"crash", "hang", "reset", "close", "stall", "slow"};
  CHECK(nearest("crsh", known) == std::vector<std::string>{"crash"});
  CHECK(nearest("stal", known).front() == "stall");
  CHECK(nearest("re", known) == std::vector<std::string>{"reset"});
  CHECK(nearest("x", known).empty());
  CHECK(nearest("", known).empty());
  CHECK(nearest("link-down", known).empty());
  CHECK(nearest("a", {"aa", "ab", "ac", "ad"}).size() == 3);
  CHECK(nearest("crash", {"crash", "crash"}) == std::vector<std::string>{"crash"});
}
