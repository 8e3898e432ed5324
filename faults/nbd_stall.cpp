// nbd-stall: the connection over which the disk is mirrored goes silent, and flows again later.
//
// Done by the forwarder of the mirror's connection in the switch, which neither reads nor writes;
// both ends stay open. A write of the mirror waits meanwhile, and whoever drains the source's
// requests waits with it. Healed within the manager's patience it must cost time and nothing else.
// Proof: bytes wait on the connection and none passes. At `pre-switchover` the guest stands and
// nothing is under way that could wait.
#include <fmt/format.h>

#include "faults/mirror.h"

namespace migfuzz {

FaultKind make_nbd_stall() {
  auto kind = mirror_kind();
  kind.name = "nbd-stall";
  kind.summary = "the connection over which the disk is mirrored goes silent until the heal";
  kind.effect = Effect::silences_channel;
  kind.active = false;
  kind.must_heal = true;
  kind.heal_after_ms = 150;
  kind.patience_ms = 3000;  // a manager more patient than the hole, or it would give up
  kind.colour = "#8d7b2a";
  kind.excluded = [](const Trigger& at, Side side) -> std::string {
    if (at.point.phase == Phase::storage && at.point.name == "pre-switchover")
      return "the guest stands and both disks are equal: nothing is under way that could wait";
    return needs_mirror(at, side);
  };
  kind.inject = [](World& world, const FaultSpec&) { world.stall_mirror(true); };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto path = world.mirror_path();
    if (!path.open || path.waiting == 0) return std::nullopt;
    return fmt::format("{} bytes of the mirror wait, {} have passed", path.waiting,
                       path.forwarded);
  };
  kind.heal = [](World& world, const FaultSpec&) { world.stall_mirror(false); };
  return kind;
}

}  // namespace migfuzz
