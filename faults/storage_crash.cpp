// storage-crash: the storage daemon of one host, or of both, is killed; another one starts later.
//
// The clients' connections end with the process; QEMU's requests wait (reconnect-delay) and are
// sent again to the daemon that the heal starts on the same listening socket (disk nbd). What was
// flushed lies in the image and must still be there. Proof: the daemon's process ended by signal 9.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_storage_crash() {
  FaultKind kind;
  kind.name = "storage-crash";
  kind.summary = "the storage daemon is killed; another one serves the same disk later";
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
  kind.colour = "#a0522d";
  kind.inject = [](World& world, const FaultSpec& spec) {
    for (const auto host : hosts_hit(spec.side)) world.break_storage(host, StorageFailure::crashes);
  };
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
  kind.heal = [](World& world, const FaultSpec& spec) {
    for (const auto host : hosts_hit(spec.side)) world.heal_storage(host);
  };
  return kind;
}

}  // namespace migfuzz
