// delay: from the point on every byte waits D ms in the channel, each way; order is kept.
//
// `parameter` is D in milliseconds; 0 takes the default below, a line around half the world.
// Proof: the relay's clock: of the bytes that passed since, none waited less than D.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {
namespace {

constexpr std::uint32_t kDelayMs = 150;

std::uint32_t delay_of(const FaultSpec& spec) {
  return spec.parameter != 0 ? static_cast<std::uint32_t>(spec.parameter) : kDelayMs;
}

}  // namespace

FaultKind make_delay() {
  FaultKind kind;
  kind.name = "delay";
  kind.summary = "every byte waits D ms in the channel from the point on, both ways; then healed";
  kind.component = "channel";
  kind.active = false;
  kind.sides = {Side::channel};
  kind.transport = Transport::unix_tight;
  kind.heal_after_ms = 200;
  kind.patience_ms = 3000;
  kind.flow = Flow::freely;
  kind.effect = Effect::slows_channel;
  kind.must_heal = true;
  kind.excluded = needs_words_behind;
  kind.colour = "#d09a4a";
  kind.inject = [](World& world, const FaultSpec& spec) {
    for (const auto towards : {Side::destination, Side::source})
      world.set_stage(towards, {.delay_ms = delay_of(spec)});
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto channel = world.channel();
    for (const auto& pace : {channel.pace, channel.back_pace})
      if (pace.passed_bytes > 0 && pace.shortest_wait_ms >= delay_of(spec))
        return fmt::format("{} bytes passed, none in less than {:.1f} ms", pace.passed_bytes,
                           pace.shortest_wait_ms);
    return std::nullopt;
  };
  kind.heal = [](World& world, const FaultSpec&) {
    for (const auto towards : {Side::destination, Side::source}) world.set_stage(towards, {});
  };
  return kind;
}

}  // namespace migfuzz
