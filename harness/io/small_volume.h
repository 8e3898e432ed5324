// A file on a file system of its own that can be filled to the last byte and given room again.
//
// A tmpfs that is mounted nowhere (fsopen, fsmount: mount(2) without a place), so nothing has a
// name and the last descriptor ends it. fill() lowers its size to what is in use: from then on
// whoever needs a new page gets ENOSPC from the kernel, and pages that are there can be
// overwritten, as on a real volume that is full. Needs CAP_SYS_ADMIN over the mount namespace, as a
// worker has it.
#pragma once

#include <string>

#include "harness/io/fd.h"

namespace migfuzz::io {

class SmallVolume {
 public:
  /// Throws InfraError with the step that the kernel refused.
  explicit SmallVolume(std::uint64_t file_bytes,
                       std::uint64_t room_bytes = std::uint64_t{64} << 20);
  int fd() const { return file_.get(); }
  /// Idempotent.
  void fill();
  void make_room();
  /// What the kernel says to a byte in a new page of another file there: "No space left on
  /// device"; empty: it has room.
  std::string refusal() const;
  std::uint64_t file_bytes() const;
  /// When the file was last written to, on no particular clock.
  std::int64_t changed_ns() const;

 private:
  void resize(std::uint64_t bytes);

  const std::uint64_t room_bytes_;
  UniqueFd context_, mount_, file_, ballast_;
};

}  // namespace migfuzz::io
