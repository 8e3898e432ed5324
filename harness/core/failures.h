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

/// How the relay ends the channel towards a peer, or towards both (Side::channel).
///   reset  RST at once. A peer that is not told finds out by writing: its bytes are answered with
///          RST, those that wait past the point too.
///   close  FIN. What the other direction still carries goes on; what is sent towards the peer that
///          was told vanishes.
enum class Cut { reset, close };

/// In what a destination is configured unlike its source.
enum class Mismatch { ram, machine, devices, cpu };

/// The byte that `corrupt` changed.
struct Flip {
  std::uint64_t gpa = 0;     // of the byte
  std::uint64_t offset = 0;  // in the stream
  unsigned bit = 0;
  bool forwarded = false;  // the changed byte has been written to the destination
};

/// The byte that `corrupt-frame` changed.
struct FrameFlip {
  std::uint64_t offset = 0;  // in the stream
  unsigned before = 0, after = 0;
  bool forwarded = false;  // the changed byte has been written to the destination
};

}  // namespace migfuzz
