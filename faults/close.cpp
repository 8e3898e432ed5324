// close: FIN to both peers; what they still send vanishes.
//
// Done by the relay at the exact byte: both ends see an orderly end of the connection in the middle
// of the stream. Proof: the sockets of the peers it is sent to are no longer established, read from
// their kernels. Never healed: a connection that has ended stays ended.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_close() {
  FaultKind kind;
  kind.name = "close";
  kind.summary = "FIN to both peers; what they still send vanishes";
  kind.component = "channel";
  kind.effect = Effect::cuts_channel;
  kind.excluded = needs_channel;
  kind.sides = {Side::channel};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.flow = Flow::never;
  kind.colour = "#3949ab";
  kind.by_hand = "close both";
  kind.per_channel = true;
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.cut(Cut::close, Side::channel, spec.channel);
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
