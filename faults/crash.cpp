// crash: SIGKILL of one QEMU, while its host lives on.
//
// The host's kernel closes the process's sockets, so the peer sees the end of the connection. When
// the source is hit, nothing past the point leaves it any more: bytes that its kernel had queued
// are dropped by the relay, so that the point is exact whatever the buffers held. Proof: the
// process was reaped and its end was signal 9. Never healed: a dead process stays dead.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_crash() {
  FaultKind kind;
  kind.name = "crash";
  kind.summary = "SIGKILL of one QEMU; its host lives on and closes the connection";
  kind.component = "qemu";
  kind.effect = Effect::loses_host;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::unix_tight;
  kind.colour = "#b3261e";
  kind.by_hand = "kill";
  kind.kills = true;
  kind.inject = [](World& world, const FaultSpec& spec) {
    if (spec.side == Side::source) world.seal_source();
    world.kill(spec.side);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto sight = world.sight(spec.side);
    if (!sight.dead || !sight.ending || sight.ending->signal != 9) return std::nullopt;
    return fmt::format("{} process ended by signal 9", to_string(spec.side));
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
