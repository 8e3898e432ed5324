// stall: the channel stops in the middle of the stream and stays open; later it flows again.
//
// Done by the relay: it goes on holding at the point. A side channel at a point of the main one
// does not stand there: it is stopped where it is, both ways, and the main channel goes on. A
// healed stall must cost time and nothing else.
// Proof: bytes of the source wait in the relay and none of them is forwarded.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

namespace {

void stop(World& world, const FaultSpec& spec, bool stands) {
  if (!hits_elsewhere(spec)) return;  // it stands by its hold, until the director lets it flow
  for (const auto towards : {Side::destination, Side::source})
    world.set_stage(towards, {.stands = stands}, spec.channel);
}

}  // namespace

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
  kind.per_channel = true;
  kind.inject = [](World& world, const FaultSpec& spec) { stop(world, spec, true); };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto channel = world.channel(spec.channel);
    if ((!channel.holding && !hits_elsewhere(spec)) ||
        (channel.received <= channel.forwarded && channel.back_received <= channel.back_forwarded))
      return std::nullopt;
    return fmt::format(
        "{} bytes wait at byte {} of the stream",
        channel.received - channel.forwarded + channel.back_received - channel.back_forwarded,
        channel.forwarded);
  };
  kind.heal = [](World& world, const FaultSpec& spec) { stop(world, spec, false); };
  return kind;
}

}  // namespace migfuzz
