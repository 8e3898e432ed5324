// unmovable-device: the VM has a device whose state QEMU cannot save (an emulated NVMe controller).
//
// The source refuses `migrate` with the device's name, and the VM must not notice. The device
// stays: no later migration of this VM can succeed, so what becomes of it is the manager's policy.
// Proof: QEMU's own refusal.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_unmovable_device() {
  FaultKind kind;
  kind.name = "unmovable-device";
  kind.summary = "the VM has a device that cannot be migrated: its source refuses to";
  kind.component = "management";
  kind.effect = Effect::refuses_migration;
  kind.sides = {Side::source};
  kind.transport = Transport::tcp;
  kind.flow = Flow::never;
  kind.before_start = true;
  kind.for_good = kind.boots_with = true;
  kind.colour = "#8f7f4f";
  kind.excluded = only_before_start;
  kind.inject = [](World& world, const FaultSpec&) {
    world.mismatch(Mismatch::unmovable_device, true);
  };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto* refused = world.history().first("source", "note", "migrate-refused");
    if (refused == nullptr) return std::nullopt;
    const auto error = text_field(*refused, "error").value_or("");
    if (error.find("non-migratable") == error.npos) return std::nullopt;
    return fmt::format("the source answered `migrate` with: {}", error);
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
