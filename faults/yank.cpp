// yank: somebody sends `yank` to one QEMU, out of band: its migration channel ends at once.
//
// The command is served outside the main loop, so it works on a QEMU whose monitor is blocked by a
// write. QEMU shuts its migration sockets down; bytes already queued may still travel.
// Proof: QEMU answered the command, and its kernel reports no established migration socket any
// more; or it is dead before it could answer, and its load, or its end of the channel, had ended on
// the spot. A refusal ("Instance not found") is no proof: the migration was over on that side.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {
namespace {

// The relay saw that host end its end of the channel, and nobody had fenced it yet.
bool ended_its_channel(World& world, std::string_view who) {
  for (const auto& event : world.history().events()) {
    if (event.kind == "decision" && event.name == fmt::format("fence-{}", who)) return false;
    if (event.kind == "relay" && (event.name == "close-seen" || event.name == "reset-seen") &&
        text_field(event, "what") == who)
      return true;
  }
  return false;
}

}  // namespace

FaultKind make_yank() {
  FaultKind kind;
  kind.name = "yank";
  kind.summary = "somebody yanks the migration channel of one QEMU, out of band";
  kind.component = "management";
  kind.effect = Effect::cuts_channel;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;  // the proof is read from the kernel's list of TCP sockets
  kind.flow = Flow::at_delivery;
  kind.colour = "#a3522e";
  kind.by_hand = "yank";
  kind.excluded = [](const Trigger& at, Side side) -> std::string {
    const auto& [phase, name, plus_bytes] = at.point;
    if (phase == Phase::prepare || before_migrate(at.point))
      return "the channel does not carry the migration yet";
    const bool acknowledged = phase == Phase::commit && name.starts_with("ack") &&
                              (name == "ack-end" || side == Side::destination);
    if (phase == Phase::activate || name == "switched" || acknowledged)
      return "the migration is over on that side: QEMU answers \"Instance not found\"";
    return "";
  };
  kind.inject = [](World& world, const FaultSpec& spec) { world.yank(spec.side); };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    const auto who = to_string(spec.side);
    const auto sight = world.sight(spec.side);
    if (sight.dead) {
      // It may be fenced before it has answered: what it said before its end tells as well.
      const auto* said = world.history().last(who, "qmp-event", "MIGRATION");
      const bool load_failed = (sight.ending && sight.ending->code == 1) ||
                               (said != nullptr && text_field(*said, "status") == "failed");
      // Its sockets went with it; that it crashed is for others to judge.
      const bool crashed = sight.ending && sight.ending->signal != 0 && sight.ending->signal != 9;
      if (crashed)
        return fmt::format("the {} ended by signal {} when it was told to yank", who,
                           sight.ending->signal);
      if (!load_failed && ended_its_channel(world, who))
        return fmt::format("the {} ended its end of the channel at once, and was fenced", who);
      if (!load_failed) return std::nullopt;
      return fmt::format("the {}'s load ended with its channel: {}", who,
                         world.messages(spec.side));
    }
    const auto* reply = world.history().last(who, "qmp-reply", "yank");
    if (reply == nullptr) return std::nullopt;
    // Behind the last byte a post-copy's end may overtake the command: QEMU says so, and that is
    // all that can become of it there.
    if (const auto error = text_field(*reply, "error");
        error && spec.trigger.point.phase == Phase::commit)
      return fmt::format("the {} answered yank with \"{}\": its migration was over", who, *error);
    if (text_field(*reply, "error") || !world.cut_seen(spec.side, "")) return std::nullopt;
    return fmt::format("the {} answered yank and has no established migration socket any more",
                       who);
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
