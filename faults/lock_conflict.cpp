// lock-conflict: a third party holds the write lock of the shared image when the destination wants
// it.
//
// A stale QEMU, a backup or a repair tool: it takes QEMU's own lock bytes (disks raw and qcow2,
// harness/io/image_lock.h). The destination takes the lock when it activates its images; refused,
// it stands paused with a complete image, and `cont` is answered "Failed to get \"write\" lock".
// Proof: the lock is in the kernel's list and another description is refused because of it.
// Healed by giving it back: the next `cont` must work.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_lock_conflict() {
  FaultKind kind;
  kind.name = "lock-conflict";
  kind.summary = "a third party holds the image lock when the destination wants it";
  kind.component = "storage";
  kind.effect = Effect::fails_storage;
  kind.must_heal = true;
  kind.active = true;
  kind.sides = {Side::destination};
  kind.transport = Transport::unix_tight;
  kind.heal_after_ms = 300;
  kind.patience_ms = 1000;  // the destination is asked again after it
  kind.flow = Flow::at_delivery;
  kind.disk = "raw qcow2";
  kind.shared_disk = true;
  kind.colour = "#2f6f6f";
  kind.inject = [](World& world, const FaultSpec&) { world.lock_image(true); };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (!world.storage(spec.side).locked) return std::nullopt;
    return "another description is refused the write lock, which a third party holds";
  };
  kind.heal = [](World& world, const FaultSpec&) { world.lock_image(false); };
  return kind;
}

}  // namespace migfuzz
