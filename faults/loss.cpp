// loss: every N-th migration packet of one host's leg is lost, each way; then healed.
//
// nftables on the wire with segmentation offload off, so that packets and not bundles are lost. The
// first packet each way is the first lost one: counted, not drawn, so a replay loses the same.
// `parameter` is N; 0 takes the default. TCP must make it good.
// Proof: packets were lost and others have passed, by the rules' counters.
#include <fmt/format.h>

#include "faults/leg.h"
#include "faults/where.h"

namespace migfuzz {
namespace {

constexpr std::uint32_t kOneIn = 10;

Filter losing(const FaultSpec& spec) {
  const auto n = static_cast<std::uint32_t>(spec.parameter);
  return Filter{.one_in = n > 1 ? n : kOneIn};
}

}  // namespace

FaultKind make_loss() {
  auto kind = filtered_kind(losing);
  kind.name = "loss";
  kind.summary = "every N-th migration packet of one host is lost, both ways; then healed";
  kind.heal_after_ms = 200;
  kind.proof = Proof::by_flow;
  kind.parameter_least = 3;
  kind.parameter_most = 30;
  kind.effect = Effect::slows_channel;
  kind.needs = "loss";
  kind.excluded = needs_packets_behind;
  kind.colour = "#558b2f";
  // Unprovoked: what is lost are packets of the migration.
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.set_filter(spec.side, losing(spec));
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto counts = world.filter_counts(spec.side);
    const auto lost = counts.hit_in + counts.hit_out;
    const auto passed = counts.passed_in + counts.passed_out;
    if (lost == 0 || passed == 0) return std::nullopt;
    return fmt::format("{} packets of the {} were lost, {} passed", lost, to_string(spec.side),
                       passed);
  };
  return kind;
}

}  // namespace migfuzz
