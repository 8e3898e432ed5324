// RAM sections of the main channel: the list of blocks, page records, passes.
//
// Page contents are skipped by a counter; pass_finder.h says where a pass over memory begins.
#include "harness/stream/parser_state.h"

namespace migfuzz::stream {

using namespace wire;

namespace {

constexpr std::size_t kPagesToldApart = std::size_t{1} << 20;
constexpr std::size_t kMaxBlocks = 4096;
// compressBound() of zlib for a page is 4110 (decompress_data_with_multi_threads() checks it).
constexpr std::uint32_t kMaxCompressedBytes = 4110;
}  // namespace

Parser::State::Taken Parser::State::step_ram_word(Bytes window) {
  Reader reader(window);
  const std::uint64_t word = reader.be64();
  if (reader.ran_short()) return std::nullopt;
  const std::uint64_t flags = word & kFlagMask;
  const bool precopy_part = !postcopy_ && item_.kind == Item::Kind::section_part;
  if (precopy_part && std::exchange(part_begins_, false) && finder_.part_begins()) begin_pass();
  switch (flags & ~kRamContinue) {
    case kRamPage:
    case kRamZero:
    case kRamCompressPage:
    case kRamXbzrle:
      return step_page_record(window, word);
    case kRamEos:
      if (word != kRamEos) break;
      // In post-copy the last pages may lie in END itself (migration_completion(), migration.c).
      if (postcopy_ && item_.kind == Item::Kind::section_end)
        point(Phase::postcopy, "last-page", pos_);
      at_ = At::footer;
      return reader.at();
    case kRamMultifdFlush:
      if (word != kRamMultifdFlush) break;
      if (precopy_part || item_.kind == Item::Kind::section_start) finder_.flush(!precopy_part);
      return reader.at();
    case kRamMemSize:
      if (flags != kRamMemSize || item_.kind != Item::Kind::section_start || !known.blocks.empty())
        break;
      list_bytes_ = word & ~kFlagMask;
      if (list_bytes_ != 0) at_ = At::block_entry;
      return reader.at();
    case kRamHook:
      return fail(pos_, "RAM flag 0x80: RDMA is not supported");
    default:
      break;
  }
  return fail(pos_, "RAM record " + hex(word) + " is unknown here");
}

Parser::State::Taken Parser::State::step_block_entry(Bytes window) {
  Reader reader(window);
  const std::string_view name = reader.counted_text();
  const std::uint64_t used_bytes = reader.be64();
  if (known.ignore_shared) reader.be64();  // guest-physical address of the block
  if (reader.ran_short()) return std::nullopt;
  if (!printable(name)) return fail(pos_, "the name of a RAM block is not text");
  if (used_bytes > list_bytes_)
    return fail(pos_, "RAM blocks add up to more than the announced total");
  if (known.blocks.size() == kMaxBlocks) return fail(pos_, "more than 4096 RAM blocks");
  if (!known.block_index.emplace(std::string(name), known.blocks.size()).second)
    return fail(pos_, "two RAM blocks have one name");
  if (known.odd_page_sizes && known.ignore_shared)
    return fail(pos_, "x-ignore-shared with post-copy on huge pages is not supported");
  known.blocks.push_back({std::string(name), used_bytes});
  list_bytes_ -= used_bytes;
  if (known.odd_page_sizes)
    at_ = At::block_page_size;
  else if (list_bytes_ == 0)
    at_ = At::ram_word;
  return reader.at();
}

/// ram_save_setup() adds a block's page size if it is not the host's. A size is a multiple of 4096;
/// a RAM word has a flag in these bits, and the next entry begins with the length of a name.
Parser::State::Taken Parser::State::step_block_page_size(Bytes window) {
  Reader reader(window);
  const std::uint64_t value = reader.be64();
  if (reader.ran_short()) return std::nullopt;
  at_ = list_bytes_ == 0 ? At::ram_word : At::block_entry;
  const bool is_size = value >> 56 == 0 && value != 0 && (value & kFlagMask) == 0;
  return is_size ? reader.at() : 0;
}

Parser::State::Taken Parser::State::step_page_record(Bytes window, std::uint64_t word) {
  const std::uint64_t flags = word & kFlagMask;
  Reader reader(window);
  reader.be64();
  std::optional<std::size_t> block = block_;
  if ((flags & kRamContinue) == 0) {
    const std::string_view name = reader.counted_text();
    if (reader.ran_short()) return std::nullopt;
    const auto found = known.block_index.find(name);
    if (found == known.block_index.end()) return fail(pos_ + 8, "a page of an unknown RAM block");
    block = found->second;
  }
  if (!block) return fail(pos_, "the first page record names no RAM block");
  if ((word & ~kFlagMask) >= known.blocks[*block].used_bytes)
    return fail(pos_, "a page beyond the end of RAM block " + known.blocks[*block].name);
  std::uint64_t content_bytes = 0;
  if ((flags & kRamPage) != 0) {
    content_bytes = kPageBytes;
  } else if ((flags & kRamZero) != 0) {
    reader.u8();  // the byte that fills the page: 0
  } else if ((flags & kRamCompressPage) != 0) {
    content_bytes = reader.be32();
    if (!reader.ran_short() && content_bytes > kMaxCompressedBytes)
      return fail(pos_, "a compressed page of " + std::to_string(content_bytes) + " bytes");
  } else {
    const std::uint8_t encoding = reader.u8();
    content_bytes = reader.be16();
    if (!reader.ran_short() && (encoding != kXbzrleEncoding || content_bytes > kPageBytes))
      return fail(pos_, "a malformed XBZRLE page");
  }
  if (reader.ran_short()) return std::nullopt;
  block_ = block;
  see_page(word & ~kFlagMask, flags, reader.at());
  skip_ = content_bytes;
  return reader.at();
}

void Parser::State::see_page(std::uint64_t address, std::uint64_t flags, std::size_t header_bytes) {
  const bool content = (flags & (kRamPage | kRamCompressPage)) != 0;
  const std::string& block = known.blocks[*block_].name;
  const bool part = item_.kind == Item::Kind::section_part;
  if (!postcopy_ && part && finder_.page(*block_, address >> kPageBits)) begin_pass();
  if (content && (postcopy_ || part)) {
    const Phase phase = recovered_ ? Phase::recover : postcopy_ ? Phase::postcopy : Phase::precopy;
    ++page_count_;
    if (wanted_pages.erase({phase, page_count_}) != 0)
      point(phase, "page:" + std::to_string(page_count_), pos_);
  }
  if (postcopy_ && sent_.size() < kPagesToldApart) {
    ++postcopy_pages;
    if (!sent_.insert({*block_, address}).second) ++postcopy_pages_again;
  }
  if (postcopy_ && !expected.empty()) {
    const auto [first, last] = expected.equal_range({block, address});
    if (first != last && !recovered_)
      point(Phase::postcopy, "answer:" + std::to_string(++answers_), pos_);
    expected.erase(first, last);
  }
  if ((flags & kRamPage) != 0) pages.push_back({block, address, pos_ + header_bytes});
}

Parser::State::Taken Parser::State::step_footer(Bytes window) {
  Reader reader(window);
  const std::uint8_t type = reader.u8();
  const std::uint32_t id = reader.be32();
  if (reader.ran_short()) return std::nullopt;
  if (type != kFooter || id != item_.section_id)
    return fail(pos_, "RAM's section has no footer (send-section-footer=off?)");
  item_.end = pos_ + kFooterBytes;
  if (item_.kind == Item::Kind::section_start)
    point(Phase::reserve, "ram-setup-end", item_.end);
  else if (item_.kind == Item::Kind::section_end && !postcopy_)
    point(Phase::stopcopy, "ram-end", item_.end);
  items.push_back(std::move(item_));
  at_ = At::item;
  return reader.at();
}

}  // namespace migfuzz::stream
