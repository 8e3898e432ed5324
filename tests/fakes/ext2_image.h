// A small ext2 image: one group, blocks of 1 KiB, one file in the root folder.
//
// Only what a reader of that file looks at: superblock, group descriptor, two inodes, the folder,
// and a block map with direct and single indirect blocks, the blocks in descending order so that a
// reader that takes them for contiguous is wrong.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "harness/core/types.h"

namespace migfuzz::fakes {

class Ext2Image {
 public:
  static constexpr std::uint64_t kBlock = 1024, kBlocks = 512;
  static constexpr std::uint32_t kInode = 12;

  explicit Ext2Image(const std::string& name, const std::vector<std::byte>& content)
      : bytes_(kBlock * kBlocks) {
    put32(1024 + 20, 1);     // first data block
    put32(1024 + 24, 0);     // 1 KiB
    put32(1024 + 40, 32);    // inodes per group
    put16(1024 + 56, 0xef53);
    put16(1024 + 88, 128);   // bytes of an inode
    put32(2 * kBlock + 8, kTable);
    put32(inode(2) + 4, kBlock);
    put32(inode(2) + 40, kFolder);
    entry(kFolder * kBlock, 2, 12, ".");
    entry(kFolder * kBlock + 12, kInode, kBlock - 12, name);
    put32(inode(kInode) + 4, static_cast<std::uint32_t>(content.size()));
    put32(inode(kInode) + 40 + 4 * 12, kMap);
    for (std::uint64_t i = 0; i * kBlock < content.size(); ++i) {
      const auto block = kBlocks - 1 - i;
      put32(i < 12 ? inode(kInode) + 40 + 4 * i : kMap * kBlock + 4 * (i - 12),
            static_cast<std::uint32_t>(block));
      const auto count = std::min<std::uint64_t>(kBlock, content.size() - i * kBlock);
      std::memcpy(bytes_.data() + block * kBlock, content.data() + i * kBlock, count);
    }
  }

  std::vector<std::byte>& bytes() { return bytes_; }
  static std::uint64_t inode(std::uint32_t number) { return kTable * kBlock + (number - 1) * 128; }
  static constexpr std::uint64_t kTable = 5, kFolder = 20, kMap = 21;

  void put32(std::uint64_t at, std::uint64_t value) { std::memcpy(bytes_.data() + at, &value, 4); }
  void put16(std::uint64_t at, std::uint64_t value) { std::memcpy(bytes_.data() + at, &value, 2); }

 private:
  void entry(std::uint64_t at, std::uint32_t number, std::uint64_t length,
             const std::string& name) {
    put32(at, number);
    put16(at + 4, length);
    bytes_[at + 6] = static_cast<std::byte>(name.size());
    std::memcpy(bytes_.data() + at + 8, name.data(), name.size());
  }

  std::vector<std::byte> bytes_;
};

}  // namespace migfuzz::fakes
