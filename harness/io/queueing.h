// Queues at both ends of one host's leg: a bandwidth limit (TBF) or a bad line (netem), by libnl.
//
// Segmentation offload of the leg is off while a queue is there, because a queue for the wire must
// see packets and not 64 KiB bundles of them. clear() puts everything back; what waited in a queue
// is lost then, as the kernel does with a queue that goes, and TCP sends it again.
#pragma once

#include "harness/core/impairment.h"
#include "harness/io/network.h"

namespace migfuzz::io {

class QueuesOfLegs {
 public:
  /// `network` must outlive it.
  explicit QueuesOfLegs(const Network& network) : network_(network) {}
  /// In the place of what was set. Throws InfraError; netem may be missing from the kernel.
  void set(Side host, const Queueing& queueing);
  /// Idempotent.
  void clear(Side host);
  QueueCounts counts(Side host) const;
  /// Both ends of that host's leg build or take bundles of packets (TSO, GSO, GRO), or do not.
  void set_offload(Side host, bool on);
  bool offload(Side host) const;

 private:
  const Network& network_;
};

}  // namespace migfuzz::io
