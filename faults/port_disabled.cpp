// port-disabled: the switch's port of one host drops everything, both ways; the carrier stays.
//
// The kernel's bridge port state BR_STATE_DISABLED, set and read back over netlink. Neither host is
// told anything: only TCP's retransmission notices, and recovers after the heal.
// Proof: the port reads back as not forwarding, and bytes sent over it stay unacknowledged (towards
// the destination) or a probe datagram gets no answer (source).
#include "faults/leg.h"

namespace migfuzz {

FaultKind make_port_disabled() {
  auto kind = leg_kind();
  kind.name = "port-disabled";
  kind.summary = "the switch drops everything of one host silently; the carrier stays; then healed";
  kind.colour = "#006064";
  kind.inject = [](World& world, const FaultSpec& spec) { world.set_port(spec.side, false); };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (world.port_forwarding(spec.side)) return std::nullopt;
    return dead_leg_proof(world, spec, "is cut off by the switch");
  };
  kind.heal = [](World& world, const FaultSpec& spec) { world.set_port(spec.side, true); };
  return kind;
}

}  // namespace migfuzz
