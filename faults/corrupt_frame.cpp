// corrupt-frame: one bit of the first byte behind the point changes, where the stream's framing is.
//
// The byte is one that QEMU reads to know what comes: the header's magic, an item's type. With the
// bit below no type becomes another known one, so QEMU must refuse the stream. `parameter` is the
// bit plus one (1 … 8); 0 takes the default.
// Proof: the changed byte has been forwarded. Points inside a payload are excluded: what QEMU makes
// of a device's own byte is not framing.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {
namespace {

constexpr unsigned kBit = 6;  // every item type of QEMU is below 0x40, but for the footer's 0x7e

std::string excluded_off_frame(const Trigger& trigger, Side side) {
  const auto& name = trigger.point.name;
  if (name.starts_with("ack") || name == "vmdesc-end") return "no byte of the stream follows there";
  if (trigger.point.plus_bytes != 0 || name.ends_with("/middle") || name == "vmdesc-middle")
    return "the byte there is payload, not framing";
  if (name.starts_with("page:") || name.starts_with("pass:") || name.starts_with("preempt-page:"))
    return "the byte there is the address of a page, not framing";
  const bool back = name.starts_with("bitmap") && name != "bitmap-request";
  if (back || name.starts_with("request:") || name.starts_with("answer:") ||
      name == "last-page" || name == "resume-ack")
    return "any byte of the stream may follow there, one of a page, too";
  return needs_channel(trigger, side);
}

}  // namespace

FaultKind make_corrupt_frame() {
  FaultKind kind;
  kind.name = "corrupt-frame";
  kind.summary = "one bit of a framing byte changes on the wire: QEMU must refuse the stream";
  kind.component = "data";
  kind.sides = {Side::channel};
  kind.transport = Transport::unix_tight;
  kind.effect = Effect::damages_frame;
  kind.excluded = excluded_off_frame;
  kind.per_channel = true;
  kind.colour = "#c2185b";
  kind.inject = [](World& world, const FaultSpec& spec) {
    const auto bit = spec.parameter != 0 ? static_cast<unsigned>(spec.parameter - 1) % 8 : kBit;
    world.corrupt_next_byte(bit, spec.channel);
  };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto flip = world.frame_flip();
    if (!flip || !flip->forwarded) return std::nullopt;
    return fmt::format("byte {} of the stream went out as {:#04x}, it was {:#04x}", flip->offset,
                       flip->after, flip->before);
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
