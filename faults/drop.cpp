// drop: every migration packet of one host vanishes on the wire, both ways; then healed.
//
// nftables at the receiving ends of the host's cable, so the senders have really sent. Neither host
// is told anything: only TCP's retransmission notices. The kernel's twin of `stall`.
// Proof: packets both ways were dropped and none has passed, by the rules' counters.
#include <fmt/format.h>

#include "faults/leg.h"

namespace migfuzz {

FaultKind make_drop() {
  auto kind = filtered_kind([](const FaultSpec&) { return Filter{.way = Filter::Way::both}; });
  kind.name = "drop";
  kind.summary = "every migration packet of one host vanishes, both ways; then healed";
  kind.flow = Flow::at_injection;
  kind.must_heal = false;  // for ever, it is a channel that is lost
  kind.colour = "#00838f";
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto counts = world.filter_counts(spec.side);
    if (counts.hit_in == 0 || counts.hit_out == 0 || counts.passed_in + counts.passed_out != 0)
      return std::nullopt;
    return fmt::format("{} packets to and {} from the {} were dropped, none passed", counts.hit_in,
                       counts.hit_out, to_string(spec.side));
  };
  return kind;
}

}  // namespace migfuzz
