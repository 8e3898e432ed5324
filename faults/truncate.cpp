// truncate: FIN to the destination at the point; what the source still sends vanishes.
//
// Done by the relay at the exact byte: the destination sees the stream end; the source sees nothing
// until the destination reacts. Proof: the sockets of the peers it is sent to are no longer
// established, read from their kernels. Never healed: a connection that has ended stays ended.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_truncate() {
  FaultKind kind;
  kind.name = "truncate";
  kind.summary = "FIN to the destination at the point; what the source still sends vanishes";
  kind.component = "channel";
  kind.effect = Effect::cuts_channel;
  kind.excluded = needs_channel;
  kind.sides = {Side::channel};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.flow = Flow::never;
  kind.colour = "#00695c";
  kind.by_hand = "close destination";
  kind.per_channel = true;
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.cut(Cut::close, Side::destination, spec.channel);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (!world.cut_seen(Side::destination, spec.channel)) return std::nullopt;
    return fmt::format("the destination's socket is no longer established; {} bytes were forwarded",
                       world.channel(spec.channel).forwarded);
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
