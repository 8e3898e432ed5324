// stall-back: what the destination says is kept back from the point on; the other way flows on.
//
// Done by the relay on the return path alone: the image arrives whole, its acknowledgement later.
// Proof: bytes of the destination wait in the relay while none of the source's does.
#include <fmt/format.h>

#include "faults/held_back.h"

namespace migfuzz {

FaultKind make_stall_back() {
  auto kind = held_back_kind();
  kind.per_channel = false;  // on a side channel the destination says nothing
  kind.name = "stall-back";
  kind.summary =
      "what the destination says is kept back; the forward direction flows on; then healed";
  kind.proof = Proof::at_end;
  kind.colour = "#9e9d24";
  kind.needs_return_path = true;
  kind.inject = [](World& world, const FaultSpec&) {
    world.set_stage(Side::source, {.stands = true}, "");
    world.set_stage(Side::destination, {}, "");  // counts what flows on
  };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto channel = world.channel();
    if (channel.back_pace.waiting_bytes == 0 || channel.pace.waiting_bytes != 0)
      return std::nullopt;
    return fmt::format("{} bytes of the destination wait; {} of the source passed meanwhile",
                       channel.back_pace.waiting_bytes, channel.pace.passed_bytes);
  };
  kind.per_channel = false;  // the destination says nothing over a side channel
  kind.heal = [](World& world, const FaultSpec&) {
    for (const auto towards : {Side::destination, Side::source}) world.set_stage(towards, {}, "");
  };
  return kind;
}

}  // namespace migfuzz
