// What a path can be told to do to the bytes that travel it: values, and what was counted of them.
//
// Two places obey them. The relay's stages act on bytes of the channel, one direction each, and
// lose none of them. The kernel's filters and queues act on packets of one host's leg (the cable
// between it and the switch), where TCP has to make good what is lost.
#pragma once

#include <cstdint>

namespace migfuzz {

/// What the relay does to one direction of the channel. A default Stage lets everything pass at
/// once.
struct Stage {
  bool stands = false;                     // nothing passes
  std::uint64_t bytes_per_s_max = 0;       // 0: as fast as it comes
  std::uint32_t delay_ms = 0;              // each byte waits as long; order is kept
  bool stands_at_acknowledgement = false;  // from the acknowledgement (SHUT) on nothing passes
  bool operator==(const Stage&) const = default;
};

/// What was measured of a direction since its stage was set.
struct Pace {
  std::uint64_t passed_bytes = 0, waiting_bytes = 0;
  double since_ms = 0;          // of the setting
  double shortest_wait_ms = 0;  // of the bytes that passed, in the relay; 0 when none has
};

/// Which packets of a host's migration a filter hits, and what becomes of them. Ways are seen from
/// the host: what it sends goes out.
struct Filter {
  enum class Way { out, in, both };
  enum class Fate { drop, reject };  // reject: RST to the sender
  Way way = Way::both;
  Fate fate = Fate::drop;
  std::uint32_t one_in = 1;             // hits the first and then every n-th packet that fits
  std::uint32_t longer_than_bytes = 0;  // hits only longer IP packets; 0: any
  bool operator==(const Filter&) const = default;
};

/// Packets of the host's leg since its filter was set.
struct FilterCounts {
  std::uint64_t hit_out = 0, hit_in = 0, passed_out = 0, passed_in = 0;
};

/// What queues at both ends of a host's leg do to it, each way. The last three need netem.
struct Queueing {
  std::uint64_t bytes_per_s_max = 0;  // 0: as fast as the leg is
  std::uint32_t delay_ms = 0;
  std::uint32_t jitter_ms = 0;  // of the delay; packets overtake each other
  std::uint32_t loss_percent = 0;
  bool operator==(const Queueing&) const = default;
};

/// What the queues of a host's leg have counted, both ways together.
struct QueueCounts {
  std::uint64_t passed_bytes = 0, passed_packets = 0, dropped_packets = 0;
  std::uint64_t held_back_packets = 0;  // how often a packet had to wait for its turn (overlimits)
  std::uint64_t waiting_bytes = 0;      // in the queues now
};

}  // namespace migfuzz
