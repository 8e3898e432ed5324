// What the kinds share that end the mirror of a disk before both disks are equal.
//
// They have a meaning in a mode that mirrors the disk, at the points of its mirror. The source must
// then keep the VM and its disk: the destination's is not whole. Never healed: a mirror does not
// come back, it begins anew with the next migration.
#pragma once

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

inline FaultKind mirror_kind() {
  FaultKind kind;
  kind.component = "mirror";
  kind.mode_needs = "storage";
  kind.effect = Effect::fails_mirror;
  kind.sides = {Side::channel};
  kind.transport = Transport::unix_tight;
  kind.flow = Flow::at_delivery;
  kind.excluded = needs_mirror;
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
