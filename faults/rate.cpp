// rate: one host's leg carries at most R bytes a second, each way (TBF queues); then healed.
//
// `parameter` is R; 0 takes the default below. The kernel's twin of `slow`.
// Proof: the queues have passed bytes and have held packets back, by their own statistics.
#include <fmt/format.h>

#include "faults/leg.h"
#include "faults/where.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kRate = 200000;  // bytes a second

}  // namespace

FaultKind make_rate() {
  auto kind = queued_kind([](const FaultSpec& spec) {
    return Queueing{.bytes_per_s_max = spec.parameter != 0 ? spec.parameter : kRate};
  });
  kind.name = "rate";
  kind.summary = "one host's leg carries at most R bytes a second, both ways; then healed";
  kind.proof = Proof::by_flow;
  kind.parameter_least = 50000;
  kind.parameter_most = 2000000;
  kind.needs = "rate";
  kind.excluded = needs_bulk_behind;
  kind.colour = "#7b6a2a";
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto counts = world.queue_counts(spec.side);
    if (counts.held_back_packets == 0 || counts.passed_bytes == 0) return std::nullopt;
    return fmt::format("the {}'s leg has passed {} bytes and held packets back {} times",
                       to_string(spec.side), counts.passed_bytes, counts.held_back_packets);
  };
  return kind;
}

}  // namespace migfuzz
