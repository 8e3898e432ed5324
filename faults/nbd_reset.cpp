// nbd-reset: the connection over which the disk is mirrored is reset; the migration's is not hit.
//
// Done by the forwarder of the mirror's connection in the switch: RST to both ends. QEMU's NBD
// client does not reconnect (reconnect-delay=0, as libvirt leaves it): its next request gets EIO,
// and the job fails with it. Proof: neither host has an established socket of that connection.
#include <fmt/format.h>

#include "faults/mirror.h"

namespace migfuzz {

FaultKind make_nbd_reset() {
  auto kind = mirror_kind();
  kind.name = "nbd-reset";
  kind.summary = "the connection over which the disk is mirrored is reset";
  kind.active = true;
  kind.colour = "#6a4fb3";
  kind.inject = [](World& world, const FaultSpec&) { world.cut_mirror(); };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto path = world.mirror_path();
    if (path.open || !path.cut_seen) return std::nullopt;
    return fmt::format("neither host's socket of the mirror is established any more; {} bytes had "
                       "passed",
                       path.forwarded);
  };
  return kind;
}

}  // namespace migfuzz
