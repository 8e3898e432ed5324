// drop-out: what one host sends of the migration vanishes on the wire; what it is sent arrives.
//
// From the destination these are its acknowledgements, TCP's and QEMU's; from the source the
// stream. Proof: packets of the host were dropped, and packets to it have passed since.
#include <fmt/format.h>

#include "faults/leg.h"

namespace migfuzz {

FaultKind make_drop_out() {
  auto kind = filtered_kind([](const FaultSpec&) { return Filter{.way = Filter::Way::out}; });
  kind.name = "drop-out";
  kind.summary =
      "the migration packets that one host sends vanish, what it is sent arrives; then healed";
  kind.colour = "#0097a7";
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto counts = world.filter_counts(spec.side);
    if (counts.hit_out == 0 || counts.passed_in == 0) return std::nullopt;
    return fmt::format("{} packets from the {} were dropped while {} to it passed", counts.hit_out,
                       to_string(spec.side), counts.passed_in);
  };
  return kind;
}

}  // namespace migfuzz
