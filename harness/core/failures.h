// What faults can do to the parts of a world, and what is seen of it: the words in which a fault
// kind asks and in which its proof is read back.
//
// Values only; who carries them out is the World.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/core/sight.h"

namespace migfuzz {

/// What can happen to the storage under a host.
enum class StorageFailure {
  errors,  // its server answers every request with EIO
  hangs,   // its server stands still
  crashes  // its server is killed; connections end
};

/// The storage of one host as it is seen from outside QEMU.
struct StorageSight {
  bool frozen = false;          // every thread of its server stands (read back from the kernel)
  std::optional<Ending> ended;  // how its server ended, until another one serves
  std::string probe;            // what a third client's read was answered while errors were wanted
  std::uint64_t guest_errors = 0;  // BLOCK_IO_ERROR events of the host
  bool locked = false;  // somebody else's write lock on the image, seen from a third description
};

/// The connection over which the mirror writes, as seen from its middle (the switch).
struct MirrorPathSight {
  bool open = false;                        // both ends connected, and neither has ended
  bool cut_seen = false;                    // neither host's socket is established any more
  std::uint64_t waiting = 0, forwarded = 0;  // bytes, both directions together
};

/// How the relay ends the channel towards a peer, or towards both (Side::channel).
///   reset  RST at once. A peer that is not told finds out by writing: its bytes are answered with
///          RST, those that wait past the point too.
///   close  FIN. What the other direction still carries goes on; what is sent towards the peer that
///          was told vanishes.
enum class Cut { reset, close };

/// In what a destination is configured unlike its source.
enum class Mismatch { ram, machine, devices, cpu, unmovable_device };

/// What is wrong with the credentials of one host, so that the other one must not trust it.
enum class Distrust {
  wrong,    // another secret, or signed by an authority that nobody knows
  expired,  // a certificate of the past
  missing   // it has none to show
};

/// What a stranger says at the port where a destination waits for its source.
enum class Strange {
  nothing,       // not a byte
  noise,         // random bytes
  stream,        // the head of a plain stream, cut off
  side_channel,  // the greeting of a multifd channel of another migration
  hello,         // a TLS client that has no credentials
  half_record    // the beginning of such a client's first record
};
struct Intrusion {
  Strange what = Strange::nothing;
  bool stays = false;  // it keeps the connection and falls silent; otherwise it closes it
  std::uint64_t seed = 0;
};

/// What has become of it.
struct IntrusionSight {
  bool refused = false;   // the host's kernel refused the connection
  bool arrived = false;   // connected, and the host's kernel has acknowledged every byte
  bool rejected = false;  // the host has ended the connection
};

/// The byte that `corrupt` changed.
struct Flip {
  std::uint64_t gpa = 0;     // of the byte
  std::uint64_t offset = 0;  // in the stream
  unsigned bit = 0;
  bool forwarded = false;  // the changed byte has been written to the destination
};

/// What `file-short` left of the file.
struct FileCut {
  std::uint64_t before = 0, after = 0;  // bytes; `after` is read back
};

/// The byte that `corrupt-frame` changed.
struct FrameFlip {
  std::uint64_t offset = 0;  // in the stream
  unsigned before = 0, after = 0;
  bool forwarded = false;  // the changed byte has been written to the destination
};

}  // namespace migfuzz
