// netem: one host's leg becomes a bad line: late, out of order, with losses; then healed.
//
// The kernel's network emulator on both ends of the cable: D ms late, give or take half of it, so
// that packets overtake each other, and 1 % lost. `parameter` is D; 0 takes the default. The one
// kind that reorders. Proof: packets wait in the queues or have passed them, by their statistics.
#include <fmt/format.h>

#include "faults/leg.h"
#include "faults/where.h"

namespace migfuzz {
namespace {

constexpr std::uint32_t kDelayMs = 20;

}  // namespace

FaultKind make_netem() {
  auto kind = queued_kind([](const FaultSpec& spec) {
    const auto delay = spec.parameter != 0 ? static_cast<std::uint32_t>(spec.parameter) : kDelayMs;
    return Queueing{.delay_ms = delay, .jitter_ms = delay / 2, .loss_percent = 1};
  });
  kind.name = "netem";
  kind.summary = "one host's leg delays, reorders and loses packets (netem); then healed";
  kind.proof = Proof::by_flow;
  kind.parameter_least = 5;
  kind.parameter_most = 60;
  kind.needs = "netem";
  kind.excluded = needs_packets_behind;
  kind.colour = "#33691e";
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto counts = world.queue_counts(spec.side);
    if (counts.passed_packets == 0) return std::nullopt;
    return fmt::format("{} packets crossed the {}'s bad line, {} were lost, {} bytes are on it",
                       counts.passed_packets, to_string(spec.side), counts.dropped_packets,
                       counts.waiting_bytes);
  };
  return kind;
}

}  // namespace migfuzz
