// storage-crash: the storage daemon of one host, or of both, is killed; another one starts later.
//
// The clients' connections end with the process; QEMU's requests wait (reconnect-delay) and are
// sent again to the daemon that the heal starts on the same listening socket (disk nbd). What was
// flushed lies in the image and must still be there. Proof: the daemon's process ended by signal 9.
#include <fmt/format.h>

#include "faults/storage.h"

namespace migfuzz {

FaultKind make_storage_crash() {
  auto kind = storage_kind(StorageFailure::crashes);
  kind.name = "storage-crash";
  kind.summary = "the storage daemon is killed; another one serves the same disk later";
  kind.active = true;
  kind.colour = "#a0522d";
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    std::string proof;
    for (const auto host : hosts_hit(spec.side)) {
      const auto storage = world.storage(host);
      if (!storage.ended || storage.ended->signal == 0) return std::nullopt;
      proof += fmt::format("{}the {}'s storage daemon ended by signal {}",
                           proof.empty() ? "" : "; ", to_string(host), storage.ended->signal);
    }
    return proof;
  };
  return kind;
}

}  // namespace migfuzz
