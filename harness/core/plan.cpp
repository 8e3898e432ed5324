// Plans to and from JSON, and the name of a case.
//
// The ranges below are what makes a plan runnable at all; whether a kind, protocol or guest of that
// name exists is for the catalogs to say, since plans travel between versions. The case's name
// hashes the plan's JSON, so two plans with one name are one plan for all practical purposes.
#include "harness/core/plan.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/core/strict_json.h"

namespace migfuzz {
namespace {

using nlohmann::json;

constexpr std::uint64_t kAnyU32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kAnyU64 = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMemoryBytesMax = std::uint64_t{1} << 40;
constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kDayMs = 24ULL * 3600 * 1000;
/// QEMU: MAX_MIGRATE_DOWNTIME, 2000 s, migration/options.c.
constexpr std::uint64_t kDowntimeLimitMsMax = 2'000'000;
/// QEMU refuses a max-bandwidth above SIZE_MAX; JSON readers elsewhere stop at int64.
constexpr std::uint64_t kBandwidthMax = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kFaultsMax = 64;
constexpr std::uint64_t kVmsMax = 64;
constexpr std::size_t kPathLengthMax = 4096;

std::uint32_t small(StrictObject& object, const char* key, std::uint64_t least,
                    std::uint64_t most) {
  return static_cast<std::uint32_t>(object.count(key, least, most));
}

json fault_to_json(const FaultSpec& fault) {
  json out{{"kind", clean_utf8(fault.kind)},
           {"side", to_string(fault.side)},
           {"trigger", clean_utf8(to_string(fault.trigger))},
           {"heal_after_ms", fault.heal_after_ms},
           {"parameter", fault.parameter}};
  if (!fault.channel.empty()) out["channel"] = clean_utf8(fault.channel);
  return out;
}

FaultSpec fault_from_json(StrictObject object) {
  FaultSpec fault;
  fault.kind = object.name("kind");
  fault.side = *side_from(object.word("side", {"source", "destination", "channel"}));
  if (object.has("channel")) fault.channel = object.name("channel", true);
  const std::string trigger = object.text("trigger");
  try {
    fault.trigger = trigger_from(trigger);
  } catch (const UsageError& error) {
    object.refuse("trigger", std::string("is refused: ") + error.what());
  }
  fault.heal_after_ms = small(object, "heal_after_ms", 0, kDayMs);
  fault.parameter = object.count("parameter", 0, kAnyU64);
  object.finish();
  return fault;
}

GuestShape guest_from_json(StrictObject object) {
  GuestShape guest;
  guest.name = object.name("name");
  guest.memory_bytes = object.count("memory_bytes", 0, kMemoryBytesMax);
  if (guest.memory_bytes % kPageBytes != 0) {
    object.refuse("memory_bytes", "is not a multiple of 4096: RAM is whole pages");
  }
  guest.seed = object.count("seed", 0, kAnyU64);
  guest.dirty_pages_per_s = small(object, "dirty_pages_per_s", 0, kAnyU32);
  guest.disk_writes_per_s = small(object, "disk_writes_per_s", 0, kAnyU32);
  object.finish();
  return guest;
}

HypervisorSpec hypervisor_from_json(StrictObject object) {
  HypervisorSpec spec;
  spec.binary = object.text("binary");
  const bool control = std::any_of(spec.binary.begin(), spec.binary.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (control || spec.binary.size() > kPathLengthMax) {
    object.refuse("binary", "is not a path: it has control characters or more than 4096 bytes");
  }
  object.finish();
  return spec;
}

Policy policy_from_json(StrictObject object) {
  Policy policy;
  policy.notice = object.flag("notice");
  policy.checks_storage = object.flag("checks_storage");
  policy.restarts = object.flag("restarts");
  policy.moves_blocked = object.flag("moves_blocked");
  policy.backoff_ms = small(object, "backoff_ms", 0, kDayMs);
  object.finish();
  return policy;
}

Evacuation evacuation_from_json(StrictObject object) {
  Evacuation evacuation;
  evacuation.vms = small(object, "vms", 1, kVmsMax);
  evacuation.at_once = small(object, "at_once", 1, kVmsMax);
  object.finish();
  return evacuation;
}

Plan read_plan(const json& value, std::string_view origin) {
  StrictObject object(value, std::string(origin));
  object.schema(Plan::kSchema);
  Plan plan;
  plan.scenario = object.name("scenario");
  if (object.has("promised_by")) plan.promised_by = object.name("promised_by");
  plan.hypervisor = object.name("hypervisor");
  plan.seed = object.count("seed", 0, kAnyU64);
  plan.protocol = object.name("protocol");
  if (object.has("mode")) plan.mode = object.name("mode");
  plan.accel = object.word("accel", {"auto", "kvm", "tcg"});
  plan.machine = object.name("machine");
  plan.transport =
      *transport_from(object.word("transport", {std::string(to_string(Transport::tcp)),
                                                std::string(to_string(Transport::unix_tight))}));
  plan.guest = guest_from_json(object.object("guest"));
  plan.source = hypervisor_from_json(object.object("source"));
  plan.destination = hypervisor_from_json(object.object("destination"));
  plan.disk = object.word("disk", {std::begin(kDisks), std::end(kDisks)});
  plan.bandwidth_bytes_per_s = object.count("bandwidth_bytes_per_s", 0, kBandwidthMax);
  plan.downtime_limit_ms = small(object, "downtime_limit_ms", 0, kDowntimeLimitMsMax);
  plan.patience_ms = small(object, "patience_ms", 1, kDayMs);
  plan.least_passes = small(object, "least_passes", 0, kAnyU32);
  if (object.has("policy")) plan.policy = policy_from_json(object.object("policy"));
  if (object.has("evacuation"))
    plan.evacuation = evacuation_from_json(object.object("evacuation"));
  if (object.has("migration_networks"))
    plan.migration_networks = small(object, "migration_networks", 1, 2);
  const json& faults = object.list("faults", kFaultsMax);
  for (std::size_t i = 0; i < faults.size(); ++i) {
    plan.faults.push_back(fault_from_json(
        StrictObject(faults[i], object.origin(), "faults[" + std::to_string(i) + "]")));
  }
  plan.plant = object.name("plant", true);
  object.finish();
  return plan;
}

/// Lower risk than escaping: a file name holds letters, digits, '.', '_' and '-' only.
std::string file_safe(std::string_view text) {
  constexpr std::size_t kPartLengthMax = 48;
  std::string out;
  for (const char c : text.substr(0, kPartLengthMax)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool safe = letter || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                      (c == '.' && !out.empty() && out.back() != '.');
    out += safe ? c : '-';
  }
  return out;
}

}  // namespace

nlohmann::json to_json(const Plan& plan) {
  json faults = json::array();
  for (const FaultSpec& fault : plan.faults) faults.push_back(fault_to_json(fault));
  json out{{"schema", Plan::kSchema},
          {"scenario", clean_utf8(plan.scenario)},
          {"hypervisor", clean_utf8(plan.hypervisor)},
          {"seed", plan.seed},
          {"protocol", clean_utf8(plan.protocol)},
          {"accel", clean_utf8(plan.accel)},
          {"machine", clean_utf8(plan.machine)},
          {"transport", to_string(plan.transport)},
          {"guest",
           {{"name", clean_utf8(plan.guest.name)},
            {"memory_bytes", plan.guest.memory_bytes},
            {"seed", plan.guest.seed},
            {"dirty_pages_per_s", plan.guest.dirty_pages_per_s},
            {"disk_writes_per_s", plan.guest.disk_writes_per_s}}},
          {"source", {{"binary", clean_utf8(plan.source.binary)}}},
          {"destination", {{"binary", clean_utf8(plan.destination.binary)}}},
          {"disk", clean_utf8(plan.disk)},
          {"bandwidth_bytes_per_s", plan.bandwidth_bytes_per_s},
          {"downtime_limit_ms", plan.downtime_limit_ms},
          {"patience_ms", plan.patience_ms},
          {"least_passes", plan.least_passes},
          {"faults", std::move(faults)},
          {"plant", clean_utf8(plan.plant)}};
  // Left out where it is the usual one, so that the names of cases do not depend on it.
  if (!plan.promised_by.empty()) out["promised_by"] = clean_utf8(plan.promised_by);
  const auto& policy = plan.policy;
  if (policy != Policy())
    out["policy"] = {{"notice", policy.notice},
                     {"checks_storage", policy.checks_storage},
                     {"restarts", policy.restarts},
                     {"moves_blocked", policy.moves_blocked},
                     {"backoff_ms", policy.backoff_ms}};
  if (plan.evacuation != Evacuation())
    out["evacuation"] = {{"vms", plan.evacuation.vms}, {"at_once", plan.evacuation.at_once}};
  if (plan.migration_networks != 1) out["migration_networks"] = plan.migration_networks;
  if (plan.mode != Plan().mode) out["mode"] = clean_utf8(plan.mode);
  return out;
}

Plan plan_from_json(const nlohmann::json& json) { return read_plan(json, "plan"); }

Plan plan_from_text(std::string_view text, std::string_view origin) {
  return read_plan(parse_json(text, origin), origin);
}

std::string rules_text(const std::string& protocol, const std::string& mode) {
  return mode == Plan().mode ? protocol : protocol + ", " + mode;
}

namespace {

bool is_recovery(const Plan& plan) {
  return plan.faults.size() > 1 && plan.faults.back().trigger.point.phase == Phase::recover;
}

}  // namespace

const FaultSpec& telling_fault(const Plan& plan) {
  return is_recovery(plan) ? plan.faults.back() : plan.faults.front();
}

std::size_t faults_besides(const Plan& plan) {
  return plan.faults.size() - (is_recovery(plan) ? 2 : 1);
}

std::string case_id(const Plan& plan) {
  std::string stem;
  if (!plan.plant.empty()) {
    stem = "canary-" + file_safe(plan.plant);
  } else if (plan.faults.empty()) {
    stem = "control";
  } else {
    const FaultSpec& fault = telling_fault(plan);
    stem = file_safe(to_string(fault.trigger)) + "-" + file_safe(fault.kind) + "-" +
           std::string(to_string(fault.side));
    if (const auto more = faults_besides(plan)) stem += "-and-" + std::to_string(more);
  }
  const std::uint64_t hash = stable_hash(to_json(plan).dump());
  char hex[16];
  std::snprintf(hex, sizeof hex, "%08x", static_cast<unsigned>(hash ^ (hash >> 32)));
  return stem + "-" + file_safe(plan.protocol) + "-" + hex;
}

}  // namespace migfuzz
