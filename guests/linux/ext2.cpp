#include "guests/linux/ext2.h"

#include <algorithm>
#include <cstring>

namespace migfuzz {
namespace {

constexpr std::uint64_t kSuperBlock = 1024;
constexpr std::uint16_t kMagic = 0xef53;
constexpr std::uint32_t kRootInode = 2;
constexpr std::uint64_t kDescriptorBytes = 32;
constexpr std::uint32_t kFlagExtents = 0x80000;
constexpr std::uint64_t kDirect = 12;
constexpr std::uint64_t kFileMax = std::uint64_t{64} << 20;

struct Broken {
  std::string why;
};

class Reader {
 public:
  explicit Reader(Bytes disk) : disk_(disk) {
    if (at<std::uint16_t>(kSuperBlock + 56) != kMagic)
      throw Broken{"no ext2 file system on the disk"};
    const auto log = at<std::uint32_t>(kSuperBlock + 24);
    if (log > 6) throw Broken{"the superblock names an impossible block size"};
    block_bytes_ = std::uint64_t{1024} << log;
    first_block_ = at<std::uint32_t>(kSuperBlock + 20);
    inodes_per_group_ = at<std::uint32_t>(kSuperBlock + 40);
    inode_bytes_ = at<std::uint16_t>(kSuperBlock + 88);
    if (inodes_per_group_ == 0 || inode_bytes_ < 128 || inode_bytes_ > block_bytes_)
      throw Broken{"the superblock is damaged"};
  }

  std::vector<std::byte> file(std::string_view name) const {
    const auto folder = content(kRootInode);
    for (std::uint64_t i = 0; i + 8 <= folder.size();) {
      std::uint32_t inode = 0;
      std::uint16_t length = 0;
      std::memcpy(&inode, folder.data() + i, sizeof inode);
      std::memcpy(&length, folder.data() + i + 4, sizeof length);
      const auto name_bytes = std::to_integer<std::uint64_t>(folder[i + 6]);
      if (length < 8 || i + 8 + name_bytes > folder.size())
        throw Broken{"the root folder is damaged"};
      const std::string_view found(reinterpret_cast<const char*>(folder.data() + i + 8),
                                   name_bytes);
      if (inode != 0 && found == name) return content(inode);
      i += length;
    }
    throw Broken{"the root folder has no `" + std::string(name) + "`"};
  }

 private:
  template <typename Number>
  Number at(std::uint64_t offset) const {
    Number number{};
    if (offset > disk_.size() || disk_.size() - offset < sizeof number)
      throw Broken{"the disk ends after " + std::to_string(disk_.size()) + " bytes"};
    std::memcpy(&number, disk_.data() + offset, sizeof number);
    return number;
  }

  std::vector<std::byte> content(std::uint32_t inode) const {
    const std::uint64_t group = (inode - 1) / inodes_per_group_;
    const auto table =
        at<std::uint32_t>((first_block_ + 1) * block_bytes_ + group * kDescriptorBytes + 8);
    const std::uint64_t where =
        table * block_bytes_ + (inode - 1) % inodes_per_group_ * inode_bytes_;
    const std::uint64_t size = at<std::uint32_t>(where + 4);
    if ((at<std::uint32_t>(where + 32) & kFlagExtents) != 0)
      throw Broken{"a file has extents, which this file system is not made with"};
    if (size > kFileMax) throw Broken{"an inode names an impossible size"};
    std::vector<std::byte> bytes;
    for (std::uint64_t i = 0; bytes.size() < size; ++i) {
      const std::uint64_t block = block_of(where + 40, i) * block_bytes_;
      const std::uint64_t count = std::min(block_bytes_, size - bytes.size());
      if (block == 0) {  // a hole
        bytes.resize(bytes.size() + count);
        continue;
      }
      if (block > disk_.size() || disk_.size() - block < count)
        throw Broken{"a block map points behind the end of the disk"};
      bytes.insert(bytes.end(), disk_.begin() + static_cast<std::ptrdiff_t>(block),
                   disk_.begin() + static_cast<std::ptrdiff_t>(block + count));
    }
    return bytes;
  }

  // The block of the disk that holds block `i` of the file whose block map lies at `map`.
  std::uint64_t block_of(std::uint64_t map, std::uint64_t i) const {
    const std::uint64_t each = block_bytes_ / 4;
    if (i < kDirect) return at<std::uint32_t>(map + 4 * i);
    i -= kDirect;
    if (i < each) return entry(at<std::uint32_t>(map + 4 * kDirect), i);
    i -= each;
    if (i >= each * each) throw Broken{"a file is longer than a double indirect map"};
    return entry(entry(at<std::uint32_t>(map + 4 * (kDirect + 1)), i / each), i % each);
  }

  std::uint64_t entry(std::uint64_t block, std::uint64_t i) const {
    return block == 0 ? 0 : at<std::uint32_t>(block * block_bytes_ + 4 * i);
  }

  Bytes disk_;
  std::uint64_t block_bytes_ = 0, first_block_ = 0, inodes_per_group_ = 0, inode_bytes_ = 0;
};

}  // namespace

Ext2File read_ext2_file(Bytes disk, std::string_view name) {
  try {
    return {Reader(disk).file(name), ""};
  } catch (const Broken& broken) {
    return {{}, broken.why};
  }
}

}  // namespace migfuzz
