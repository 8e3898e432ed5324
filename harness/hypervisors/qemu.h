// Worlds of real QEMUs: two processes in namespaces of their own, joined by a switch and the relay.
//
// Limits: x86-64 guests, pre-copy. Needs the capabilities of a worker's namespaces (see
// harness/io/sandbox.h). Every wait inside start() has a name and a bound of 20 s, far above what a
// loaded machine was seen to need (0.2 s), so that only a real hang reaches it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/core/guest.h"
#include "harness/core/world.h"
#include "harness/io/loop.h"

namespace migfuzz {

/// How the hosts of a case are set up besides what the plan says: the protocol's demands.
struct MigrationSetup {
  bool destination_paused = true;  // -S
  bool pause_before_switchover = true;
};

/// `guest` must outlive the world. Throws InfraError.
std::unique_ptr<World> make_qemu_world(io::Loop& loop, const Plan& plan, const Guest& guest,
                                       const MigrationSetup& setup);

/// The trial that chooses an accelerator: boots the guest and waits for its first heartbeat.
struct Trial {
  bool beats = false;
  std::string version;  // "7.2.22"
  std::string why;      // when it does not beat: the reason, one line
  std::vector<std::string> machines;  // query-machines, without the deprecated ones
  /// Trace events about migration that it has and writes; empty when it was not asked or has none.
  std::vector<std::string> traced;
};
Trial try_accelerator(io::Loop& loop, const std::string& binary, const std::string& accel,
                      const std::string& machine, const Guest& guest, const GuestShape& shape,
                      Milliseconds limit, bool trace = false);

}  // namespace migfuzz
