// Bits that one lane of the relay changes on purpose: of a page that the guest owns, or of a byte
// of the framing. Everything else passes unchanged.
//
// A page is chosen when its record is understood, which is before its bytes are forwarded; the bit
// is changed in the relay's buffer as soon as the byte has come.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "harness/core/failures.h"
#include "harness/stream/parser.h"

namespace migfuzz::io {

class Flips {
 public:
  using Owned = std::function<bool(const std::string& block, std::uint64_t address)>;

  void want_page(std::uint64_t which_bit) { page_bit_ = which_bit; }
  /// A page is to be hit: the lane does not stand at a point, it arms the flip there.
  bool wants_page() const { return page_bit_.has_value(); }
  void arm(std::uint64_t from);
  void choose(const std::vector<stream::PageHit>& pages, std::uint64_t forwarded,
              const Owned& owned);
  /// Of the byte at that offset; only the first call counts.
  void want_byte(std::uint64_t offset, unsigned bit);

  /// Bytes below `received` have come; `at` finds one that was not forwarded yet.
  void apply(std::uint64_t received, const std::function<std::byte*(std::uint64_t)>& at);

  std::optional<Flip> page(std::uint64_t forwarded) const;
  std::optional<FrameFlip> byte(std::uint64_t forwarded) const;

 private:
  std::optional<std::uint64_t> page_bit_, from_;
  std::optional<Flip> page_;
  std::optional<FrameFlip> byte_;
  unsigned byte_bit_ = 0;
  bool page_applied_ = false, byte_applied_ = false;
};

}  // namespace migfuzz::io
