// mgmt-silence: the manager's connections to one QEMU stay open, but nothing passes until the heal.
//
// The bytes of both directions are kept back, then delivered in order: commands and events are
// late, none is lost. QEMU itself goes on, and the migration with it.
// Proof: a question that was asked at the injection has no answer after thirty times the usual
// millisecond, although the process is alive and not stopped.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_mgmt_silence() {
  FaultKind kind;
  kind.name = "mgmt-silence";
  kind.summary =
      "the manager's connections to one QEMU stay open and silent; then all is delivered";
  kind.component = "management";
  kind.effect = Effect::blinds_manager;
  kind.active = false;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::unix_tight;
  kind.heal_after_ms = 150;
  kind.patience_ms = 3000;  // a manager more patient than the silence, or it would fence
  kind.must_heal = true;
  kind.flow = Flow::at_delivery;
  kind.colour = "#6f8fae";
  kind.inject = [](World& world, const FaultSpec& spec) { world.silence_management(spec.side); };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    constexpr Milliseconds kUnanswered{30};
    const auto open_for = world.management_unanswered(spec.side);
    if (open_for < kUnanswered || world.sight(spec.side).dead || world.frozen(spec.side))
      return std::nullopt;
    return fmt::format("the {} is alive and not stopped, a question is open for {} ms",
                       to_string(spec.side), open_for.count());
  };
  kind.heal = [](World& world, const FaultSpec& spec) { world.restore_management(spec.side); };
  return kind;
}

}  // namespace migfuzz
