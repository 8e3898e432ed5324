// reject: a firewall of one host answers the migration's packets with RST, to whoever sent them.
//
// nftables in the host's own namespace, input and output. Whoever sends first loses its socket; the
// other end of the leg sees silence until it sends. When the source is hit, what its kernel had
// queued is dropped with the connection: nothing past the point arrives.
// Proof: the rule has hit packets, and an end of that leg has lost its socket. Never healed.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_reject() {
  FaultKind kind;
  kind.name = "reject";
  kind.summary = "one host's firewall answers the migration's packets with RST to their sender";
  kind.component = "network";
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.effect = Effect::cuts_channel;
  kind.needs = "reject";
  kind.excluded = [](const Trigger& trigger, Side side) {
    // Before the connection there is one to refuse.
    return trigger.point.phase == Phase::prepare ? "" : needs_channel(trigger, side);
  };
  kind.colour = "#283593";
  kind.inject = [](World& world, const FaultSpec& spec) {
    if (spec.side == Side::source) world.seal_source();
    world.set_filter(spec.side, Filter{.fate = Filter::Fate::reject});
    world.provoke(spec.side);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto counts = world.filter_counts(spec.side);
    const auto channel = world.channel();
    const bool relay_lost =
        spec.side == Side::source ? channel.source_closed : channel.destination_closed;
    if (counts.hit_in + counts.hit_out == 0 || (!relay_lost && !world.cut_seen(spec.side, "")))
      return std::nullopt;
    return fmt::format("{} packets to and {} from the {} were rejected; {} lost its socket",
                       counts.hit_in, counts.hit_out, to_string(spec.side),
                       relay_lost ? "its peer" : "it");
  };
  kind.heal = [](World& world, const FaultSpec& spec) {
    world.set_filter(spec.side, std::nullopt);
  };
  return kind;
}

}  // namespace migfuzz
