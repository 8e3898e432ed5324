// A Plan is everything that decides what a case does: plain data, readable, replayable.
//
// The same plan gives the same decisions. from_json() is strict: an unknown schema, a missing or
// unknown key, a value out of range is a UsageError that names it; a plan file may be hostile.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/core/guest.h"
#include "harness/core/point.h"
#include "harness/core/types.h"

namespace migfuzz {

/// One failure to inject: what, where it hits, when, and whether it is taken away again.
struct FaultSpec {
  std::string kind;  // a name of the fault catalog
  Side side = Side::channel;
  Trigger trigger;
  std::uint32_t heal_after_ms = 0;  // time from proof of delivery to heal; 0: never healed
  std::uint64_t parameter =
      0;  // drawn number whose meaning the kind documents (corrupt: which bit)
  /// Of a fault of the channel: which one. Empty: the main one; "multifd:0", …, "preempt": a side
  /// channel. A point of a side channel (on_side_channel) is looked for on this one.
  std::string channel{};
  bool operator==(const FaultSpec&) const = default;
};

/// A QEMU to run as one host. Empty binary: the one of the machine's PATH.
struct HypervisorSpec {
  std::string binary;
  bool operator==(const HypervisorSpec&) const = default;
};

/// What the manager does around a migration, as a cluster's or a cloud's does (docs/policies.md).
struct Policy {
  bool notice = false;  // the guest is told before it migrates, and answers
  bool checks_storage = false;  // both hosts have to reach the disk, or nothing is started
  bool restarts = false;        // a VM that is lost is started from its disk, once
  bool moves_blocked = false;   // a VM that cannot be migrated is ended, and started from its disk
  std::uint32_t backoff_ms = 0;  // before a second migration
  bool operator==(const Policy&) const = default;
};

/// Several VMs that leave one host: each has a guest seed of its own.
struct Evacuation {
  std::uint32_t vms = 1;      // 1: no evacuation
  std::uint32_t at_once = 1;  // migrations under way at the same time, at most
  bool operator==(const Evacuation&) const = default;
};

/// Every word that Plan::disk may be.
inline constexpr std::string_view kDisks[] = {"none", "raw", "qcow2", "nbd"};

struct Plan {
  static constexpr int kSchema = 1;
  std::string scenario = "cells";  // what drew this plan
  /// The scenario whose promises are asked, where another one runs it (a corpus); empty: its own.
  std::string promised_by{};
  std::string hypervisor = "qemu";
  std::uint64_t seed = 1;
  std::string protocol = "handshake";
  std::string mode = "precopy";  // how QEMU migrates: a name that mode_from() knows
  std::string accel = "auto";  // auto, kvm, tcg; a stored plan holds the one that was chosen
  std::string machine = "pc";  // QEMU machine type of both hosts
  Transport transport = Transport::tcp;
  GuestShape guest;
  HypervisorSpec source, destination;
  /// The shared disk under both hosts: none (null-co), raw, qcow2 (one image that both open,
  /// guarded by QEMU's image locks) or nbd (exported by a storage daemon for each host; nothing
  /// guards it).
  std::string disk = "raw";
  std::uint64_t bandwidth_bytes_per_s = 0;  // max-bandwidth; 0: QEMU's unlimited
  std::uint32_t downtime_limit_ms = 300;    // QEMU's default
  std::uint32_t patience_ms = 300;  // quiet time after which the arbiter takes a host for hung
  /// RAM passes before the plan's downtime limit is set (1 ms until then); a guest that dirties too
  /// slowly converges earlier.
  std::uint32_t least_passes = 1;
  Policy policy;
  Evacuation evacuation;
  /// 2: a second migration goes over a network of its own, and what was done to the first one is
  /// left as it is.
  std::uint32_t migration_networks = 1;
  std::vector<FaultSpec> faults;  // empty: a no-fault control
  /// Planted defects of the harness's own `canary` ("double-resume", "stale-page", "rollback").
  std::string plant;
  bool operator==(const Plan&) const = default;
};

nlohmann::json to_json(const Plan& plan);
Plan plan_from_json(const nlohmann::json& json);
/// Parses the text of a plan.json; `origin` (its path) names it in errors.
Plan plan_from_text(std::string_view text, std::string_view origin);
/// "handshake", or "handshake, postcopy" in another mode than the usual one: by what reports tell
/// apart under which rules a case ran.
std::string rules_text(const std::string& protocol, const std::string& mode);
/// The fault that a case with faults is told by: its first, but of a recovery the last one, which
/// meets it; the ones before it only led there.
const FaultSpec& telling_fault(const Plan& plan);
/// How many faults the case has besides that one and the one that a recovery begins with.
std::size_t faults_besides(const Plan& plan);
/// A short stable name, e.g. "stopcopy-enter-crash-source-handshake-4f2a".
std::string case_id(const Plan& plan);

}  // namespace migfuzz
