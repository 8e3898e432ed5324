// Simpler plans under rapidcheck: every proposal can be run, is smaller, and the walk ends.
//
// A shrink is a walk over proposals; that each step is smaller by a measure bounded from below is
// what makes it end, whatever the runs say. Run alone: property_search "[simpler]".
#include <rapidcheck/catch.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "harness/core/search.h"
#include "tests/fakes/scripted_case.h"

namespace migfuzz {
namespace {

FaultSpec arbitrary_fault(const std::vector<FaultKind>& kinds) {
  const auto& kind = kinds[*rc::gen::inRange<std::size_t>(0, kinds.size())];
  FaultSpec fault;
  fault.kind = kind.name;
  fault.side = *rc::gen::elementOf(kind.sides);
  fault.trigger = trigger_from(*rc::gen::element<std::string>(
      "precopy/page:77", "precopy/pass:3", "stopcopy/enter", "stopcopy/device:cpu/middle",
      "stopcopy/device:virtio-blk/begin", "commit/eof", "commit/vmdesc-middle", "commit/ack"));
  if (kind.before_start) fault.trigger = trigger_from("prepare/ready");
  if (kind.acts_on_page) fault.trigger = trigger_from("stopcopy/enter");
  if (!kind.excluded(fault.trigger, fault.side).empty())
    fault.trigger = trigger_from("stopcopy/enter");
  if (!kind.before_start && !kind.acts_on_page && *rc::gen::arbitrary<bool>()) {
    fault.trigger.point.plus_bytes = *rc::gen::inRange<std::uint64_t>(0, 1000);
    fault.trigger.nth = *rc::gen::inRange<std::uint32_t>(1, 5);
  }
  fault.heal_after_ms = kind.heal_after_ms;
  fault.parameter = *rc::gen::inRange<std::uint64_t>(0, 3);
  return fault;
}

Plan arbitrary_plan(const std::vector<FaultKind>& kinds) {
  auto plan = fakes::scripted_plan();
  plan.protocol = *rc::gen::element<std::string>("handshake", "autostart");
  plan.transport = *rc::gen::element(Transport::tcp, Transport::unix_tight);
  plan.disk = *rc::gen::element<std::string>("none", "raw", "qcow2", "nbd");
  plan.guest.dirty_pages_per_s = *rc::gen::inRange<std::uint32_t>(0, 30000);
  plan.guest.memory_bytes = *rc::gen::element<std::uint64_t>(16 << 20, 64 << 20);
  plan.bandwidth_bytes_per_s = *rc::gen::inRange<std::uint64_t>(0, 1 << 30);
  plan.downtime_limit_ms = *rc::gen::inRange<std::uint32_t>(1, 1000);
  plan.least_passes = *rc::gen::inRange<std::uint32_t>(1, 5);
  plan.patience_ms = *rc::gen::inRange<std::uint32_t>(300, 6000);
  plan.source.binary = *rc::gen::element<std::string>("", "/new");
  const auto faults = *rc::gen::inRange(0, 5);
  for (int i = 0; i < faults; ++i) plan.faults.push_back(arbitrary_fault(kinds));
  return plan;
}

TEST_CASE("Every proposal is a plan, simpler than its own, and proposed once",
          "[simpler][property]") {
  const auto catalogs = fakes::scripted_catalogs();
  rc::prop("smaller, readable, each once", [&] {
    const auto plan = arbitrary_plan(catalogs.faults);
    const auto proposals = simpler(plan);
    for (std::size_t i = 0; i < proposals.size(); ++i) {
      RC_LOG() << to_json(proposals[i]).dump() << "\n";
      RC_ASSERT(complexity_of(proposals[i]) < complexity_of(plan));
      RC_ASSERT(plan_from_json(to_json(proposals[i])) == proposals[i]);
      for (std::size_t j = 0; j < i; ++j) RC_ASSERT(proposals[i] != proposals[j]);
      // What a shrink must not touch, or it would be another case.
      RC_ASSERT(proposals[i].protocol == plan.protocol);
      RC_ASSERT(proposals[i].guest.seed == plan.guest.seed);
      RC_ASSERT(proposals[i].accel == plan.accel);
    }
  });
}

TEST_CASE("With the catalogs every proposal can be run, and no hole outlasts the patience",
          "[simpler][property]") {
  const auto catalogs = fakes::scripted_catalogs();
  rc::prop("checked", [&] {
    const auto plan = arbitrary_plan(catalogs.faults);
    for (const auto& one : simpler(plan, catalogs)) {
      RC_LOG() << to_json(one).dump() << "\n";
      RC_ASSERT(accepted(one, catalogs));
      RC_ASSERT(complexity_of(one) < complexity_of(plan));
      for (const auto& fault : one.faults) {
        const auto& kind = catalogs.find_fault(fault.kind);
        RC_ASSERT(one.patience_ms >= std::min(plan.patience_ms, kind.patience_ms));
      }
    }
  });
}

TEST_CASE("Whichever proposals are taken the walk ends at a plan without faults",
          "[simpler][property]") {
  const auto catalogs = fakes::scripted_catalogs();
  rc::prop("an end", [&] {
    auto plan = arbitrary_plan(catalogs.faults);
    std::size_t steps = 0;
    for (auto next = simpler(plan); !next.empty(); next = simpler(plan)) {
      const auto before = complexity_of(plan);
      plan = next[*rc::gen::inRange<std::size_t>(0, next.size())];
      RC_ASSERT(complexity_of(plan) < before);
      ++steps;
    }
    RC_ASSERT(plan.faults.empty());
    RC_ASSERT(complexity_of(plan).oddities == 0U);
    RC_ASSERT(steps < 20000U);
  });
}

TEST_CASE("A walk that keeps two faults and a parameter keeps nothing else", "[simpler]") {
  const auto catalogs = fakes::scripted_catalogs();
  auto plan = fakes::scripted_plan();
  plan.transport = Transport::unix_tight;
  plan.guest.dirty_pages_per_s = 12345;
  plan.guest.memory_bytes = 64 << 20;
  plan.bandwidth_bytes_per_s = 1 << 20;
  plan.faults = {
      {"stall", Side::channel, trigger_from("precopy/page:77"), 150, 0},
      {"slow", Side::channel, trigger_from("stopcopy/device:cpu/middle+40#2"), 200, 7777},
      {"delay", Side::channel, trigger_from("stopcopy/ram-end+3"), 200, 0},
      {"crash", Side::destination, trigger_from("commit/vmdesc-middle"), 0, 0}};
  const auto still_fails = [](const Plan& one) {
    const auto has = [&](const char* kind, std::uint64_t parameter) {
      return std::any_of(one.faults.begin(), one.faults.end(), [&](const auto& fault) {
        return fault.kind == kind && fault.parameter == parameter;
      });
    };
    return has("slow", 7777) && has("crash", 0);
  };
  for (bool moved = true; moved;) {
    moved = false;
    for (const auto& next : simpler(plan))
      if (still_fails(next)) {
        plan = next;
        moved = true;
        break;
      }
  }
  REQUIRE(plan.faults.size() == 2);
  CHECK(plan.faults[0] ==
        FaultSpec{"slow", Side::channel, trigger_from("stopcopy/enter"), 0, 7777});
  CHECK(plan.faults[1] == FaultSpec{"crash", Side::destination, trigger_from("commit/eof"), 0, 0});
  CHECK(plan.transport == Transport::tcp);
  CHECK(plan.guest.dirty_pages_per_s == GuestShape().dirty_pages_per_s);
  CHECK(plan.guest.memory_bytes == 16 << 20);
  CHECK(plan.bandwidth_bytes_per_s == 0);
}

}  // namespace
}  // namespace migfuzz
