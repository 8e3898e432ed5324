// mismatch-devices: the destination lacks the virtio-net device (parameter 0) or has one more (1).
//
// A section that no device of the destination claims is refused in `stopcopy`, when it is read: the
// source is stopped by then and must resume. Proof and heal: mismatch.h.
#include "faults/mismatch.h"

namespace migfuzz {

FaultKind make_mismatch_devices() {
  auto kind = mismatch_kind(Mismatch::devices, "Unknown savevm section");
  kind.name = "mismatch-devices";
  kind.summary = "the destination lacks a device of the source: it refuses that device's section";
  kind.colour = "#8a6a90";
  return kind;
}

}  // namespace migfuzz
