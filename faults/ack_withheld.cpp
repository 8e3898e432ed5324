// ack-withheld: the acknowledgement (SHUT on the return path) is kept back; everything else flows.
//
// The two generals' moment: the destination has the VM and has said so, the source has not heard
// it. Armed at any point up to commit/ack; it takes effect when the acknowledgement comes. Proof:
// the acknowledgement waits in the relay, after everything before it was forwarded.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_ack_withheld() {
  FaultKind kind;
  kind.name = "ack-withheld";
  kind.summary =
      "the acknowledgement on the return path is kept back, everything else flows; then healed";
  kind.component = "channel";
  kind.active = false;
  kind.sides = {Side::channel};
  kind.transport = Transport::unix_tight;
  kind.heal_after_ms = 150;
  kind.patience_ms = 3000;  // more than the hole
  kind.flow = Flow::freely;
  kind.effect = Effect::silences_channel;
  kind.must_heal = true;
  kind.excluded = needs_words_behind;
  kind.colour = "#c0a000";
  kind.inject = [](World& world, const FaultSpec&) {
    world.set_stage(Side::source, {.stands_at_acknowledgement = true});
  };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto channel = world.channel();
    if (!channel.eof_forwarded || channel.back_pace.waiting_bytes == 0) return std::nullopt;
    return fmt::format("the acknowledgement waits at byte {} of the return path",
                       channel.back_forwarded);
  };
  kind.heal = [](World& world, const FaultSpec&) { world.set_stage(Side::source, {}); };
  return kind;
}

}  // namespace migfuzz
