#include "guests/linux/initramfs.h"

#include <array>
#include <cstdio>

namespace migfuzz {
namespace {

void append(std::vector<std::byte>& archive, Bytes bytes) {
  archive.insert(archive.end(), bytes.begin(), bytes.end());
  archive.resize((archive.size() + 3) / 4 * 4);
}

void append_entry(std::vector<std::byte>& archive, std::string_view path, unsigned inode,
                  unsigned mode, Bytes content) {
  std::array<char, 128> head{};
  // inode, mode, uid, gid, links, mtime, bytes, four device numbers, bytes of the name, no checksum
  const int size = std::snprintf(head.data(), head.size(),
                                 "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x",
                                 inode, mode, 0u, 0u, 1u, 0u, content.size(), 0u, 0u, 0u, 0u,
                                 path.size() + 1, 0u);
  std::string name(head.data(), static_cast<std::size_t>(size));
  name += path;
  name += '\0';
  append(archive, std::as_bytes(std::span(name.data(), name.size())));
  append(archive, content);
}

}  // namespace

void Initramfs::add(std::string_view path, unsigned mode, Bytes content) {
  append_entry(archive_, path, ++inode_, mode, content);
}

std::vector<std::byte> Initramfs::finished() const {
  auto whole = archive_;
  append_entry(whole, "TRAILER!!!", 0, 0, {});
  return whole;
}

}  // namespace migfuzz
