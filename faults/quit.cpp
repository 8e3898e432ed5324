// quit: somebody ends one QEMU in the orderly way, by the management command, mid-migration.
//
// QEMU ends its migration itself, closes its sockets and exits with status 0. When the source is
// hit, the relay drops what its kernel had queued: nothing past the point arrives. It travels over
// TCP: on tight buffers a source that is held inside stop-and-copy holds its big lock, and neither
// `quit` nor SIGTERM, which the same main loop serves, would be taken before the channel moves.
// Proof: the process was reaped and ended with status 0. An end by a signal that nobody sent is
// proof, too: that is QEMU's answer to `quit`, and the checker `clean-exit` has a word to say. A
// destination in post-copy whose vCPU waits for a page announces its shutdown and cannot end
// (pause_all_vcpus() waits for that vCPU): then the announcement is the proof.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_quit() {
  FaultKind kind;
  kind.name = "quit";
  kind.summary = "somebody ends one QEMU by the command `quit` while it migrates";
  kind.component = "management";
  kind.effect = Effect::loses_host;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.flow = Flow::at_delivery;
  kind.colour = "#b0413e";
  kind.by_hand = "quit";
  kind.kills = true;
  kind.excluded = [](const Trigger& trigger, Side side) -> std::string {
    if (side == Side::destination && to_string(trigger.point) == "postcopy/package-end")
      return "it reads the package there, and takes no command before a page comes that is held";
    const auto& [phase, name, plus_bytes] = trigger.point;
    const bool waits_for_channel =
        name == "hello" || name.starts_with("sync:") ||
        (phase == Phase::stopcopy && name.starts_with("packet:"));  // nothing but a sync follows
    if (side == Side::destination && waits_for_channel)
      return "its main loop waits there for what is held, and takes no command";
    return "";
  };
  kind.inject = [](World& world, const FaultSpec& spec) {
    if (spec.side == Side::source) world.seal_source();
    world.quit(spec.side);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto sight = world.sight(spec.side);
    constexpr int kKilled = 9;           // SIGKILL: the arbiter fenced it
    constexpr Milliseconds kEnds{1000};  // 2 to 50 ms in good cases
    if (!sight.dead || (sight.ending && sight.ending->signal == kKilled)) {
      const auto* announced = world.history().first(to_string(spec.side), "qmp-event", "SHUTDOWN");
      if (announced == nullptr) return std::nullopt;
      const std::chrono::nanoseconds since =
          world.now() - world.history().start() - std::chrono::nanoseconds(announced->at_ns);
      if (since < kEnds) return std::nullopt;
      return fmt::format("the {} was told to quit, announced it, and did not end for {} ms",
                         to_string(spec.side), kEnds.count());
    }
    if (!sight.ending || sight.ending->code != 0) return std::nullopt;
    if (sight.ending->signal != 0)
      return fmt::format("the {} was told to quit and ended by signal {}", to_string(spec.side),
                         sight.ending->signal);
    return fmt::format("the {} was told to quit and exited with status 0", to_string(spec.side));
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
