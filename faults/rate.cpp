// rate: one host's leg carries at most R bytes a second, each way (TBF queues); then healed.
//
// `parameter` is R; 0 takes the default below. The kernel's twin of `slow`.
// Proof: the queues have passed bytes and have held packets back, by their own statistics.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kRate = 200000;  // bytes a second

}  // namespace

FaultKind make_rate() {
  FaultKind kind;
  kind.name = "rate";
  kind.summary = "one host's leg carries at most R bytes a second, both ways; then healed";
  kind.component = "network";
  kind.active = false;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.heal_after_ms = 200;
  kind.patience_ms = 5000;  // what waits in a queue that goes is sent again
  kind.flow = Flow::freely;
  kind.effect = Effect::slows_channel;
  kind.must_heal = true;
  kind.needs = "rate";
  kind.excluded = needs_bulk_behind;
  kind.colour = "#7b6a2a";
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.set_queueing(spec.side,
                       Queueing{.bytes_per_s_max = spec.parameter != 0 ? spec.parameter : kRate});
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto counts = world.queue_counts(spec.side);
    if (counts.held_back_packets == 0 || counts.passed_bytes == 0) return std::nullopt;
    return fmt::format("the {}'s leg has passed {} bytes and held packets back {} times",
                       to_string(spec.side), counts.passed_bytes, counts.held_back_packets);
  };
  kind.heal = [](World& world, const FaultSpec& spec) {
    world.set_queueing(spec.side, std::nullopt);
  };
  return kind;
}

}  // namespace migfuzz
