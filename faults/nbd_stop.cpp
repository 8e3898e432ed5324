// nbd-stop: somebody who is not the manager stops the destination's NBD server.
//
// nbd-server-stop on the destination's monitor, which otherwise goes on: the mirror loses its
// target, the migration its channel not. Proof: QEMU has accepted the command, and no host has an
// established socket of the mirror any more (before it begins: there is none, and the source's
// attempt to connect is refused).
#include "faults/mirror.h"

namespace migfuzz {

FaultKind make_nbd_stop() {
  auto kind = mirror_kind();
  kind.name = "nbd-stop";
  kind.summary = "somebody stops the NBD server that serves the destination's disk";
  kind.active = true;
  kind.sides = {Side::destination};
  kind.colour = "#4f6db3";
  kind.excluded = [](const Trigger& at, Side side) -> std::string {
    if (at.point.phase == Phase::storage && at.point.name == "job-start") return "";
    return needs_mirror(at, side);
  };
  kind.inject = [](World& world, const FaultSpec&) { world.stop_disk_server(); };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto* reply = world.history().last("destination", "qmp-reply", "nbd-server-stop");
    if (reply == nullptr || text_field(*reply, "error")) return std::nullopt;
    if (!world.mirror_path().cut_seen) return std::nullopt;
    return "QEMU accepted nbd-server-stop, and the mirror has no connection";
  };
  return kind;
}

}  // namespace migfuzz
