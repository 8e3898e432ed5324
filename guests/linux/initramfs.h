// An initramfs in memory: the archive that a kernel unpacks before its first process.
//
// Format "newc" of cpio, as in Linux's Documentation/driver-api/early-userspace/buffer-format:
// fields of eight hexadecimal digits, names and contents padded to four bytes, a trailer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/core/types.h"

namespace migfuzz {

class Initramfs {
 public:
  void folder(std::string_view path) { add(path, 0040755, {}); }
  void program(std::string_view path, Bytes content) { add(path, 0100755, content); }
  void file(std::string_view path, Bytes content) { add(path, 0100644, content); }
  /// The whole archive, closed by its trailer.
  std::vector<std::byte> finished() const;

 private:
  void add(std::string_view path, unsigned mode, Bytes content);

  std::vector<std::byte> archive_;
  unsigned inode_ = 0;
};

}  // namespace migfuzz
