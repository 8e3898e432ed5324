// drop-out: what one host sends of the migration vanishes on the wire; what it is sent arrives.
//
// From the destination these are its acknowledgements, TCP's and QEMU's; from the source the
// stream. Proof: packets of the host were dropped, and packets to it have passed since.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_drop_out() {
  FaultKind kind;
  kind.name = "drop-out";
  kind.summary =
      "the migration packets that one host sends vanish, what it is sent arrives; then healed";
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
  kind.colour = "#0097a7";
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.set_filter(spec.side, Filter{.way = Filter::Way::out});
    world.provoke(spec.side);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto counts = world.filter_counts(spec.side);
    if (counts.hit_out == 0 || counts.passed_in == 0) return std::nullopt;
    return fmt::format("{} packets from the {} were dropped while {} to it passed", counts.hit_out,
                       to_string(spec.side), counts.passed_in);
  };
  kind.heal = [](World& world, const FaultSpec& spec) {
    world.set_filter(spec.side, std::nullopt);
  };
  return kind;
}

}  // namespace migfuzz
