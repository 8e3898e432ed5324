// drop-in: what one host is sent of the migration vanishes on the wire; what it sends arrives.
//
// To the destination this is the stream; to the source its acknowledgements, TCP's and QEMU's.
// Proof: packets to the host were dropped, and packets of it have passed since.
#include <fmt/format.h>

#include "faults/leg.h"

namespace migfuzz {

FaultKind make_drop_in() {
  auto kind = filtered_kind([](const FaultSpec&) { return Filter{.way = Filter::Way::in}; });
  kind.name = "drop-in";
  kind.summary =
      "the migration packets that one host is sent vanish, what it sends arrives; then healed";
  kind.colour = "#00acc1";
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto counts = world.filter_counts(spec.side);
    if (counts.hit_in == 0 || counts.passed_out == 0) return std::nullopt;
    return fmt::format("{} packets to the {} were dropped while {} from it passed", counts.hit_in,
                       to_string(spec.side), counts.passed_out);
  };
  return kind;
}

}  // namespace migfuzz
