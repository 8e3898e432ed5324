#include "harness/io/relay_flip.h"

namespace migfuzz::io {

void Flips::arm(std::uint64_t from) {
  if (!from_) from_ = from;
}

void Flips::choose(const std::vector<stream::PageHit>& pages, std::uint64_t forwarded,
                   const Owned& owned) {
  if (!from_ || page_) return;
  for (const auto& page : pages) {
    if (page.data_offset < *from_ || page.data_offset < forwarded) continue;
    if (owned && !owned(page.block, page.address)) continue;
    const auto bit = *page_bit_ % (4096 * 8);
    page_ = Flip{page.address + bit / 8, page.data_offset + bit / 8, static_cast<unsigned>(bit % 8),
                 false};
    return;
  }
}

void Flips::want_byte(std::uint64_t offset, unsigned bit) {
  if (byte_) return;
  byte_ = FrameFlip{offset, 0, 0, false};
  byte_bit_ = bit % 8;
}

void Flips::apply(std::uint64_t received, const std::function<std::byte*(std::uint64_t)>& at) {
  if (page_ && !page_applied_ && page_->offset < received) {
    *at(page_->offset) ^= static_cast<std::byte>(1u << page_->bit);
    page_applied_ = true;
  }
  if (!byte_ || byte_applied_ || byte_->offset >= received) return;
  auto& byte = *at(byte_->offset);
  byte_->before = std::to_integer<unsigned>(byte);
  byte ^= static_cast<std::byte>(1u << byte_bit_);
  byte_->after = std::to_integer<unsigned>(byte);
  byte_applied_ = true;
}

std::optional<Flip> Flips::page(std::uint64_t forwarded) const {
  auto flip = page_;
  if (flip) flip->forwarded = page_applied_ && forwarded > flip->offset;
  return flip;
}

std::optional<FrameFlip> Flips::byte(std::uint64_t forwarded) const {
  auto flip = byte_;
  if (flip) flip->forwarded = byte_applied_ && forwarded > flip->offset;
  return flip;
}

}  // namespace migfuzz::io
