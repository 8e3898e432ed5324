// corrupt-file: one bit of an owned page changes in the migration file before it is loaded.
//
// The file has no checksum over pages, as the stream has none, so this is outside QEMU's promise:
// the cell controls the harness's eyesight. The memory checker must name the page. `parameter`
// chooses the bit (0 … 32767) inside the page. Proof: the changed byte is read back.
#include <fmt/format.h>

#include "faults/file.h"

namespace migfuzz {

FaultKind make_corrupt_file() {
  auto kind = file_kind();
  kind.name = "corrupt-file";
  kind.summary = "one bit of an owned page changes in the migration file before it is loaded";
  kind.effect = Effect::damages_page;
  kind.colour = "#9d1b4c";
  kind.parameter_least = 0;
  kind.parameter_most = 4096 * 8 - 1;
  kind.cells_draw_parameter = true;
  kind.inject = [](World& world, const FaultSpec& spec) { world.corrupt_file(spec.parameter); };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto flip = world.flip();
    if (!flip || !flip->forwarded) return std::nullopt;
    return fmt::format("bit {} of guest byte {:#x} was changed at byte {} of the file", flip->bit,
                       flip->gpa, flip->offset);
  };
  return kind;
}

}  // namespace migfuzz
