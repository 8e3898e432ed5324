// io-error: the storage of one host, or of both, answers every request with an error.
//
// Done by the host's storage daemon (disk nbd): `blockdev-reopen` puts a failing node under its
// export, so every read, write and flush is answered EIO at once while the connection stays. QEMU
// stops the guest with BLOCK_IO_ERROR (werror=stop) and keeps the request; a source that cannot
// flush when it stops for the switch-over gives the migration up. Proof: a third client's read
// through the same export is answered EIO, and how many errors the guest has met. Healed by a new
// daemon on the same socket. A host that stopped for the error runs again only when it is told to.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_io_error() {
  FaultKind kind;
  kind.name = "io-error";
  kind.summary = "the storage answers every request with an error until it is healed";
  kind.component = "storage";
  kind.effect = Effect::fails_storage;
  kind.must_heal = true;
  kind.needs = "storage-daemon";
  kind.active = true;
  kind.sides = {Side::source, Side::destination, Side::channel};
  kind.transport = Transport::unix_tight;
  kind.heal_after_ms = 150;
  kind.patience_ms = 1000;  // more than the hole, or the manager would cancel
  kind.flow = Flow::at_delivery;
  kind.disk = "nbd";
  kind.colour = "#7a1f5c";
  kind.inject = [](World& world, const FaultSpec& spec) {
    for (const auto host : hosts_hit(spec.side)) world.break_storage(host, StorageFailure::errors);
  };
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
  kind.heal = [](World& world, const FaultSpec& spec) {
    for (const auto host : hosts_hit(spec.side)) world.heal_storage(host);
  };
  return kind;
}

}  // namespace migfuzz
