#include "harness/stream/multifd.h"

#include "harness/stream/wire.h"

namespace migfuzz::stream {
namespace {

// migration/multifd.h and multifd.c
constexpr std::uint32_t kMultifdMagic = 0x11223344;
constexpr std::uint32_t kMultifdVersion = 1;
constexpr std::size_t kHelloBytes = 64;
constexpr std::uint32_t kPagesMost = 128;  // MULTIFD_PACKET_SIZE (512 KiB) / 4 KiB
constexpr std::size_t kPacketBytes = 320 + 8 * kPagesMost;
constexpr std::size_t kCountsEnd = 36;   // behind zero_pages
constexpr std::uint32_t kSync = 0x01;    // MULTIFD_FLAG_SYNC
constexpr std::uint32_t kMethod = 0x3e;  // MULTIFD_FLAG_COMPRESSION_MASK; 0: none
// A compressed page can be longer than a page; no method makes it twice as long.
constexpr std::uint32_t kDataMost = 2 * kPagesMost * static_cast<std::uint32_t>(wire::kPageBytes);

}  // namespace

SideParser::Frame MultifdParser::hello(Bytes header) {
  if (header.size() < 25) return {.header_bytes = 25};
  wire::Reader reader(header);
  if (reader.be32() != kMultifdMagic || reader.be32() != kMultifdVersion)
    return {.failure = "no multifd hello"};
  id_ = std::to_integer<std::uint8_t>(header[24]);
  return {.header_bytes = 25, .bytes = kHelloBytes, .points = {"hello"}};
}

SideParser::Frame MultifdParser::frame(Bytes header) {
  if (!id_) return hello(header);
  if (header.size() < kCountsEnd) return {.header_bytes = kCountsEnd};
  wire::Reader reader(header);
  if (reader.be32() != kMultifdMagic || reader.be32() != kMultifdVersion)
    return {.failure = "no multifd packet"};
  const std::uint32_t flags = reader.be32();
  const std::uint32_t allocated = reader.be32();
  const std::uint32_t pages = reader.be32();
  const std::uint32_t size = reader.be32();
  reader.be64();  // the packet's number, over all channels
  const std::uint32_t zero_pages = reader.be32();
  if ((flags & ~(kSync | kMethod)) != 0)
    return {.failure = "multifd flags " + std::to_string(flags) + " are not supported"};
  if (allocated > kPagesMost || pages > kPagesMost || zero_pages > kPagesMost - pages)
    return {.failure = "a multifd packet of more than 128 pages"};
  const std::uint32_t data = pages == 0 ? 0 : size;
  const bool plain = (flags & kMethod) == 0;
  if (plain ? data != pages * wire::kPageBytes : data > kDataMost)
    return {.failure = "a multifd packet of " + std::to_string(pages) + " pages in " +
                       std::to_string(data) + " bytes"};
  pages_ += pages;
  zero_pages_ += zero_pages;
  Frame found{.header_bytes = kCountsEnd, .bytes = kPacketBytes + data, .middle = true};
  found.points.push_back("packet:" + std::to_string(++packets_));
  if ((flags & kSync) != 0) found.points.push_back("sync:" + std::to_string(++syncs_));
  return found;
}

}  // namespace migfuzz::stream
