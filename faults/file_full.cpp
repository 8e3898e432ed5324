// file-full: the file system of the migration file has no byte left while the source saves.
//
// It is a tmpfs of its own, whose size is lowered to what is in use (harness/io/small_volume.h):
// the next write into a page that the file has not yet got is refused by the kernel with ENOSPC.
// The source must give the migration up and run on. It has room again before a second migration.
// Proof: the kernel refuses a third party's byte there.
#include "faults/file.h"

namespace migfuzz {

FaultKind make_file_full() {
  auto kind = file_kind();
  kind.name = "file-full";
  kind.summary = "the file system of the migration file has no byte left while the source saves";
  kind.colour = "#8a6a2f";
  kind.excluded = [](const Trigger& at, Side) -> std::string {
    if (at.point.phase >= Phase::commit) return "the source has written every byte by then";
    const bool saving = at_file(at.point) || to_string(at.point) == "prepare/ready";
    return saving ? "" : "nothing is saved into a file there";
  };
  kind.inject = [](World& world, const FaultSpec&) { world.fill_file(true); };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto said = world.file_refusal();
    if (said.empty()) return std::nullopt;
    return "a third party's byte on the file's volume is refused: " + said;
  };
  kind.heal = [](World& world, const FaultSpec&) { world.fill_file(false); };
  return kind;
}

}  // namespace migfuzz
