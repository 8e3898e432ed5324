// corrupt: one bit of an owned page's content changes on the wire.
//
// Plain migration has no checksum of its own, so this is outside QEMU's promise: the cell controls
// the harness's eyesight. The memory checker must name the page. The first owned page record at or
// behind the point is hit; `parameter` chooses the bit (0 … 32767) inside the page.
// Proof: the changed byte has been forwarded.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_corrupt() {
  FaultKind kind;
  kind.name = "corrupt";
  kind.summary =
      "one bit of an owned page changes on the wire: a control of the harness's eyesight";
  kind.component = "data";
  kind.effect = Effect::damages_page;
  // Behind other points the page may be sent again, or no page record follows.
  kind.excluded = [](const Trigger& trigger, Side) -> std::string {
    if (trigger.point.phase == Phase::stopcopy && trigger.point.name == "enter") return "";
    return "only pages of the final RAM section are not sent again";
  };
  kind.sides = {Side::channel};
  kind.transport = Transport::unix_tight;
  kind.acts_on_page = true;
  kind.colour = "#ad1457";
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.corrupt_next_page(spec.parameter);
  };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto flip = world.flip();
    if (!flip || !flip->forwarded) return std::nullopt;
    return fmt::format("bit {} of guest byte {:#x} was changed at stream byte {}", flip->bit,
                       flip->gpa, flip->offset);
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
