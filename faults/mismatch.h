// What the mismatch kinds share: a destination that is configured unlike its source.
//
// The destination is started with another configuration; nothing else is done to the migration, and
// the failure shows when the destination reads the stream. `parameter` of the plan says in which
// direction: 0, the destination has less of it (what the drawn cells take); 1, it has something
// more. Proof: the words with which QEMU itself refused the stream, read from what the destination
// printed. A difference that QEMU accepts has no proof, so such a case is never a pass.
#pragma once

#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

/// `words`: part of the line in which QEMU names the difference.
inline FaultKind mismatch_kind(Mismatch what, std::string_view words) {
  FaultKind kind;
  kind.component = "management";
  kind.effect = Effect::refuses_migration;
  kind.sides = {Side::destination};
  kind.transport = Transport::tcp;
  kind.flow = Flow::never;
  kind.before_start = true;
  kind.excluded = only_before_start;
  kind.inject = [what](World& world, const FaultSpec& spec) {
    world.mismatch(what, spec.parameter != 0);
  };
  kind.delivered = [words](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto printed = world.messages(Side::destination);
    const auto found = printed.find(words);
    if (found == std::string::npos) return std::nullopt;
    const auto begin = printed.rfind('\n', found);
    const auto from = begin == std::string::npos ? 0 : begin + 1;
    return fmt::format("the destination printed: {}",
                       printed.substr(from, printed.find('\n', found) - from));
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
