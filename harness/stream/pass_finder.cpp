#include "harness/stream/pass_finder.h"

namespace migfuzz::stream {
namespace {

// Pages that are tracked: 256 GiB of RAM, 8 MiB of memory. Those beyond count as never sent.
constexpr std::uint64_t kMaxTracked = std::uint64_t{1} << 26;

}  // namespace

/// Notes the page as sent in this pass; true: it was already.
bool PassFinder::track(std::size_t block, std::uint64_t page) {
  if (page >= kMaxTracked || (passes_ > 1 && !unordered_)) return false;
  if (sent_.size() <= block) sent_.resize(block + 1);
  std::vector<bool>& sent = sent_[block];
  if (sent.size() <= page) {
    if (tracked_ + (page + 1 - sent.size()) > kMaxTracked) return false;
    tracked_ += page + 1 - sent.size();
    sent.resize(page + 1);
  }
  const bool again = sent[page];
  sent[page] = true;
  return again;
}

bool PassFinder::page(std::size_t block, std::uint64_t page) {
  if (by_flush_) return false;
  const std::pair here(block, page);
  const bool back = last_ && here <= *last_;
  const bool earlier_block = last_ && block < last_->first;
  last_ = here;
  const bool again = track(block, page);
  bool begins = passes_ == 0 || earlier_block || again;
  if (!begins && back && !unordered_) {
    begins = passes_ > 1;
    unordered_ = !begins;
  }
  if (!begins) return false;
  ++passes_;
  sent_.clear();
  tracked_ = 0;
  track(block, page);
  return true;
}

bool PassFinder::part_begins() {
  at_part_begin_ = by_flush_ && std::exchange(ended_, false);
  if (at_part_begin_) ++passes_;
  return at_part_begin_;
}

void PassFinder::flush(bool in_setup) {
  if (in_setup)
    by_flush_ = true;
  else if (!std::exchange(at_part_begin_, false) || passes_ == 1)
    ended_ = true;
}

}  // namespace migfuzz::stream
