// ack-withheld: the acknowledgement (SHUT on the return path) is kept back; everything else flows.
//
// The two generals' moment: the destination has the VM and has said so, the source has not heard
// it. Armed at any point up to commit/ack; it takes effect when the acknowledgement comes. Proof:
// the acknowledgement waits in the relay, after everything before it was forwarded.
#include <fmt/format.h>

#include "faults/held_back.h"

namespace migfuzz {

FaultKind make_ack_withheld() {
  auto kind = held_back_kind();
  kind.per_channel = false;  // on a side channel the destination says nothing
  kind.name = "ack-withheld";
  kind.summary =
      "the acknowledgement on the return path is kept back, everything else flows; then healed";
  kind.proof = Proof::at_end;
  kind.colour = "#c0a000";
  kind.needs_return_path = true;
  kind.inject = [](World& world, const FaultSpec&) {
    world.set_stage(Side::source, {.stands_at_acknowledgement = true}, "");
  };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto channel = world.channel();
    if (!channel.eof_forwarded || channel.back_pace.waiting_bytes == 0) return std::nullopt;
    return fmt::format("the acknowledgement waits at byte {} of the return path",
                       channel.back_forwarded);
  };
  kind.per_channel = false;  // the destination says nothing over a side channel
  kind.heal = [](World& world, const FaultSpec&) {
    for (const auto towards : {Side::destination, Side::source}) world.set_stage(towards, {}, "");
  };
  return kind;
}

}  // namespace migfuzz
