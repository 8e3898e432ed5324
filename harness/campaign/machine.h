// What a run uses on this machine: accelerator, RAM size and machine type, each with the reason.
//
// Nothing is assumed: the guest is booted once per binary and accelerator in a worker. /dev/kvm may
// exist and yet not run the guest; QEMU before 9.0 loses dirty pages under TCG at ordinary RAM
// sizes; two versions of QEMU can only migrate with a machine type that both know.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/campaign/pool.h"
#include "harness/core/guest.h"
#include "harness/core/plan.h"

namespace migfuzz {

/// What was chosen for this machine and one pair of QEMUs, and why.
struct Chosen {
  std::string accel, accel_why;
  std::string source_version, destination_version;
  std::uint64_t memory_bytes = 0;
  std::string memory_why;
  /// The newest versioned machine type of `pc` that both know; empty when there is none.
  std::string common_machine;
};

/// Tries the accelerators with both binaries; `base.accel` is auto, kvm or tcg. Throws CannotRun,
/// UsageError.
Chosen choose(Pool& pool, const Plan& base, bool memory_given, const Guest& guest);
/// Boots and saves a guest that is restored for every case, before the first case needs it; does
/// nothing for others. `base` as choose() left it. Throws CannotRun.
void boot_once(Pool& pool, const Plan& base, const Guest& guest);

/// The trace events about migration that a binary has and writes to its log; empty: none, because
/// it has no such events or no log backend, or did not start with them. `base` as choose() left it.
std::vector<std::string> traced_events(Pool& pool, const Plan& base, const std::string& binary);

/// Of `modes` those that one of the pair refuses, each with its reason. `base` likewise.
std::map<std::string, std::string> refused_modes(Pool& pool, const Plan& base,
                                                 const std::vector<std::string>& modes);

/// The newest "pc-i440fx-MAJOR.MINOR" in both lists; empty when there is none.
std::string newest_common_machine(const std::vector<std::string>& one,
                                  const std::vector<std::string>& other);

/// "16 MiB", "16392 KiB".
std::string size_text(std::uint64_t bytes);

}  // namespace migfuzz
