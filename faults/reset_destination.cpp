// reset-destination: RST to the destination alone; the source sees nothing until it writes.
//
// What a middlebox does that ends one half of a connection. The relay answers what the source
// writes from then on with RST; what it had written past the point counts as written.
// Proof: the destination's socket is no longer established, read from its kernel. Never healed.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_reset_destination() {
  FaultKind kind;
  kind.name = "reset-destination";
  kind.summary = "RST to the destination alone; the source sees nothing until it writes";
  kind.component = "channel";
  kind.sides = {Side::channel};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.flow = Flow::never;
  kind.excluded = needs_channel;
  kind.effect = Effect::cuts_channel;
  kind.colour = "#9575cd";
  kind.by_hand = "reset destination";
  kind.per_channel = true;
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.cut(Cut::reset, Side::destination, spec.channel);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (!world.cut_seen(Side::destination, spec.channel)) return std::nullopt;
    return fmt::format(
        "the destination's socket is no longer established; {} bytes had been forwarded",
        world.channel(spec.channel).forwarded);
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
