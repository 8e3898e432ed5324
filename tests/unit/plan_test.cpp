// Plans and JSON: what is written is read back, and what is wrong is named in one line.
//
// Plan files travel in bug reports, so most of this file feeds plan_from_text() texts that a
// careless or hostile person might send. Run alone: unit_tests "[plan]".
#include "harness/core/plan.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;

Plan crash_plan() {
  Plan plan;
  plan.seed = 0xffff'ffff'ffff'ffff;
  plan.source.binary = "/opt/qemu 10/qemu-system-x86_64";
  plan.faults.push_back({"crash", Side::source, trigger_from("stopcopy/enter"), 250, 7});
  return plan;
}

std::string refusal(const std::string& text) {
  try {
    plan_from_text(text, "some/plan.json");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

std::string refusal_of(const nlohmann::json& json) { return refusal(json.dump()); }

/// The plan's JSON with one value replaced; `pointer` in JSON Pointer syntax.
nlohmann::json with(const char* pointer, nlohmann::json value) {
  nlohmann::json json = to_json(crash_plan());
  json[nlohmann::json::json_pointer(pointer)] = std::move(value);
  return json;
}

TEST_CASE("A plan written as JSON is read back equal", "[plan]") {
  const Plan plan = crash_plan();
  CHECK(plan_from_json(to_json(plan)) == plan);
  CHECK(plan_from_text(to_json(plan).dump(2), "plan.json") == plan);
  CHECK(plan_from_json(to_json(Plan{})) == Plan{});
}

TEST_CASE("A manager's policies are read back, and left out where there are none", "[plan]") {
  Plan plan = crash_plan();
  for (const auto* key : {"policy", "evacuation", "migration_networks", "promised_by"})
    CHECK_FALSE(to_json(plan).contains(key));
  plan.policy = {true, true, true, true, 250};
  plan.evacuation = {6, 2};
  plan.migration_networks = 2;
  plan.promised_by = "hyperv-cluster";
  CHECK(plan_from_json(to_json(plan)) == plan);
  auto json = to_json(plan);
  json["evacuation"]["vms"] = 65;
  CHECK_THROWS_AS(plan_from_json(json), UsageError);
  json = to_json(plan);
  json["migration_networks"] = 3;
  CHECK_THROWS_AS(plan_from_json(json), UsageError);
  json = to_json(plan);
  json["policy"].erase("notice");
  CHECK_THROWS_AS(plan_from_json(json), UsageError);
}

TEST_CASE("A missing, unknown or misspelt key is named with its origin", "[plan]") {
  nlohmann::json json = to_json(crash_plan());
  json.erase("protocol");
  CHECK(refusal_of(json) == "some/plan.json: key \"protocol\" is missing: add it");
  CHECK_THAT(refusal_of(with("/patience", 3)),
             Contains("some/plan.json: key \"patience\" is unknown"));
  CHECK_THAT(refusal_of(with("/faults/0/heal", 3)), Contains("key \"faults[0].heal\" is unknown"));
  CHECK_THAT(refusal_of(with("/disk", "floppy")), Contains("\"disk\""));
  CHECK_THAT(refusal_of(with("/guest/colour", "red")), Contains("key \"guest.colour\" is unknown"));
}

TEST_CASE("A value of the wrong type or out of range is refused with the range", "[plan]") {
  CHECK_THAT(refusal_of(with("/seed", "7")), Contains("\"seed\" must be a whole number"));
  CHECK_THAT(refusal_of(with("/seed", -1)), Contains("\"seed\" is -1, out of range"));
  CHECK_THAT(refusal_of(with("/seed", 1.5)), Contains("must be a whole number"));
  CHECK_THAT(refusal_of(with("/downtime_limit_ms", 2'000'001)), Contains("use 0 to 2000000"));
  CHECK_THAT(refusal_of(with("/guest/memory_bytes", 4097)), Contains("multiple of 4096"));
  CHECK_THAT(refusal_of(with("/guest/disk_writes_per_s", -1)), Contains("guest.disk_writes_per_s"));
  CHECK_THAT(refusal_of(with("/guest/disk_writes_per_s", "200")),
             Contains("guest.disk_writes_per_s"));
  CHECK_THAT(refusal_of(with("/faults", "none")), Contains("\"faults\" must be a list"));
  CHECK_THAT(refusal_of(with("/faults/0", 3)), Contains("key \"faults[0]\" must be an object"));
  CHECK_THAT(refusal_of(with("/faults/0/side", "left")),
             Contains("use one of source, destination"));
  CHECK_THAT(refusal_of(with("/faults/0/trigger", "stopcopy")), Contains("\"faults[0].trigger\""));
  CHECK_THAT(refusal_of(with("/accel", "hvf")), Contains("use one of auto, kvm, tcg"));
  CHECK_THAT(refusal_of(nlohmann::json::array()), Contains("must be an object, but is a list"));
}

TEST_CASE("Another schema is named before anything else is looked at", "[plan]") {
  CHECK_THAT(refusal(R"({"schema":2,"new":true})"),
             Contains("\"schema\" is 2, but this migfuzz reads schema 1"));
  CHECK_THAT(refusal(R"({"schema":"1"})"), Contains("but this migfuzz reads schema 1"));
  CHECK_THAT(refusal("{}"), Contains("\"schema\" is missing"));
}

TEST_CASE("Names that could leave a folder or a shell word are refused", "[plan]") {
  const char* const hostile[] = {
      "../../etc/passwd", "/etc/passwd", "a b", "a;b", "$(id)", "a\nb", "", "\xc3\xa9"};
  for (const char* name : hostile) {
    CAPTURE(name);
    CHECK_THAT(refusal_of(with("/guest/name", name)), Contains("\"guest.name\""));
    CHECK_THAT(refusal_of(with("/faults/0/kind", name)), Contains("\"faults[0].kind\""));
  }
  CHECK_THAT(refusal_of(with("/protocol", std::string(129, 'a'))), Contains("\"protocol\""));
  CHECK_THAT(refusal_of(with("/source/binary", std::string("qemu\0x", 6))),
             Contains("source.binary"));
}

TEST_CASE("Text that is not JSON is refused with the place", "[plan]") {
  CHECK(refusal(std::string()) == "some/plan.json is empty: restore the file or write it anew");
  const std::string whole = to_json(crash_plan()).dump(2);
  CHECK_THAT(refusal(whole.substr(0, whole.size() / 2)),
             Contains("some/plan.json is truncated or not JSON: line "));
  CHECK_THAT(refusal(std::string("NaN")), Contains("truncated or not JSON: line 1"));
  CHECK_THAT(refusal(std::string("{\"seed\":1e999}")), Contains("a number out of range at line 1"));
  CHECK_THAT(refusal(std::string("{\"a\":\"\xff\"}")), Contains("truncated or not JSON"));
  CHECK_THAT(refusal(std::string("{\"a\":1,\"a\":2}")), Contains("key \"a\" twice"));
  CHECK_THAT(refusal(whole + "x"), Contains("truncated or not JSON"));
}

TEST_CASE("Depth and size of a hostile file are limited", "[plan]") {
  CHECK_THAT(refusal(std::string(1'000'000, '[')), Contains("nests deeper than 64 levels"));
  CHECK_THAT(refusal(std::string((1 << 20) + 1, ' ')), Contains("more than 1048576"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK_THAT(refusal(objects), Contains("nests deeper than 64 levels"));
}

TEST_CASE("Messages are one line of plain text whatever the file holds", "[plan]") {
  nlohmann::json json = to_json(crash_plan());
  json["\x1b[31m\nred"] = 1;
  const std::string message = refusal_of(json);
  CHECK_THAT(message, Contains("is unknown"));
  CHECK(message.find('\n') == message.npos);
  CHECK(message.find('\x1b') == message.npos);
}

TEST_CASE("Bytes that are not UTF-8 never stop a plan from being written", "[plan]") {
  Plan plan = crash_plan();
  plan.source.binary = "/opt/\xff\xfe/qemu";
  CHECK_NOTHROW(to_json(plan).dump());
}

TEST_CASE("A case's name is stable, safe as a file name and tells plans apart", "[plan]") {
  const std::string id = case_id(crash_plan());
  CHECK_THAT(id, Catch::Matchers::StartsWith("stopcopy-enter-crash-source-handshake-"));
  CHECK(id == case_id(crash_plan()));
  CHECK(id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
        id.npos);
  Plan other = crash_plan();
  other.seed = 2;
  CHECK(case_id(other) != id);
  CHECK_THAT(case_id(Plan{}), Catch::Matchers::StartsWith("control-handshake-"));
  other.plant = "double-resume";
  CHECK_THAT(case_id(other), Catch::Matchers::StartsWith("canary-double-resume-"));
  Plan device = crash_plan();
  device.faults[0].trigger = trigger_from("stopcopy/device:virtio-blk/middle+3");
  CHECK_THAT(case_id(device),
             Catch::Matchers::StartsWith("stopcopy-device-virtio-blk-middle-3-crash-source-"));
}

}  // namespace
}  // namespace migfuzz
