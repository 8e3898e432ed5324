// link-down: the link of one host goes down: its kernel loses the carrier; later it comes back.
//
// The switch's end of the cable is set down over netlink, so the host itself sees the loss.
// Proof: the host's own interface reports no carrier, and bytes sent over it stay unacknowledged
// (towards the destination) or a probe datagram gets no answer (source).
#include "faults/leg.h"

namespace migfuzz {

FaultKind make_link_down() {
  auto kind = leg_kind();
  kind.active = true;
  kind.name = "link-down";
  kind.summary = "one host loses the carrier of its link; then healed";
  kind.colour = "#00508a";
  kind.inject = [](World& world, const FaultSpec& spec) { world.set_link(spec.side, false); };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (world.link_up(spec.side)) return std::nullopt;
    return dead_leg_proof(world, spec, "has no carrier");
  };
  kind.heal = [](World& world, const FaultSpec& spec) { world.set_link(spec.side, true); };
  return kind;
}

}  // namespace migfuzz
