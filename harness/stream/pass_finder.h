// Where a pass over memory begins, from RAM's records on the main channel. Private to
// harness/stream.
//
// How a pass shows (find_dirty_block() and ram_save_iterate(), migration/ram.c):
// - Within a pass QEMU walks its list of blocks upwards and sends a page once. So a page that does
//   not lie behind the last one begins a pass.
// - 7.2's compression threads hand their pages over in any order within a block. The first pass
//   sends every page once: who goes back there to a page that was not sent yet is unordered, and
//   from then on only a page sent twice, or an earlier block, begins a pass. One bit a page is kept
//   for that, in the first pass of an ordered stream and in every one of an unordered one.
// - With multifd since 8.1 the pages are elsewhere, and MULTIFD_FLUSH follows each round over the
//   list. A PART behind a finished round begins the next pass, at its first word; the round that
//   ended at the list's end wraps there at once, with a flush that ends nothing.
// - With multifd of 7.2, or machine types before 8.1, only zero pages are here: pass:1 is all that
//   can be seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace migfuzz::stream {

class PassFinder {
 public:
  bool page(std::size_t block, std::uint64_t page);  // a record's: it is the first of a pass
  bool part_begins();                                // at a PART's first word: likewise
  void flush(bool in_setup);                         // MULTIFD_FLUSH, in RAM's START or in a PART

 private:
  bool track(std::size_t block, std::uint64_t page);
  std::vector<std::vector<bool>> sent_;  // in this pass, by block
  std::optional<std::pair<std::size_t, std::uint64_t>> last_;
  std::uint64_t tracked_ = 0;  // bits of these
  std::uint32_t passes_ = 0;
  bool unordered_ = false, by_flush_ = false, ended_ = true, at_part_begin_ = false;
};

}  // namespace migfuzz::stream
