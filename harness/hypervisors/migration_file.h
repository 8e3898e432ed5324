// The file through which a VM migrates in mode `mapped-ram`, and what can happen to it.
//
// It lies on a small tmpfs of its own that is mounted nowhere (io/small_volume.h) and belongs to
// the worker: both QEMUs inherit its descriptor and open it by /proc/self/fd, so it has no name
// anywhere, can be filled to the last byte, and is gone with the worker. libvirt hands it over as
// /dev/fdset/N; QEMU drops such a set when its last monitor goes (monitor/fds.c), which would make
// every loss of the management a loss of the file. Layout: QEMU's docs/devel/migration/
// mapped-ram.rst. Limits: one RAM block is known, pc.ram.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "harness/core/failures.h"
#include "harness/io/small_volume.h"

namespace migfuzz {

class MigrationFile {
 public:
  /// Tells whether the guest owns the page at that address.
  using Owns = std::function<bool(std::uint64_t)>;

  MigrationFile(std::uint64_t memory_bytes, Owns owns);
  int fd() const { return volume_.fd(); }
  std::string uri() const;
  /// Somebody has written to it since the last time this was asked.
  bool written();

  void fill(bool full);
  std::string refusal() const { return volume_.refusal(); }
  /// 0: all but the end mark stays; 1: up to the middle of an owned page; 2: half of it; 3: the 8
  /// bytes of the header; 4: nothing.
  void cut(std::uint64_t where);
  std::optional<FileCut> last_cut() const { return cut_; }
  /// Throws InfraError when no owned page is in the file.
  Flip flip(std::uint64_t which_bit);

 private:
  std::uint64_t size() const;
  std::uint64_t end_mark() const;
  std::uint64_t pages_from() const;
  std::uint64_t an_owned_page() const;

  const std::uint64_t memory_bytes_;
  const Owns owns_;
  io::SmallVolume volume_;
  std::int64_t changed_ns_ = 0;  // its last change that was seen
  std::optional<FileCut> cut_;
};

}  // namespace migfuzz
