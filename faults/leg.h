// What the kinds share that spoil one host's leg of the network and tell neither end.
//
// Done by the kernel on the wire between a host and the switch. Each kind adds its proof; healed,
// TCP makes good what was lost, for which it needs a retransmission time-out: hence the patience.
#pragma once

#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

/// Nothing gets through (or nothing that matters); the kind says how, and takes it back.
inline FaultKind leg_kind() {
  FaultKind kind;
  kind.component = "network";
  kind.effect = Effect::silences_channel;
  kind.active = false;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.heal_after_ms = 120;
  kind.patience_ms = 5000;
  return kind;
}

/// Packets that nftables drops by a filter made from the plan's fault.
inline FaultKind filtered_kind(std::function<Filter(const FaultSpec&)> filter) {
  auto kind = leg_kind();
  kind.flow = Flow::freely;
  kind.must_heal = true;
  kind.needs = "nftables";
  kind.inject = [filter = std::move(filter)](World& world, const FaultSpec& spec) {
    world.set_filter(spec.side, filter(spec));
    world.provoke(spec.side);
  };
  kind.heal = [](World& world, const FaultSpec& spec) {
    world.set_filter(spec.side, std::nullopt);
  };
  return kind;
}

/// Packets that wait in the queues on both ends of the cable, made from the plan's fault.
inline FaultKind queued_kind(std::function<Queueing(const FaultSpec&)> queueing) {
  auto kind = leg_kind();
  kind.effect = Effect::slows_channel;
  kind.heal_after_ms = 200;
  kind.flow = Flow::freely;
  kind.must_heal = true;
  kind.inject = [queueing = std::move(queueing)](World& world, const FaultSpec& spec) {
    world.set_queueing(spec.side, queueing(spec));
  };
  kind.heal = [](World& world, const FaultSpec& spec) {
    world.set_queueing(spec.side, std::nullopt);
  };
  return kind;
}

/// Proof for a leg that carries nothing at all; `what` begins it. Towards the destination the
/// channel's own bytes show it; what the source had sent is kept back at the point, and at the
/// manager's points nothing is under way: there a probe has to.
inline std::optional<std::string> dead_leg_proof(const World& world, const FaultSpec& spec,
                                                 std::string_view what) {
  const bool by_bytes = spec.side == Side::destination && in_stream(spec.trigger.point);
  const auto stuck = world.unacknowledged_bytes(spec.side);
  if (stuck == 0 && (by_bytes || world.reachable(spec.side))) return std::nullopt;
  return fmt::format("the {} {}, {} bytes are unacknowledged{}", to_string(spec.side), what, stuck,
                     by_bytes ? "" : ", a probe gets no answer");
}

}  // namespace migfuzz
