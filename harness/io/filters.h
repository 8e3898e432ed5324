// Packet filters on one host's leg, by nftables (libnftables, in this process).
//
// `drop` acts on the wire: where the host's packets arrive at the switch and the switch's at the
// host (netdev ingress), so that the sender has really sent them and is told nothing. `reject` acts
// in the host's own inet tables, where the kernel can answer with RST. Only TCP is hit: the hosts'
// namespaces carry nothing else of TCP than the migration.
#pragma once

#include "harness/core/impairment.h"
#include "harness/io/network.h"

namespace migfuzz::io {

class Filters {
 public:
  /// `network` must outlive it.
  explicit Filters(const Network& network) : network_(network) {}
  /// In the place of what was set. Throws InfraError with nftables' own words.
  void set(Side host, const Filter& filter);
  /// Idempotent.
  void clear(Side host);
  FilterCounts counts(Side host) const;

 private:
  const Network& network_;
};

}  // namespace migfuzz::io
