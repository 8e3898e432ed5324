// What several faults together leave of the VM: the two rules and their exceptions, spelled out.
//
// A row that changes changes a promise, so a change must show here. Run alone: unit_checkers
// "[combination]".
#include "harness/core/combination.h"

#include <catch2/catch.hpp>

#include "faults/catalog.h"
#include "harness/core/catalogs.h"

namespace migfuzz {
namespace {

FaultSpec fault(const char* kind, Side side, const char* at, std::uint32_t heal_after_ms = 0) {
  return {kind, side, trigger_from(at), heal_after_ms, 0};
}

std::string outcome(std::vector<FaultSpec> faults, const char* protocol = "handshake",
                    std::uint32_t patience_ms = 5000) {
  Plan plan;
  plan.protocol = protocol;
  plan.patience_ms = patience_ms;
  plan.faults = std::move(faults);
  Catalogs catalogs;
  catalogs.faults = all_faults();
  const auto expected = catalogs.expected(plan);
  return expected ? std::string(to_string(expected->expect)) : "none";
}

const auto kSlow = fault("slow", Side::channel, "precopy/begin", 200);
const auto kStall = fault("stall", Side::channel, "stopcopy/enter", 150);
const auto kBlind = fault("mgmt-close", Side::source, "stopcopy/enter", 150);
const auto kStorage = fault("io-hang", Side::destination, "commit/eof", 150);

TEST_CASE("What is survived in flight leaves the VM where one of it would", "[combination]") {
  CHECK(outcome({kSlow, kStall}) == "the destination runs");
  CHECK(outcome({kSlow, kStall, kBlind}, "autostart") == "the destination runs");
  CHECK(outcome({kSlow, kStorage}) == "exactly one host runs");
  CHECK(outcome({fault("hang", Side::source, "precopy/begin", 100), kStall}) ==
        "exactly one host runs");
}

TEST_CASE("The decisive fault decides, whatever was survived before it", "[combination]") {
  CHECK(outcome({kSlow, fault("crash", Side::source, "stopcopy/ram-end")}) ==
        "the VM is lost, as expected");
  CHECK(outcome({kSlow, fault("crash", Side::source, "commit/eof")}) == "the destination runs");
  CHECK(outcome({kSlow, kBlind, fault("crash", Side::destination, "commit/eof")}) ==
        "the source runs on");
  CHECK(outcome({kSlow, fault("crash", Side::destination, "commit/eof")}, "autostart") ==
        "both may run: a hazard of the protocol");
  CHECK(outcome({kStall, fault("reset", Side::channel, "commit/vmdesc-begin")}) ==
        "exactly one host runs");
  CHECK(outcome({fault("hang", Side::destination, "precopy/begin", 100),
                 fault("reset", Side::channel, "stopcopy/enter")}) == "the source runs on");
}

TEST_CASE("Behind a decision only the manager's points are reached, if the destination has the VM",
          "[combination]") {
  const auto after_eof = fault("crash", Side::source, "commit/eof");
  CHECK(outcome({after_eof, fault("arbiter-crash", Side::channel, "activate/before-cont", 100)}) ==
        "the destination runs");
  CHECK(outcome({after_eof, fault("crash", Side::destination, "activate/before-cont")}) ==
        "the VM is lost, as expected");
  CHECK(outcome({fault("reset", Side::channel, "commit/ack-end"),
                 fault("crash", Side::destination, "activate/before-cont")}) ==
        "the source runs on");
  CHECK(outcome({fault("reset", Side::channel, "commit/ack-end"),
                 fault("crash", Side::destination, "activate/resumed")}) ==
        "the VM is lost, as expected");
  CHECK(outcome({after_eof, fault("stall", Side::channel, "commit/vmdesc-begin", 100)}) == "none");
  CHECK(outcome({fault("crash", Side::source, "stopcopy/enter"),
                 fault("crash", Side::destination, "commit/eof")}) == "none");
  CHECK(outcome({fault("crash", Side::destination, "commit/eof"),
                 fault("arbiter-crash", Side::channel, "activate/before-cont", 100)}) == "none");
}

TEST_CASE("Two decisive faults at one point are spoken of only where both agree", "[combination]") {
  const auto both = [](const char* at, const char* one, Side side, const char* other, Side second,
                       const char* protocol = "handshake") {
    return outcome({fault(one, side, at), fault(other, second, at)}, protocol);
  };
  CHECK(both("stopcopy/enter", "crash", Side::source, "crash", Side::destination) ==
        "the VM is lost, as expected");
  CHECK(both("commit/eof", "hang", Side::destination, "crash", Side::source) ==
        "the VM is lost, as expected");
  CHECK(both("stopcopy/enter", "crash", Side::source, "reset", Side::channel) ==
        "the VM is lost, as expected");
  CHECK(both("commit/eof", "crash", Side::source, "reset", Side::channel) == "none");
  CHECK(both("commit/eof", "reset", Side::channel, "crash", Side::destination) ==
        "the source runs on");
  CHECK(both("commit/eof", "reset", Side::channel, "crash", Side::destination, "autostart") ==
        "none");
  CHECK(both("stopcopy/enter", "cancel", Side::source, "crash", Side::destination) ==
        "the source runs on");
}

TEST_CASE("A destination whose storage fails beside a lost source may lose the VM, never run twice",
          "[combination]") {
  CHECK(outcome({kStorage, fault("crash", Side::source, "commit/vmdesc-begin")}) ==
        "at most one host runs");
  CHECK(outcome({fault("crash", Side::source, "commit/eof"),
                 fault("io-error", Side::destination, "activate/before-cont", 100)}) ==
        "at most one host runs");
  CHECK(outcome({kStorage, fault("crash", Side::destination, "commit/vmdesc-begin")}) ==
        "the source runs on");
}

TEST_CASE("Holes that together outlast the patience, and damage, have no expectation",
          "[combination]") {
  CHECK(outcome({kSlow, kStall}, "handshake", 351) == "the destination runs");
  CHECK(outcome({kSlow, kStall}, "handshake", 350) == "none");
  CHECK(outcome({kSlow, fault("corrupt", Side::channel, "stopcopy/enter")}) == "none");
  CHECK(outcome({fault("no-listener", Side::destination, "prepare/ready"), kStall}) == "none");
}

TEST_CASE("Points are compared where their order is the same in every stream", "[combination]") {
  const auto before = [](const char* a, const char* b) {
    return may_precede(trigger_from(a), trigger_from(b));
  };
  const char* order[] = {"prepare/ready",      "prepare/connected",
                         "reserve/first-byte", "reserve/header-end+3",
                         "precopy/begin",      "precopy/page:7",
                         "precopy/page:70",    "stopcopy/enter",
                         "stopcopy/ram-end",   "stopcopy/device:cpu/begin",
                         "stopcopy/device:cpu/middle+4", "stopcopy/device:cpu/end",
                         "stopcopy/eof-begin", "commit/eof",
                         "commit/eof+1",       "commit/ack",
                         "activate/resumed",   "activate/before-discard"};
  for (std::size_t i = 0; i < std::size(order); ++i)
    for (std::size_t j = 0; j < std::size(order); ++j) {
      INFO(order[i] << " and " << order[j]);
      CHECK(before(order[i], order[j]) == (i <= j));
    }
  CHECK(before("stopcopy/device:cpu/begin", "stopcopy/device:acpi/begin"));
  CHECK(before("stopcopy/device:acpi/begin", "stopcopy/device:cpu/begin"));
  CHECK_FALSE(before("stopcopy/device:last/begin", "stopcopy/device:cpu/begin"));
}

}  // namespace
}  // namespace migfuzz
