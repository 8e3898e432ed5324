// stall: the channel stops in the middle of the stream and stays open; later it flows again.
//
// Done by the relay: it goes on holding at the point. A healed stall must cost time and nothing
// else. Proof: bytes of the source wait in the relay and none of them is forwarded.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_stall() {
  FaultKind kind;
  kind.name = "stall";
  kind.summary = "the channel stops at the point and stays open; later it flows again";
  kind.component = "channel";
  kind.effect = Effect::silences_channel;
  kind.excluded = needs_bytes_behind;
  kind.active = false;
  kind.sides = {Side::channel};
  kind.transport = Transport::unix_tight;
  kind.heal_after_ms = 150;
  kind.patience_ms = 3000;  // a manager more patient than the hole, or it would cancel
  kind.flow = Flow::at_heal;
  kind.colour = "#6d6d00";
  kind.by_hand = "stall";
  kind.inject = [](World&, const FaultSpec&) {};
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto channel = world.channel();
    if (!channel.holding ||
        (channel.received <= channel.forwarded && channel.back_received <= channel.back_forwarded))
      return std::nullopt;
    return fmt::format(
        "{} bytes wait at byte {} of the stream",
        channel.received - channel.forwarded + channel.back_received - channel.back_forwarded,
        channel.forwarded);
  };
  kind.heal = [](World&, const FaultSpec&) {};  // the director lets the channel flow
  return kind;
}

}  // namespace migfuzz
