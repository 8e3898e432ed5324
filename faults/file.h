// What the kinds share that spoil the file through which a VM migrates (mode mapped-ram).
//
// They have a meaning at the points where the manager stands: while the source saves the file can
// be made too small, and once it is complete, and nobody has read it, somebody can change it. What
// the source has in memory is not touched by any of them. Undone before a second migration, which
// saves the file anew.
#pragma once

#include "faults/catalog.h"

namespace migfuzz {

inline FaultKind file_kind() {
  FaultKind kind;
  kind.component = "file";
  kind.mode_needs = "mapped-ram";
  kind.effect = Effect::fails_file;
  kind.sides = {Side::channel};
  kind.transport = Transport::unix_tight;
  kind.flow = Flow::at_delivery;
  kind.excluded = [](const Trigger& at, Side) -> std::string {
    const auto point = to_string(at.point);
    if (point == "commit/file-complete") return "";
    const bool later = at.point.phase >= Phase::commit;
    return later ? "nobody reads the file any more" : "the file is not complete yet";
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
