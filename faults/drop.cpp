// drop: every migration packet of one host vanishes on the wire, both ways; then healed.
//
// nftables at the receiving ends of the host's cable, so the senders have really sent. Neither host
// is told anything: only TCP's retransmission notices. The kernel's twin of `stall`.
// Proof: packets both ways were dropped and none has passed, by the rules' counters.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_drop() {
  FaultKind kind;
  kind.name = "drop";
  kind.summary = "every migration packet of one host vanishes, both ways; then healed";
  kind.component = "network";
  kind.active = false;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.heal_after_ms = 120;
  kind.patience_ms = 5000;  // TCP needs a retransmission time-out after the heal
  kind.effect = Effect::silences_channel;
  kind.needs = "nftables";
  kind.colour = "#00838f";
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.set_filter(spec.side, Filter{.way = Filter::Way::both});
    world.provoke(spec.side);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto counts = world.filter_counts(spec.side);
    if (counts.hit_in == 0 || counts.hit_out == 0 || counts.passed_in + counts.passed_out != 0)
      return std::nullopt;
    return fmt::format("{} packets to and {} from the {} were dropped, none passed", counts.hit_in,
                       counts.hit_out, to_string(spec.side));
  };
  kind.heal = [](World& world, const FaultSpec& spec) {
    world.set_filter(spec.side, std::nullopt);
  };
  return kind;
}

}  // namespace migfuzz
