// The disk of one case: where it lives, how both QEMUs reach it, what is on it at the end.
//
//  none   QEMU's null-co driver: nothing is kept
//  raw    one memory file; each QEMU opens it by itself, so that its image locks work between them
//  qcow2  the same with an image that `qemu-img create` made and `qemu-img convert` reads back
//  nbd    one memory file behind a storage daemon for each host (storage_server.h)
//
// In a mode that mirrors the disk each host has an image of its own (with nbd: its own behind its
// own daemon), the destination's empty and, if it is a file, on a volume that can be filled.
//
// Settings are a manager's for shared storage: cache.direct where the kernel can do it on memory
// files (else the page cache, which both hosts share here), locking as QEMU's default.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/failures.h"
#include "harness/core/types.h"
#include "harness/io/loop.h"
#include "harness/io/network.h"

namespace migfuzz {

/// What a QEMU needs to reach a disk as the block node `disk0`.
struct DiskAttachment {
  std::vector<std::string> blockdevs;  // values of -blockdev
  std::vector<int> inherit;
};
/// A disk of that size on which nothing is kept.
DiskAttachment null_disk(std::uint64_t size_bytes);
/// The image in an open file, to be inherited. `format`: raw or qcow2; `direct`: past the page
/// cache.
DiskAttachment file_disk(int image_fd, const std::string& format = "raw", bool direct = false);

class Disk {
 public:
  /// Makes the image and starts what serves it; `own`: each host its own. `content`: a raw image of
  /// that size to begin with; -1: zeroes. Throws InfraError.
  Disk(io::Loop& loop, const std::string& kind, std::uint64_t size_bytes,
       const io::Network& network, bool own, int content, Clock::time_point deadline);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  /// The destination is another host from now on: its server moves into that one's namespace.
  void follow_destination(const io::Network& network, Clock::time_point deadline);
  /// Where each host has its own: an empty one for another destination.
  void renew_destination(const io::Network& network, Clock::time_point deadline);

  DiskAttachment attachment(Side host) const;
  /// "raw, cache.direct=on": for the history.
  std::string words() const;
  /// Throws InfraError where the disk has no server.
  void fail(Side host, StorageFailure how);
  void heal(Side host);
  void lock(bool locked);
  StorageSight sight(Side host) const;
  /// Reads a sector as a tool on that host would, with a process of its own: a disk that hangs
  /// stops nobody else.
  void begin_read(Side host, const io::Network& network);
  /// Empty: it could be read. Nothing: there is no answer yet.
  std::optional<std::string> read_answer(Side host) const;
  /// Of the destination's own image; see io::SmallVolume.
  void fill(bool full);
  std::string refusal() const;
  /// Raw bytes of the guest's disk, that host's where each has its own. Only when nobody writes any
  /// more. Throws InfraError when the image cannot be read back; nothing without a disk.
  std::optional<std::vector<std::byte>> content(Side host, Clock::time_point deadline) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace migfuzz
