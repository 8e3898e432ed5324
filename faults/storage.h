// What the kinds share whose failure is that of a host's storage server (disk nbd).
//
// The side `channel` stands for the servers of both hosts. Each kind adds its proof; the heal, a
// server that answers again on the same socket, is one for all. They are never left unhealed: the
// expected outcome speaks of storage that works again within the manager's patience.
#pragma once

#include "faults/catalog.h"

namespace migfuzz {

inline FaultKind storage_kind(StorageFailure how) {
  FaultKind kind;
  kind.component = "storage";
  kind.effect = Effect::fails_storage;
  kind.must_heal = true;
  kind.needs = "storage-daemon";
  kind.sides = {Side::source, Side::destination, Side::channel};
  kind.transport = Transport::unix_tight;
  kind.heal_after_ms = 150;
  kind.patience_ms = 1000;  // more than the hole, or the manager would cancel
  kind.flow = Flow::at_delivery;
  kind.disk = "nbd";
  kind.inject = [how](World& world, const FaultSpec& spec) {
    for (const auto host : hosts_hit(spec.side)) world.break_storage(host, how);
  };
  kind.heal = [](World& world, const FaultSpec& spec) {
    for (const auto host : hosts_hit(spec.side)) world.heal_storage(host);
  };
  return kind;
}

}  // namespace migfuzz
