// cancel: somebody who is not the arbiter sends migrate_cancel to the source.
//
// An operator, a script, a second manager: the arbiter's journal knows nothing of it and learns of
// it as of any failure. It travels over TCP: on tight buffers a source that is held inside
// stop-and-copy takes no command in band, and its cancel would come after the point.
// Proof: QEMU answered the command, and what the source then reports of its migration. Once the
// source has the acknowledgement QEMU accepts the command, too, and completes all the same.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_cancel() {
  FaultKind kind;
  kind.name = "cancel";
  kind.summary = "somebody who is not the arbiter sends migrate_cancel to the source";
  kind.component = "management";
  kind.effect = Effect::cancels_migration;
  kind.sides = {Side::source};
  kind.transport = Transport::tcp;
  kind.flow = Flow::at_delivery;
  kind.colour = "#94641b";
  kind.by_hand = "cancel";
  kind.excluded = [](const Trigger& at, Side) -> std::string {
    const bool unsent = before_migrate(at.point);
    return unsent ? "there is no migration yet" : "";
  };
  kind.inject = [](World& world, const FaultSpec&) { world.cancel(); };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto* reply = world.history().last("source", "qmp-reply", "migrate_cancel");
    if (reply == nullptr) return std::nullopt;
    if (const auto error = text_field(*reply, "error"))
      return fmt::format("QEMU refused migrate_cancel: {}", *error);
    const auto status = world.sight(Side::source).migration;
    switch (status) {
      case MigrationStatus::cancelling:
      case MigrationStatus::cancelled:
      case MigrationStatus::failed:
        return fmt::format("QEMU accepted migrate_cancel, the migration is {}", to_string(status));
      case MigrationStatus::completed:
        return "QEMU accepted migrate_cancel, but the migration had completed";
      default:
        return std::nullopt;
    }
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
