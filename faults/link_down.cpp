// link-down: the link of one host goes down: its kernel loses the carrier; later it comes back.
//
// The switch's end of the cable is set down over netlink, so the host itself sees the loss.
// Proof: the host's own interface reports no carrier, and bytes sent over it stay unacknowledged
// (towards the destination) or a probe datagram gets no answer (source).
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_link_down() {
  FaultKind kind;
  kind.name = "link-down";
  kind.summary = "one host loses the carrier of its link; then healed";
  kind.component = "network";
  kind.effect = Effect::silences_channel;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.heal_after_ms = 120;
  kind.patience_ms = 5000;  // TCP needs a retransmission time-out after the heal
  kind.colour = "#00508a";
  kind.inject = [](World& world, const FaultSpec& spec) { world.set_link(spec.side, false); };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (world.link_up(spec.side)) return std::nullopt;
    // Towards the destination the channel's own bytes show it; what the source had sent is kept
    // back at the point, and at the manager's points nothing is under way: there a probe has to.
    const bool by_bytes = spec.side == Side::destination && in_stream(spec.trigger.point);
    const auto stuck = world.unacknowledged_bytes(spec.side);
    if (stuck == 0 && (by_bytes || world.reachable(spec.side))) return std::nullopt;
    return fmt::format("the {} has no carrier, {} bytes are unacknowledged{}", to_string(spec.side),
                       stuck, by_bytes ? "" : ", a probe gets no answer");
  };
  kind.heal = [](World& world, const FaultSpec& spec) { world.set_link(spec.side, true); };
  return kind;
}

}  // namespace migfuzz
