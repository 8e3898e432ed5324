// reset-source: RST to the source alone; the destination sees nothing until it writes.
//
// What a middlebox does that ends one half of a connection. The relay answers what the destination
// writes from then on with RST; what it had written past the point counts as written.
// Proof: the source's socket is no longer established, read from its kernel. Never healed.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_reset_source() {
  FaultKind kind;
  kind.name = "reset-source";
  kind.summary = "RST to the source alone; the destination sees nothing until it writes";
  kind.component = "channel";
  kind.sides = {Side::channel};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.flow = Flow::never;
  kind.excluded = needs_channel;
  kind.effect = Effect::cuts_channel;
  kind.colour = "#7e57c2";
  kind.by_hand = "reset source";
  kind.per_channel = true;
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.cut(Cut::reset, Side::source, spec.channel);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (!world.cut_seen(Side::source, spec.channel)) return std::nullopt;
    return fmt::format("the source's socket is no longer established; {} bytes had been forwarded",
                       world.channel(spec.channel).forwarded);
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
