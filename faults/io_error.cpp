// io-error: the storage of one host, or of both, answers every request with an error.
//
// Done by the host's storage daemon (disk nbd): `blockdev-reopen` puts a failing node under its
// export, so every read, write and flush is answered EIO at once while the connection stays. QEMU
// stops the guest with BLOCK_IO_ERROR (werror=stop) and keeps the request; a source that cannot
// flush when it stops for the switch-over gives the migration up. Proof: a third client's read
// through the same export is answered EIO, and how many errors the guest has met. Healed by a new
// daemon on the same socket. A host that stopped for the error runs again only when it is told to.
#include <fmt/format.h>

#include "faults/storage.h"

namespace migfuzz {

FaultKind make_io_error() {
  auto kind = storage_kind(StorageFailure::errors);
  kind.name = "io-error";
  kind.summary = "the storage answers every request with an error until it is healed";
  kind.active = true;
  kind.colour = "#7a1f5c";
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    std::string proof;
    for (const auto host : hosts_hit(spec.side)) {
      const auto storage = world.storage(host);
      if (storage.probe.find("error") == std::string::npos) return std::nullopt;
      proof += fmt::format("{}{}: a third client is told `{}`, the guest met {} errors",
                           proof.empty() ? "" : "; ", to_string(host), storage.probe,
                           storage.guest_errors);
    }
    return proof;
  };
  return kind;
}

}  // namespace migfuzz
