// host-hang: a whole host stands still: its port goes silent first, then every thread is frozen.
//
// Isolating first matters: a kernel that lives on acknowledges bytes and answers probes, which a
// host that stands still cannot do. Without heal the arbiter has to find out and to fence; with it
// the threads go on and the port forwards again. When the source hangs for ever, nothing past the
// point leaves it.
// Proof: the port reads back as not forwarding and every thread of the process as stopped.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_host_hang() {
  FaultKind kind;
  kind.name = "host-hang";
  kind.summary = "a whole host stands still: its port goes silent, then every thread is frozen";
  kind.component = "host";
  kind.effect = Effect::loses_host;
  kind.active = false;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.colour = "#9c6f2e";
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.set_port(spec.side, false);
    if (spec.side == Side::source && spec.heal_after_ms == 0) world.seal_source();
    world.freeze(spec.side);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (world.sight(spec.side).dead || world.port_forwarding(spec.side) || !world.frozen(spec.side))
      return std::nullopt;
    return fmt::format("{} port is disabled and every thread of its QEMU is stopped",
                       to_string(spec.side));
  };
  kind.heal = [](World& world, const FaultSpec& spec) {
    if (!world.sight(spec.side).dead) world.thaw(spec.side);
    world.set_port(spec.side, true);
  };
  return kind;
}

}  // namespace migfuzz
