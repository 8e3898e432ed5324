// Reads one file of the root folder from the raw bytes of an ext2 file system, without mounting it.
//
// What a host sees that mounts the disk after the VM is gone: the file is found by its name and its
// blocks by its inode, so a folder, an inode or a block map that a migration lost shows as a file
// that cannot be read. Block maps only (no extents), direct, single and double indirect; layout as
// in Linux's Documentation/filesystems/ext4 (super, group_descr, inodes, directory, blockmap).
// Nothing here throws or reads outside its argument.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/core/types.h"

namespace migfuzz {

struct Ext2File {
  std::vector<std::byte> bytes;
  std::string why;  // empty: it was read; else the reason, one line
};

Ext2File read_ext2_file(Bytes disk, std::string_view name);

}  // namespace migfuzz
