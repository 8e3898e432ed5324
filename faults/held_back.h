// What the kinds share that hold bytes back in the channel itself, byte-exact, and lose none.
//
// Done by the relay. Each kind says with inject() what is held back, and adds its proof; the heal
// lets both directions flow again.
#pragma once

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

inline FaultKind held_back_kind() {
  FaultKind kind;
  kind.component = "channel";
  kind.effect = Effect::silences_channel;
  kind.active = false;
  kind.sides = {Side::channel};
  kind.transport = Transport::unix_tight;
  kind.heal_after_ms = 150;
  kind.patience_ms = 3000;  // more than the hole, or the manager would cancel
  kind.flow = Flow::freely;
  kind.per_channel = true;
  kind.must_heal = true;
  kind.excluded = needs_words_behind;
  kind.heal = [](World& world, const FaultSpec& spec) {
    for (const auto towards : {Side::destination, Side::source})
      world.set_stage(towards, {}, spec.channel);
  };
  return kind;
}

}  // namespace migfuzz
