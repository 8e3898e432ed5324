// arbiter-crash: the manager dies and another one starts, which has nothing but the journal.
//
// What the running arbiter knew is forgotten: questions that it had asked, decisions that were
// journalled and not yet carried out. Both hosts and the channel are left alone. Its side is
// `channel`, the word for what is neither host. Proof: no arbiter is left in memory, a decision
// was due (what a new one would decide from the journal as read back, or the command that stayed
// unsent), and nothing was added to the journal.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_arbiter_crash() {
  FaultKind kind;
  kind.name = "arbiter-crash";
  kind.summary = "the manager dies, and another one starts later from the journal alone";
  kind.component = "arbiter";
  kind.proof = Proof::at_end;
  kind.effect = Effect::stops_arbiter;
  kind.excluded = needs_decisions;
  kind.sides = {Side::channel};
  kind.transport = Transport::unix_tight;
  kind.heal_after_ms = 150;
  kind.must_heal = true;    // without a manager no migration comes to its end
  kind.patience_ms = 3000;  // as for a stall: the arbiter's absence must cost time only
  kind.colour = "#5b3f8c";
  kind.inject = [](World& world, const FaultSpec&) {
    world.arbiter().journal_entries = world.journal().size();
    world.arbiter().wanted = ArbiterSight::State::gone;
  };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto& arbiter = world.arbiter();
    const auto entries = world.journal().size();
    if (arbiter.exists || arbiter.due.empty() || entries != arbiter.journal_entries)
      return std::nullopt;
    return fmt::format("no arbiter is left; `{}` was due, and its journal still has {} entries",
                       arbiter.due, entries);
  };
  kind.heal = [](World& world, const FaultSpec&) {
    world.arbiter().wanted = ArbiterSight::State::decides;
  };
  return kind;
}

}  // namespace migfuzz
