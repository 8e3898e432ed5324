// slow: from the point on the channel passes at most R bytes a second, each way; nothing is lost.
//
// `parameter` is R; 0 takes the default below, at which a device section takes tenths of a second.
// Proof: bytes have passed, not more than R allows, and more wait that would have passed.
#include <fmt/format.h>

#include "faults/held_back.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kBytesPerSecond = 200000;
constexpr double kLookMs = 2;  // a rate needs some time to be one

std::uint64_t rate_of(const FaultSpec& spec) {
  return spec.parameter != 0 ? spec.parameter : kBytesPerSecond;
}

}  // namespace

FaultKind make_slow() {
  auto kind = held_back_kind();
  kind.name = "slow";
  kind.summary = "the channel passes at most R bytes a second from the point on; then healed";
  kind.heal_after_ms = 200;
  kind.parameter_least = 50000;
  kind.parameter_most = 2000000;
  kind.effect = Effect::slows_channel;
  kind.excluded = needs_stream_behind;
  kind.colour = "#b0772a";
  kind.inject = [](World& world, const FaultSpec& spec) {
    for (const auto towards : {Side::destination, Side::source})
      world.set_stage(towards, {.bytes_per_s_max = rate_of(spec)}, spec.channel);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto pace = world.channel(spec.channel).pace;
    if (pace.since_ms < kLookMs || pace.passed_bytes == 0 || pace.waiting_bytes == 0)
      return std::nullopt;
    const double most = static_cast<double>(rate_of(spec)) * pace.since_ms / 1000;
    if (static_cast<double>(pace.passed_bytes) > most + 1) return std::nullopt;
    return fmt::format("{} bytes passed in {:.0f} ms while {} wait; at most {} a second may",
                       pace.passed_bytes, pace.since_ms, pace.waiting_bytes, rate_of(spec));
  };
  return kind;
}

}  // namespace migfuzz
