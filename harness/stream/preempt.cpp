#include "harness/stream/preempt.h"

#include "harness/stream/wire.h"

namespace migfuzz::stream {

SideParser::Frame PreemptParser::frame(Bytes header) {
  using namespace wire;
  if (header.size() < 8) return {.header_bytes = 8};
  Reader reader(header);
  const std::uint64_t word = reader.be64();
  if (word == kRamEos) return {.header_bytes = 8, .bytes = 8};
  const std::uint64_t kind = word & kFlagMask & ~kRamContinue;
  if (kind != kRamPage && kind != kRamZero)
    return {.failure = "RAM record of flags " + std::to_string(word & kFlagMask) +
                       " on the preempt channel"};
  std::size_t bytes = 8;
  if ((word & kRamContinue) == 0) {
    if (header.size() < 9) return {.header_bytes = 9};
    bytes = 9 + reader.u8();
    if (bytes == 9) return {.failure = "a RAM block without a name"};
    block_named_ = true;
  }
  if (!block_named_) return {.failure = "the first page record names no RAM block"};
  Frame found{.header_bytes = header.size(), .bytes = bytes + (kind == kRamPage ? kPageBytes : 1)};
  found.points.push_back("preempt-page:" + std::to_string(++pages_));
  return found;
}

}  // namespace migfuzz::stream
