// The expected-outcome table: its important rows spelled out, and a rule for every cell.
//
// A row that changes changes a promise, so a change must show here. Run alone: unit_checkers
// "[outcome]".
#include "harness/core/outcome.h"

#include <array>
#include <catch2/catch.hpp>
#include <set>

#include "faults/catalog.h"
#include "harness/core/catalogs.h"
#include "harness/core/mode.h"
#include "harness/protocols/catalog.h"
#include "scenarios/catalog.h"
#include "scenarios/cells.h"

namespace migfuzz {
namespace {

std::string rule(const char* kind, Side side, const char* point, const char* protocol = "handshake",
                 std::uint32_t heal_after_ms = 0) {
  Plan plan;
  plan.protocol = protocol;
  plan.faults = {{kind, side, trigger_from(point), heal_after_ms, 0}};
  Catalogs catalogs;
  catalogs.faults = all_faults();
  const auto expected = catalogs.expected(plan);
  return expected ? std::string(expected->rule) + ": " + std::string(to_string(expected->expect))
                  : "none";
}

TEST_CASE("Every cell that the scenario draws has a rule with a reason", "[outcome]") {
  Catalogs catalogs;
  catalogs.faults = all_faults();
  catalogs.protocols = all_protocols();
  ScenarioRequest request;
  request.phases.assign(all_phases().begin(), all_phases().end());
  for (const auto& mode : all_modes())
    for (const auto& protocol : catalogs.protocols) {
      request.base.protocol = protocol->name();
      request.base.mode = mode;
      for (const auto& one : make_cells().draw(request, catalogs).cases) {
        INFO(to_string(*one.cell));
        const auto expected = catalogs.expected(one.plan);
        REQUIRE(expected);
        CHECK_FALSE(expected->reason.empty());
      }
    }
}

TEST_CASE("Every kind, side, point and protocol has a rule, healed or not", "[outcome]") {
  for (const auto& kind : all_faults())
    for (const auto side : kind.sides)
      for (const auto* point :
           {"reserve/first-byte", "precopy/pass:2", "stopcopy/enter", "stopcopy/eof-begin",
            "commit/eof", "commit/ack-end", "prepare/ready", "activate/before-cont",
            "activate/resumed", "postcopy/package-begin", "postcopy/request:1", "recover/paused"})
        for (const auto* protocol : {"handshake", "autostart"})
          for (const std::uint32_t heal : {0u, 100u}) {
            // What is never healed cannot be asked for with a heal.
            if (heal > 0 && kind.heal_after_ms == 0 && kind.name != "hang") continue;
            if (heal == 0 && kind.must_heal) continue;
            INFO(kind.name << " " << point << " " << protocol << " heal " << heal);
            CHECK(rule(std::string(kind.name).c_str(), side, point, protocol, heal) != "none");
          }
}

TEST_CASE("The source is needed until the end mark and not after it", "[outcome]") {
  for (const auto* kind : {"crash", "host-crash", "hang"}) {
    CHECK(rule(kind, Side::source, "precopy/begin") ==
          "source-lost-before-eof: the VM is lost, as expected");
    CHECK(rule(kind, Side::source, "stopcopy/eof-begin") ==
          "source-lost-before-eof: the VM is lost, as expected");
    CHECK(rule(kind, Side::source, "commit/eof") == "source-lost-after-eof: the destination runs");
  }
}

TEST_CASE("A destination that is lost leaves the source running under handshake", "[outcome]") {
  for (const auto* kind : {"crash", "host-crash", "hang"}) {
    CHECK(rule(kind, Side::destination, "stopcopy/enter") ==
          "destination-lost-before-eof: the source runs on");
    CHECK(rule(kind, Side::destination, "commit/eof") ==
          "destination-lost-after-eof: the source runs on");
    CHECK(rule(kind, Side::destination, "commit/eof", "autostart") ==
          "destination-lost-after-eof-autostart: both may run: a hazard of the protocol");
  }
}

TEST_CASE("A lost acknowledgement leaves one under handshake and is a hazard under autostart",
          "[outcome]") {
  for (const auto* kind : {"reset", "close", "truncate"}) {
    CHECK(rule(kind, Side::channel, "stopcopy/ram-end") ==
          "channel-lost-before-eof: the source runs on");
    CHECK(rule(kind, Side::channel, "commit/eof") == "acknowledgement-lost: exactly one host runs");
    CHECK(rule(kind, Side::channel, "commit/eof", "autostart") ==
          "acknowledgement-lost-autostart: both may run: a hazard of the protocol");
  }
}

TEST_CASE("A side channel that is lost at a place of the main one may have done its part",
          "[outcome]") {
  Catalogs catalogs;
  catalogs.faults = all_faults();
  const auto lost = [&](const char* point, const char* channel) {
    Plan plan;
    plan.mode = "multifd";
    plan.faults = {{"reset", Side::channel, trigger_from(point), 0, 0}};
    plan.faults[0].channel = channel;
    return std::string(catalogs.expected(plan)->rule);
  };
  CHECK(lost("stopcopy/enter", "multifd:0") == "side-channel-lost-in-stopcopy");
  // At a place of its own it has something to carry still; the main channel has its end mark.
  CHECK(lost("stopcopy/packet:1", "multifd:0") == "channel-lost-before-eof");
  CHECK(lost("stopcopy/enter", "") == "channel-lost-before-eof");
  CHECK(lost("precopy/packet:1", "multifd:1") == "channel-lost-before-eof");
  CHECK(lost("precopy/begin", "multifd:1") == "side-channel-lost-in-precopy");
}

TEST_CASE("A multifd source that is lost at the end of its main channel may take pages along",
          "[outcome]") {
  Catalogs catalogs;
  catalogs.faults = all_faults();
  const auto rule = [&](const char* point, const char* mode, Side side) {
    Plan plan;
    plan.mode = mode;
    plan.faults = {{"crash", side, trigger_from(point), 0, 0}};
    return std::string(catalogs.expected(plan)->rule);
  };
  CHECK(rule("commit/vmdesc-end", "multifd", Side::source) == "source-lost-with-side-channels");
  CHECK(rule("commit/vmdesc-end", "precopy", Side::source) == "source-lost-after-eof");
  CHECK(rule("stopcopy/enter", "multifd", Side::source) != "source-lost-with-side-channels");
  CHECK(rule("commit/ack-end", "multifd", Side::source) != "source-lost-with-side-channels");
}

TEST_CASE("A hole that is healed costs nothing, damage is always seen", "[outcome]") {
  for (const auto* kind : {"stall", "port-disabled", "link-down"})
    CHECK(rule(kind, Side::source, "commit/eof", "autostart", 120) ==
          "healed-hole: the destination runs");
  CHECK(rule("hang", Side::source, "stopcopy/enter", "handshake", 50) ==
        "healed-hang: exactly one host runs");
  CHECK(rule("corrupt", Side::channel, "stopcopy/enter") == "damage-is-seen: the damage is seen");
}

TEST_CASE("A stranger harms nothing, unless it comes first and nobody asks who it is",
          "[outcome]") {
  CHECK(rule("stranger", Side::destination, "prepare/ready") ==
        "stranger-taken-for-the-source: the source runs on");
  CHECK(rule("stranger", Side::destination, "precopy/begin") ==
        "stranger-harmless: the destination runs");
  Plan plan;
  plan.mode = "tls-psk";
  plan.faults = {{"stranger", Side::destination, trigger_from("prepare/ready"), 0, 0}};
  CHECK(expected_outcome(plan, std::array{Effect::intrudes})->rule == "stranger-harmless");
}

TEST_CASE("A fault of the VM's own network is none of its migration", "[outcome]") {
  for (const auto* point : {"prepare/ready", "stopcopy/enter", "commit/ack", "activate/resumed"})
    for (const auto side : {Side::source, Side::destination})
      CHECK(rule("vm-link-down", side, point, "handshake", 400) ==
            "clients-elsewhere: the destination runs");
}

TEST_CASE("Without a fault the destination runs", "[outcome]") {
  CHECK(expected_outcome(Plan(), {})->expect == Expect::destination);
}

TEST_CASE("Rules have names of their own, and each decides some plan", "[outcome]") {
  std::set<std::string_view> names, deciding;
  for (const auto& row : outcome_table()) {
    CHECK(names.insert(row.rule).second);
    CHECK_FALSE(row.reason.empty());
    for (const auto side : {Side::source, Side::destination, Side::channel})
      for (const auto* point :
           {"precopy/begin", "stopcopy/enter", "commit/eof", "commit/ack-end",
            "activate/before-cont", "activate/resumed", "postcopy/run", "postcopy/answer:1",
            "commit/file-complete"})
        for (const auto* mode : {"precopy", "postcopy", "multifd"})
          for (const auto* protocol : {"handshake", "autostart"})
            for (const std::uint32_t heal : {0u, 100u}) {
              Plan plan;
              plan.protocol = protocol;
              plan.mode = mode;
              plan.faults = {{"any", side, trigger_from(point), heal, 0}};
              if (plan.mode == "multifd") plan.faults[0].channel = "multifd:0";
              // A row for what is left after a heal is reached by the effect before it.
              const auto effect =
                  row.effect == Effect::pauses_host ? Effect::loses_host : row.effect;
              if (const auto found = expected_outcome(plan, std::array{effect}))
                deciding.insert(found->rule);
            }
  }
  CHECK(deciding == names);
}

TEST_CASE("Once the destination was told to run, the source is the past", "[outcome]") {
  for (const auto* kind : {"crash", "host-crash", "hang"}) {
    CHECK(rule(kind, Side::destination, "activate/before-cont") ==
          "destination-lost-after-eof: the source runs on");
    CHECK(rule(kind, Side::destination, "activate/cont-journalled") ==
          "destination-lost-after-it-ran: the VM is lost, as expected");
    CHECK(rule(kind, Side::destination, "commit/ack-end", "autostart") ==
          "destination-lost-after-it-ran: the VM is lost, as expected");
    CHECK(rule(kind, Side::source, "activate/before-cont") ==
          "source-lost-after-eof: the destination runs");
  }
}

TEST_CASE("Until the mirror has ended the source keeps the VM and its disk", "[outcome]") {
  for (const auto* point : {"storage/job-start", "storage/pre-switchover", "storage/job-gone"})
    CHECK(rule("crash", Side::destination, point) ==
          "destination-lost-before-eof: the source runs on");
  CHECK(rule("nbd-stop", Side::destination, "storage/pre-switchover") ==
        "mirror-failed: the source runs on");
  CHECK(rule("nbd-stop", Side::destination, "storage/job-gone") ==
        "mirror-not-needed: the destination runs");
  CHECK(rule("crash", Side::source, "storage/job-gone") ==
        "source-lost-before-eof: the VM is lost, as expected");
  CHECK(rule("crash", Side::source, "storage/switched") ==
        "source-lost-after-eof: the destination runs");
}

TEST_CASE("The source has the image until the VM is handed over, whatever becomes of the file",
          "[outcome]") {
  CHECK(rule("file-full", Side::channel, "precopy/saving") == "file-failed: the source runs on");
  CHECK(rule("file-short", Side::channel, "commit/file-complete") ==
        "file-failed: the source runs on");
  CHECK(rule("crash", Side::source, "stopcopy/paused") ==
        "source-lost-before-eof: the VM is lost, as expected");
  for (const auto* protocol : {"handshake", "autostart"}) {
    CHECK(rule("crash", Side::source, "commit/file-complete", protocol) ==
          "source-lost-after-saving: the destination runs");
    CHECK(rule("crash", Side::destination, "commit/file-complete", protocol) ==
          "destination-lost-before-hand-over: the source runs on");
  }
  CHECK(rule("crash", Side::destination, "commit/file-loaded") ==
        "destination-lost-before-hand-over: the source runs on");
  CHECK(rule("corrupt-file", Side::channel, "commit/file-complete") ==
        "damage-is-seen: the damage is seen");
}

TEST_CASE("Nobody runs a snapshot, whatever happens", "[outcome]") {
  Plan plan;
  plan.mode = "background-snapshot";
  CHECK(expected_outcome(plan, {})->expect == Expect::source);
  for (const auto* point : {"precopy/begin", "stopcopy/device:cpu/middle", "commit/eof"})
    for (const auto side : {Side::source, Side::destination})
      for (const auto effect : {Effect::loses_host, Effect::cuts_channel, Effect::damages_frame}) {
        plan.faults = {{"any", side, trigger_from(point), 0, 0}};
        const bool lost = effect == Effect::loses_host && side == Side::source;
        CHECK(expected_outcome(plan, std::array{effect})->expect ==
              (lost ? Expect::loss : Expect::source));
      }
}

TEST_CASE("A byte behind the end mark's own byte is behind the end mark", "[outcome]") {
  CHECK(rule("crash", Side::source, "stopcopy/eof-begin+1") ==
        "source-lost-after-eof: the destination runs");
}

}  // namespace
}  // namespace migfuzz
