// drop-in: what one host is sent of the migration vanishes on the wire; what it sends arrives.
//
// To the destination this is the stream; to the source its acknowledgements, TCP's and QEMU's.
// Proof: packets to the host were dropped, and packets of it have passed since.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_drop_in() {
  FaultKind kind;
  kind.name = "drop-in";
  kind.summary =
      "the migration packets that one host is sent vanish, what it sends arrives; then healed";
  kind.component = "network";
  kind.active = false;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.heal_after_ms = 120;
  kind.patience_ms = 5000;  // TCP needs a retransmission time-out after the heal
  kind.flow = Flow::freely;
  kind.must_heal = true;
  kind.effect = Effect::silences_channel;
  kind.needs = "nftables";
  kind.colour = "#00acc1";
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.set_filter(spec.side, Filter{.way = Filter::Way::in});
    world.provoke(spec.side);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto counts = world.filter_counts(spec.side);
    if (counts.hit_in == 0 || counts.passed_out == 0) return std::nullopt;
    return fmt::format("{} packets to the {} were dropped while {} from it passed", counts.hit_in,
                       to_string(spec.side), counts.passed_out);
  };
  kind.heal = [](World& world, const FaultSpec& spec) {
    world.set_filter(spec.side, std::nullopt);
  };
  return kind;
}

}  // namespace migfuzz
