// disk-full: the volume under the destination's disk has no byte left while the disk is mirrored.
//
// The image lies on a tmpfs of its own, whose size is lowered to what is in use
// (harness/io/small_volume.h): the next write into a page that the image has not yet got is refused
// by the kernel with ENOSPC, which NBD carries to the source. Disk `raw`. It has room again before
// a second migration. Proof: the kernel refuses a third party's byte there.
// From `ready` on every page of the destination's disk is there, and a page is overwritten whether
// or not the volume is full.
#include "faults/mirror.h"

namespace migfuzz {

FaultKind make_disk_full() {
  auto kind = mirror_kind();
  kind.name = "disk-full";
  kind.summary = "the volume of the destination's disk has no byte left while it is mirrored";
  kind.active = true;
  kind.sides = {Side::destination};
  kind.disk = "raw";
  kind.colour = "#8a3d2f";
  kind.excluded = [](const Trigger& at, Side side) -> std::string {
    const auto& name = at.point.name;
    if (at.point.phase == Phase::storage && name == "job-start") return "";
    if (at.point.phase == Phase::storage && (name == "ready" || name == "pre-switchover"))
      return "the destination's disk has all its pages: none has to be added";
    return needs_mirror(at, side);
  };
  kind.inject = [](World& world, const FaultSpec&) { world.fill_destination_disk(true); };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto said = world.destination_disk_refusal();
    if (said.empty()) return std::nullopt;
    return "a third party's byte on the destination's volume is refused: " + said;
  };
  kind.heal = [](World& world, const FaultSpec&) { world.fill_destination_disk(false); };
  return kind;
}

}  // namespace migfuzz
