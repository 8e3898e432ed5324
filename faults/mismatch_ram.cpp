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
  // A file of pages names their places, and QEMU 10.0 does not compare the length then
  // (docs/findings/qemu-10.0-mapped-ram-file.md): what was accepted has happened, too.
  kind.delivered = [refused = kind.delivered](World& world, const FaultSpec& spec) {
    auto proof = refused(world, spec);
    if (!proof && world.sight(Side::destination).migration == MigrationStatus::completed)
      proof = "the destination has loaded an image of another amount of RAM";
    return proof;
  };
  kind.colour = "#7a6aa0";
  return kind;
}

}  // namespace migfuzz
