// mtu-hole: big packets of one host's leg vanish silently, small ones pass; then healed.
//
// A path whose MTU shrank and whose "too big" messages are filtered: hand-shakes and
// acknowledgements work, data does not. nftables on the wire, by the length of the IP packet.
// `parameter` is the longest that passes, in bytes; 0 takes the default, IPv4's least (RFC 791).
// Proof: longer packets were dropped, shorter ones have passed.
#include <fmt/format.h>

#include "faults/leg.h"
#include "faults/where.h"

namespace migfuzz {
namespace {

constexpr std::uint32_t kLongestBytes = 576;

}  // namespace

FaultKind make_mtu_hole() {
  auto kind = filtered_kind([](const FaultSpec& spec) {
    const auto longest = static_cast<std::uint32_t>(spec.parameter);
    return Filter{.longer_than_bytes = longest != 0 ? longest : kLongestBytes};
  });
  kind.name = "mtu-hole";
  kind.summary = "big migration packets of one host vanish silently, small ones pass; then healed";
  kind.proof = Proof::by_flow;
  kind.excluded = needs_bulk_behind;
  kind.colour = "#2e7d6b";
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto counts = world.filter_counts(spec.side);
    if (counts.hit_in + counts.hit_out == 0 || counts.passed_in + counts.passed_out == 0)
      return std::nullopt;
    return fmt::format("{} big packets of the {} were dropped, {} small ones passed",
                       counts.hit_in + counts.hit_out, to_string(spec.side),
                       counts.passed_in + counts.passed_out);
  };
  return kind;
}

}  // namespace migfuzz
