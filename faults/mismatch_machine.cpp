// mismatch-machine: the destination's machine type is pc-i440fx-7.1 (7.0 where the source has 7.1).
//
// The configuration section at the head of the stream carries the machine type's name, and the
// destination compares it with its own (migration/savevm.c): refused in `reserve`. A machine type
// has no less and no more, so `parameter` changes nothing. Proof and heal: mismatch.h.
#include "faults/mismatch.h"

namespace migfuzz {

FaultKind make_mismatch_machine() {
  auto kind = mismatch_kind(Mismatch::machine, "Machine type received is");
  kind.name = "mismatch-machine";
  kind.summary =
      "the destination has another version of the machine type: it refuses the stream's head";
  kind.colour = "#6a78a0";
  return kind;
}

}  // namespace migfuzz
