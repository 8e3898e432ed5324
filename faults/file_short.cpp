// file-short: the migration file is cut off when it is complete and nobody has read it.
//
// A copy that was not finished, a file system that lost its tail: the source has said `completed`,
// so only the destination can find it out. It must refuse the file, and the source, which stands
// and has the image, must run on. `parameter` says what is left: 0 all but the end mark (and the
// description behind it), 1 up to the middle of an owned page, 2 half of it, 3 its 8 bytes of
// header, 4 nothing. Proof: the size that the kernel tells afterwards.
#include <fmt/format.h>

#include "faults/file.h"

namespace migfuzz {

FaultKind make_file_short() {
  auto kind = file_kind();
  kind.name = "file-short";
  kind.summary = "the migration file is cut off before the destination loads it";
  kind.colour = "#7a4b1d";
  kind.parameter_least = 0;
  kind.parameter_most = 4;
  kind.cells_draw_parameter = true;
  kind.inject = [](World& world, const FaultSpec& spec) { world.cut_file(spec.parameter); };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto cut = world.file_cut();
    if (!cut || cut->after >= cut->before) return std::nullopt;
    return fmt::format("the file had {} bytes and has {}", cut->before, cut->after);
  };
  return kind;
}

}  // namespace migfuzz
