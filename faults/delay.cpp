// delay: from the point on every byte waits D ms in the channel, each way; order is kept.
//
// `parameter` is D in milliseconds; 0 takes the default below, a line around half the world.
// Proof: the relay's clock: of the bytes that passed since, none waited less than D.
#include <fmt/format.h>

#include "faults/held_back.h"

namespace migfuzz {
namespace {

constexpr std::uint32_t kDelayMs = 150;

std::uint32_t delay_of(const FaultSpec& spec) {
  return spec.parameter != 0 ? static_cast<std::uint32_t>(spec.parameter) : kDelayMs;
}

}  // namespace

FaultKind make_delay() {
  auto kind = held_back_kind();
  kind.name = "delay";
  kind.summary = "every byte waits D ms in the channel from the point on, both ways; then healed";
  kind.heal_after_ms = 200;
  kind.parameter_least = 20;
  kind.parameter_most = 300;
  kind.effect = Effect::slows_channel;
  kind.colour = "#d09a4a";
  kind.inject = [](World& world, const FaultSpec& spec) {
    for (const auto towards : {Side::destination, Side::source})
      world.set_stage(towards, {.delay_ms = delay_of(spec)}, spec.channel);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto channel = world.channel(spec.channel);
    for (const auto& pace : {channel.pace, channel.back_pace})
      if (pace.passed_bytes > 0 && pace.shortest_wait_ms >= delay_of(spec))
        return fmt::format("{} bytes passed, none in less than {:.1f} ms", pace.passed_bytes,
                           pace.shortest_wait_ms);
    return std::nullopt;
  };
  return kind;
}

}  // namespace migfuzz
