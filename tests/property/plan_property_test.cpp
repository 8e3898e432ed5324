// Plans under rapidcheck: any plan survives JSON, and no text whatever does worse than UsageError.
//
// Points are drawn from a list of valid ones: their own grammar has its own property test. Run
// alone: property_tests "[plan]".
#include <rapidcheck/catch.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/core/plan.h"

namespace migfuzz {
namespace {

rc::Gen<std::string> arbitrary_name() {
  return rc::gen::map(rc::gen::nonEmpty(rc::gen::container<std::string>(
                          rc::gen::elementOf(std::string("abcXYZ019._:/+-")))),
                      [](std::string name) {
                        // The two shapes that the reader refuses: absolute, and with "..".
                        for (std::size_t i = 0; i < name.size(); ++i) {
                          const bool dots = i > 0 && name[i] == '.' && name[i - 1] == '.';
                          if (dots || (i == 0 && name[i] == '/')) name[i] = '-';
                        }
                        return name.substr(0, 128);
                      });
}

rc::Gen<FaultSpec> arbitrary_fault() {
  return rc::gen::exec([] {
    FaultSpec fault;
    fault.kind = *arbitrary_name();
    fault.side = *rc::gen::element(Side::source, Side::destination, Side::channel);
    fault.trigger = trigger_from(*rc::gen::element<std::string>(
        "stopcopy/enter", "precopy/pass:3", "commit/eof+3", "stopcopy/device:virtio-blk/middle"));
    fault.trigger.nth = *rc::gen::inRange<std::uint32_t>(1, 9);
    fault.heal_after_ms = *rc::gen::inRange<std::uint32_t>(0, 86'400'000);
    fault.parameter = *rc::gen::arbitrary<std::uint64_t>();
    return fault;
  });
}

rc::Gen<Plan> arbitrary_plan() {
  return rc::gen::exec([] {
    Plan plan;
    plan.scenario = *arbitrary_name();
    plan.hypervisor = *arbitrary_name();
    plan.seed = *rc::gen::arbitrary<std::uint64_t>();
    plan.protocol = *arbitrary_name();
    plan.accel = *rc::gen::element<std::string>("auto", "kvm", "tcg");
    plan.machine = *arbitrary_name();
    plan.transport = *rc::gen::element(Transport::tcp, Transport::unix_tight);
    plan.guest.name = *arbitrary_name();
    plan.guest.memory_bytes = 4096 * *rc::gen::inRange<std::uint64_t>(0, 1 << 20);
    plan.guest.seed = *rc::gen::arbitrary<std::uint64_t>();
    plan.guest.dirty_pages_per_s = *rc::gen::arbitrary<std::uint32_t>();
    plan.guest.disk_writes_per_s = *rc::gen::arbitrary<std::uint32_t>();
    plan.source.binary = *rc::gen::container<std::string>(rc::gen::inRange<char>(' ', '~'));
    plan.bandwidth_bytes_per_s = *rc::gen::inRange<std::uint64_t>(0, INT64_MAX);
    plan.downtime_limit_ms = *rc::gen::inRange<std::uint32_t>(0, 2'000'001);
    plan.patience_ms = *rc::gen::inRange<std::uint32_t>(1, 86'400'000);
    plan.least_passes = *rc::gen::arbitrary<std::uint32_t>();
    plan.faults = *rc::gen::container<std::vector<FaultSpec>>(arbitrary_fault());
    plan.faults.resize(std::min<std::size_t>(plan.faults.size(), 64));
    plan.plant = *rc::gen::element<std::string>("", "double-resume");
    return plan;
  });
}

/// True: it was a plan. Anything but UsageError escapes and fails the property.
bool reads(const std::string& text) {
  try {
    plan_from_text(text, "plan.json");
    return true;
  } catch (const UsageError& error) {
    const std::string message = error.what();
    RC_ASSERT(message.find('\n') == message.npos);
    RC_ASSERT(message.find("plan.json") == 0U);
    return false;
  }
}

TEST_CASE("Any plan is read back equal from its JSON and keeps its name", "[plan][property]") {
  rc::prop("from_json(to_json(plan)) == plan", [] {
    const Plan plan = *arbitrary_plan();
    const Plan again = plan_from_text(to_json(plan).dump(), "plan.json");
    RC_ASSERT(again == plan);
    RC_ASSERT(case_id(again) == case_id(plan));
    RC_ASSERT(case_id(plan).size() < 200U);
  });
}

TEST_CASE("A truncated plan is always refused", "[plan][property]") {
  rc::prop("no proper prefix is a plan", [] {
    const std::string text = to_json(*arbitrary_plan()).dump();
    RC_ASSERT(!reads(text.substr(0, *rc::gen::inRange<std::size_t>(0, text.size()))));
  });
}

TEST_CASE("A mutated plan is read or refused, never worse", "[plan][property]") {
  rc::prop("bytes replaced, removed and doubled", [] {
    std::string text = to_json(*arbitrary_plan()).dump();
    const int changes = *rc::gen::inRange(1, 8);
    for (int i = 0; i < changes && !text.empty(); ++i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
      const auto what = *rc::gen::inRange(0, 4);
      if (what == 0) text[at] = *rc::gen::arbitrary<char>();
      if (what == 1) text.erase(at, 1);
      if (what == 2) text.insert(at, text.substr(at / 2, 64));
      if (what == 3) text.insert(at, 1, *rc::gen::elementOf(std::string("{}[]\",:0-e\\\xff")));
    }
    reads(text);
  });
}

TEST_CASE("Any bytes are read or refused, never worse", "[plan][property]") {
  rc::prop("arbitrary text", [](const std::string& text) { RC_ASSERT(!reads(text)); });
}

TEST_CASE("A plan with one value replaced is read or refused, never worse", "[plan][property]") {
  rc::prop("each key, values of other types", [] {
    nlohmann::json json = to_json(*arbitrary_plan());
    std::vector<std::string> keys;
    for (const auto& [key, value] : json.items()) keys.push_back(key);
    const nlohmann::json values[] = {nullptr,
                                     true,
                                     -1,
                                     1.5,
                                     "text",
                                     nlohmann::json::array(),
                                     nlohmann::json::object(),
                                     18446744073709551615ULL};
    json[*rc::gen::elementOf(keys)] = values[*rc::gen::inRange<std::size_t>(0, std::size(values))];
    reads(json.dump());
  });
}

}  // namespace
}  // namespace migfuzz
