// reset: RST to both peers at once; unread bytes are lost.
//
// Done by the relay at the exact byte: every end of the channel sees a connection reset (TCP RST,
// SO_LINGER 0). Proof: the sockets of the peers it is sent to are no longer established, read from
// their kernels. Never healed: a connection that has ended stays ended.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_reset() {
  FaultKind kind;
  kind.name = "reset";
  kind.summary = "RST to both peers at once; unread bytes are lost";
  kind.component = "channel";
  kind.effect = Effect::cuts_channel;
  kind.excluded = needs_channel;
  kind.sides = {Side::channel};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.flow = Flow::never;
  kind.opens_recovery = true;
  kind.colour = "#5e35b1";
  kind.by_hand = "reset both";
  kind.per_channel = true;
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.cut(Cut::reset, Side::channel, spec.channel);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (!world.cut_seen(Side::source, spec.channel) ||
        !world.cut_seen(Side::destination, spec.channel))
      return std::nullopt;
    return fmt::format("neither peer's socket is established any more; {} bytes had been forwarded",
                       world.channel(spec.channel).forwarded);
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
