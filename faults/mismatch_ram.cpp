// mismatch-ram: the destination's RAM is 1 MiB smaller (parameter 0) or larger (1) than the
// source's.
//
// QEMU compares the length of every RAM block when it reads the list at the head of the stream
// (migration/ram.c), so it is refused in `reserve`. Proof and heal: mismatch.h.
#include "faults/mismatch.h"

namespace migfuzz {

FaultKind make_mismatch_ram() {
  auto kind = mismatch_kind(Mismatch::ram, "Size mismatch: pc.ram");
  kind.name = "mismatch-ram";
  kind.summary = "the destination has another amount of RAM: it refuses the stream at the RAM list";
  kind.colour = "#7a6aa0";
  return kind;
}

}  // namespace migfuzz
