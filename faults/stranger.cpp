// stranger: somebody who has no part in the migration connects to the destination's incoming port.
//
// It comes from the switch, past the relay, and says what no source would say; `parameter` chooses:
// modulo 6 what (Strange: nothing, noise, a cut stream, a foreign multifd greeting, a TLS hello
// without credentials, half of its record), then modulo 2 whether it closes or stays and is silent,
// the rest is the seed of its bytes. 0: a connection that is closed at once.
// It must harm nothing, with one exception: without TLS the first to connect is the source to QEMU,
// so at prepare/ready the real one is refused and keeps the VM.
// Proof: the destination's kernel refused the connection or has every byte, or QEMU ended it.
// Heal: none; the connection ends with the case at the latest.
#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kManners = 6;
constexpr std::uint64_t kSeeds = 4096;

Intrusion intrusion_of(std::uint64_t parameter) {
  Intrusion stranger;
  stranger.what = static_cast<Strange>(parameter % kManners);
  stranger.stays = parameter / kManners % 2 != 0;
  stranger.seed = parameter / kManners / 2;
  return stranger;
}

}  // namespace

FaultKind make_stranger() {
  FaultKind kind;
  kind.name = "stranger";
  kind.summary = "somebody without credentials connects to the destination's incoming port";
  kind.component = "stranger";
  kind.effect = Effect::intrudes;
  kind.sides = {Side::destination};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.flow = Flow::at_delivery;
  kind.parameter_most = kManners * 2 * kSeeds - 1;
  kind.cells_draw_parameter = true;
  kind.colour = "#4e6b57";
  kind.inject = [](World& world, const FaultSpec& spec) {
    world.intrude(intrusion_of(spec.parameter));
  };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto seen = world.intrusion();
    if (seen.refused) return "the destination's kernel refused the stranger";
    if (seen.rejected) return "the destination ended the stranger's connection";
    if (seen.arrived) return "the destination's kernel has all that the stranger said";
    return std::nullopt;
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
