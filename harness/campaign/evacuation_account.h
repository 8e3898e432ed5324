// What became of the VMs of an evacuation: read from their histories alone. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/core/history.h"
#include "harness/core/plan.h"
#include "harness/core/verdict.h"

namespace migfuzz {

/// One migration under way: nanoseconds on the machine's steady clock.
struct Migration {
  std::int64_t from_ns = 0, to_ns = 0;
};

/// What an account needs of one VM.
struct MovedVm {
  std::string survivor;       // as in CaseResult: "unknown" where the harness failed
  std::uint32_t restarts = 0;  // how often it was started again from its disk
  std::vector<Migration> migrations;  // second ones, too: from `migrate` until its QEMU or the
                                      // manager says that it is over
};
/// `history` is the whole one, not what a result keeps of it.
MovedVm moved_vm(const std::string& survivor, const History& history);

/// How many were under way at the same time, at most.
std::uint32_t most_at_once(const std::vector<MovedVm>& vms);

/// Where in its migration a VM stood at that event, as a place that the table of outcomes knows;
/// nothing between the switch-over and the first step on the destination: there the table asks for
/// bytes, and who is hit by another VM's fault is hit at none that was chosen.
std::optional<Trigger> place_at(const History& history, const Event& struck);

/// Each VM is on one host or was started again, once, and no more than allowed migrated at a time.
Finding account(const Evacuation& evacuation, const std::vector<MovedVm>& vms);

}  // namespace migfuzz
