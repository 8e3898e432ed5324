// port-disabled: the switch's port of one host drops everything, both ways; the carrier stays.
//
// The kernel's bridge port state BR_STATE_DISABLED, set and read back over netlink. Neither host is
// told anything: only TCP's retransmission notices, and recovers after the heal.
// Proof: the port reads back as not forwarding, and bytes sent over it stay unacknowledged (towards
// the destination) or a probe datagram gets no answer (source).
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_port_disabled() {
  FaultKind kind;
  kind.name = "port-disabled";
  kind.summary = "the switch drops everything of one host silently; the carrier stays; then healed";
  kind.component = "network";
  kind.effect = Effect::silences_channel;
  kind.active = false;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.heal_after_ms = 120;
  kind.patience_ms = 5000;  // TCP needs a retransmission time-out after the heal
  kind.colour = "#006064";
  kind.inject = [](World& world, const FaultSpec& spec) { world.set_port(spec.side, false); };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (world.port_forwarding(spec.side)) return std::nullopt;
    // Towards the destination the channel's own bytes show it; what the source had sent is kept
    // back at the point, and at the manager's points nothing is under way: there a probe has to.
    const bool by_bytes = spec.side == Side::destination && in_stream(spec.trigger.point);
    const auto stuck = world.unacknowledged_bytes(spec.side);
    if (stuck == 0 && (by_bytes || world.reachable(spec.side))) return std::nullopt;
    return fmt::format("{} port is disabled, {} bytes are unacknowledged{}", to_string(spec.side),
                       stuck, by_bytes ? "" : ", a probe gets no answer");
  };
  kind.heal = [](World& world, const FaultSpec& spec) { world.set_port(spec.side, true); };
  return kind;
}

}  // namespace migfuzz
