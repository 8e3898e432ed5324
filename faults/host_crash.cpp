// host-crash: a whole host disappears: first its network goes silent, then its QEMU is killed.
//
// Isolating first matters: SIGKILL alone lets the kernel send a FIN or RST to the peer within
// milliseconds, which a host without power cannot do. The peer must see silence.
// Proof: the switch's port of that host is read back as not forwarding, then the process was
// reaped.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_host_crash() {
  FaultKind kind;
  kind.name = "host-crash";
  kind.summary = "a whole host disappears: its port goes silent, then its QEMU is killed";
  kind.component = "host";
  kind.effect = Effect::loses_host;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.colour = "#7d1128";
  kind.kills = true;
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.set_port(spec.side, false);
    if (spec.side == Side::source) world.seal_source();
    world.kill(spec.side);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto sight = world.sight(spec.side);
    if (!sight.dead || world.port_forwarding(spec.side)) return std::nullopt;
    return fmt::format("{} port is disabled and its process ended by signal {}",
                       to_string(spec.side), sight.ending ? sight.ending->signal : 0);
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
