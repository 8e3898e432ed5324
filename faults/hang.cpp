// hang: every thread of one QEMU stands still (SIGSTOP), its connections stay open and silent.
//
// Without heal the arbiter has to find out by itself and to fence. When the source hangs for ever,
// nothing past the point leaves it; when the hang is healed, the channel flows again with it.
// Proof: the kernel reports every thread of the process as stopped.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_hang() {
  FaultKind kind;
  kind.name = "hang";
  kind.summary = "every thread of one QEMU stands still; its connections stay open and silent";
  kind.component = "qemu";
  kind.effect = Effect::loses_host;
  kind.active = false;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::unix_tight;
  kind.colour = "#8a5a00";
  kind.by_hand = "freeze";
  kind.inject = [](World& world, const FaultSpec& spec) {
    if (spec.side == Side::source && spec.heal_after_ms == 0) world.seal_source();
    world.freeze(spec.side);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (world.sight(spec.side).dead || !world.frozen(spec.side)) return std::nullopt;
    return fmt::format("every thread of the {} is stopped", to_string(spec.side));
  };
  kind.heal = [](World& world, const FaultSpec& spec) {
    if (!world.sight(spec.side).dead) world.thaw(spec.side);
  };
  return kind;
}

}  // namespace migfuzz
