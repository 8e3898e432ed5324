// arbiter-pause: the manager takes no decision for a while, then goes on with what it had.
//
// Both hosts and the channel are left alone; QEMU waits for the manager before the switch-over and
// before it runs the guest. Its side is `channel`, the word for what is neither host. Proof: a
// decision was due in what was seen, or a journalled command unsent, and the journal did not grow.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_arbiter_pause() {
  FaultKind kind;
  kind.name = "arbiter-pause";
  kind.summary = "the manager takes no decision for a while, then goes on with what it had";
  kind.component = "arbiter";
  kind.proof = Proof::at_end;
  kind.effect = Effect::stops_arbiter;
  kind.active = false;
  kind.excluded = needs_decisions;
  kind.sides = {Side::channel};
  kind.transport = Transport::unix_tight;
  kind.heal_after_ms = 150;
  kind.must_heal = true;
  kind.patience_ms = 3000;
  kind.colour = "#8f7ab8";
  kind.inject = [](World& world, const FaultSpec&) {
    world.arbiter().journal_entries = world.journal().size();
    world.arbiter().wanted = ArbiterSight::State::pauses;
  };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto& arbiter = world.arbiter();
    const auto entries = world.journal().size();
    if (arbiter.due.empty() || entries != arbiter.journal_entries) return std::nullopt;
    return fmt::format("`{}` was due and not done; the journal still has {} entries", arbiter.due,
                       entries);
  };
  kind.heal = [](World& world, const FaultSpec&) {
    world.arbiter().wanted = ArbiterSight::State::decides;
  };
  return kind;
}

}  // namespace migfuzz
