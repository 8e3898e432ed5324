// The pre-copy stream parser: one state machine over a small window of bytes.
//
// feed() runs step() on the caller's chunk in place; only what a step cannot decide yet (part of a
// header, a device section whose end is not proved) is kept in `buffer_`. Page contents are skipped
// by a counter. Every step is a pure function of a prefix of the stream: given more bytes it would
// decide the same, so the way the stream is split never shows in the result.
//
// `pos_` is the offset of the first byte that is not understood yet, and so settled().
//
// Device sections: the end is the first footer (7e + section id) that a valid next item follows.
// On ~1100 real streams of QEMU 7.2 and 10.0 this was right for every section; tests compare it
// with the sizes that the VMDESC of real streams gives. A wrong guess needs the five footer bytes
// and the header of a plausible item in a row in device state.
//
// The wire's numbers are in wire.h; the subsections of the configuration are migration/savevm.c.
#include "harness/stream/parser.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "harness/stream/wire.h"

namespace migfuzz::stream {
namespace {

using namespace wire;

// Limits of this parser: far above what a VM sends, low enough that hostile bytes stay harmless.
constexpr std::size_t kMaxSectionBytes = std::size_t{64} << 20;
constexpr std::uint32_t kMaxVmdescBytes = std::uint32_t{64} << 20;
constexpr std::uint32_t kMaxMachineNameBytes = std::uint32_t{1} << 20;
constexpr std::uint32_t kMaxCapabilities = 256;
constexpr std::size_t kMaxSections = 65536;
constexpr std::size_t kMaxBlocks = 4096;
constexpr std::uint32_t kMaxVersionId = 0xffff;

// How much of a chunk joins a non-empty buffer at a time: enough for any header (the longest is a
// page record with a block name, 264 bytes), little enough that a chunk is not copied for it.
constexpr std::size_t kHeaderGulp = 512;
constexpr std::size_t kSectionGulp = std::size_t{64} << 10;

bool printable(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string hex(std::uint64_t value) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  do {
    text.insert(text.begin(), digits[value & 0xf]);
    value >>= 4;
  } while (value != 0);
  return "0x" + text;
}

enum class Look { yes, no, more };  // `more`: the bytes at hand do not decide it

struct Block {
  std::string name;
  std::uint64_t used_bytes = 0;
};

bool command_is_valid(std::uint16_t command, std::uint16_t length) {
  if (command == 0 || command >= kCommandLength.size()) return false;
  if (command == kPostcopyAdvise) return length == 0 || length == 16;
  const int wanted = kCommandLength[command];
  return wanted == kAnyLength || wanted == length;
}

}  // namespace

struct Parser::State {
  enum class At {
    header,
    first_item,          // CONFIGURATION may stand here only
    configuration_tail,  // its subsections
    item,
    block_entry,      // in RAM's setup: the list of blocks
    block_page_size,  // in that list: the optional page size of a block
    ram_word,
    footer,  // of a RAM section
    opaque,  // a section whose end must be searched for
    after_eof,
    vmdesc_middle,
    vmdesc_end,
    done
  };
  /// Bytes used up by a step (0 is fine when the state changed); nothing: wants more bytes.
  using Taken = std::optional<std::size_t>;

  std::vector<Item> items;
  std::vector<PointHit> points;
  std::vector<PageHit> pages;
  std::uint64_t fed = 0;
  std::uint64_t pos_ = 0;
  bool finished = false;
  bool failed = false;
  std::string failure;
  std::uint32_t passes = 0;
  bool eof_seen = false;
  std::set<std::uint64_t> wanted_pages;

  void consume(Bytes bytes);
  void finish();

 private:
  At at_ = At::header;
  std::uint64_t skip_ = 0;  // bytes that no step looks at
  std::vector<std::byte> buffer_;

  Item item_;                     // the item being read, if it spans several steps
  std::size_t scan_ = 0;          // opaque: no footer lies before this, from item_.begin
  std::set<std::uint32_t> seen_;  // section ids that FULL or START introduced
  std::map<std::uint32_t, std::string> iterable_;  // id to idstr of every START
  std::optional<std::uint32_t> ram_id_;
  bool ignore_shared_ = false;    // capability x-ignore-shared, from the configuration
  bool odd_page_sizes_ = false;   // post-copy was advised and a block has pages other than 4 KiB
  std::uint64_t list_bytes_ = 0;  // RAM's list: bytes not accounted for yet
  std::vector<Block> blocks_;     // in the order of QEMU's list, which is the order of a pass
  std::map<std::string, std::size_t, std::less<>> block_index_;
  std::optional<std::size_t> block_;  // of the last record: what CONTINUE refers to
  std::optional<std::pair<std::size_t, std::uint64_t>> last_page_;  // in PART sections
  std::uint64_t page_count_ = 0;                                    // PAGE records in PART sections
  bool began_precopy_ = false;
  bool entered_ = false;  // stop-and-copy began
  bool device_seen_ = false;

  std::size_t drain(Bytes window);
  Taken step(Bytes window);
  Taken step_header(Bytes window);
  Taken step_first_item(Bytes window);
  Taken step_configuration_tail(Bytes window);
  Taken step_item(Bytes window);
  Taken step_command(Bytes window);
  Taken step_introduction(Bytes window);
  Taken step_continuation(Bytes window);
  Taken step_block_entry(Bytes window);
  Taken step_block_page_size(Bytes window);
  Taken step_ram_word(Bytes window);
  Taken step_page_record(Bytes window, std::uint64_t word);
  Taken step_footer(Bytes window);
  Taken step_opaque(Bytes window);
  Taken step_after_eof(Bytes window);

  Look next_item(Bytes after) const;
  Look next_introduction(Bytes after) const;
  Look next_end_of_stream(Bytes after) const;
  void accept_opaque(std::size_t bytes, bool last);
  void end_configuration();
  void enter(std::uint64_t offset);
  void see_page(std::uint64_t address, std::uint64_t flags, std::size_t header_bytes);
  void end_vmdesc();

  void point(Phase phase, std::string name, std::uint64_t offset) {
    points.push_back({phase, std::move(name), offset});
  }
  Taken fail(std::uint64_t offset, const std::string& why) {
    failed = true;
    failure = "offset " + std::to_string(offset) + ": " + why;
    return 0;
  }
};

// --- The window. ---

void Parser::State::consume(Bytes bytes) {
  if (fed == 0 && !bytes.empty()) point(Phase::reserve, "first-byte", 0);
  fed += bytes.size();
  while (!bytes.empty() && !failed) {
    if (buffer_.empty()) {
      bytes = bytes.subspan(drain(bytes));
      if (!failed) buffer_.assign(bytes.begin(), bytes.end());
      return;
    }
    const std::size_t before = buffer_.size();
    const Bytes gulp =
        bytes.first(std::min(bytes.size(), at_ == At::opaque ? kSectionGulp : kHeaderGulp));
    buffer_.insert(buffer_.end(), gulp.begin(), gulp.end());
    const std::size_t used = drain(buffer_);
    if (used >= before) {  // the rest is read in place
      buffer_.clear();
      bytes = bytes.subspan(used - before);
    } else {
      buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used));
      bytes = bytes.subspan(gulp.size());
    }
  }
}

void Parser::State::finish() {
  if (finished) return;
  finished = true;
  if (failed) return;
  const std::size_t used = drain(buffer_);
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used));
  if (at_ == At::configuration_tail && skip_ == 0 && buffer_.empty()) end_configuration();
}

std::size_t Parser::State::drain(Bytes window) {
  std::size_t used = 0;
  while (!failed) {
    const auto skipped =
        static_cast<std::size_t>(std::min<std::uint64_t>(skip_, window.size() - used));
    skip_ -= skipped;
    pos_ += skipped;
    used += skipped;
    if (skip_ != 0) break;
    const Taken taken = step(window.subspan(used));
    if (!taken) break;
    pos_ += *taken;
    used += *taken;
  }
  return used;
}

Parser::State::Taken Parser::State::step(Bytes window) {
  switch (at_) {
    case At::ram_word:
      return step_ram_word(window);
    case At::header:
      return step_header(window);
    case At::first_item:
      return step_first_item(window);
    case At::configuration_tail:
      return step_configuration_tail(window);
    case At::item:
      return step_item(window);
    case At::block_entry:
      return step_block_entry(window);
    case At::block_page_size:
      return step_block_page_size(window);
    case At::footer:
      return step_footer(window);
    case At::opaque:
      return step_opaque(window);
    case At::after_eof:
      return step_after_eof(window);
    case At::vmdesc_middle:
      point(Phase::commit, "vmdesc-middle", pos_);
      skip_ = item_.end - pos_;
      at_ = At::vmdesc_end;
      return 0;
    case At::vmdesc_end:
      end_vmdesc();
      return 0;
    case At::done:
      break;
  }
  if (window.empty()) return std::nullopt;
  return fail(pos_, "bytes after the end of the stream");
}

// --- Header and configuration. ---

Parser::State::Taken Parser::State::step_header(Bytes window) {
  Reader reader(window);
  const std::uint32_t magic = reader.be32();
  if (reader.ran_short()) return std::nullopt;
  if (magic != kMagic) return fail(0, "no QEVM magic but " + hex(magic));
  const std::uint32_t version = reader.be32();
  if (reader.ran_short()) return std::nullopt;
  if (version != kVersion) return fail(4, "stream version " + std::to_string(version) + ", not 3");
  items.push_back({Item::Kind::header, 0, 8, {}, 0, 0, 0});
  point(Phase::reserve, "header-end", 8);
  at_ = At::first_item;
  return reader.at();
}

Parser::State::Taken Parser::State::step_first_item(Bytes window) {
  Reader reader(window);
  const std::uint8_t type = reader.u8();
  if (reader.ran_short()) return std::nullopt;
  if (type != kConfiguration) {
    at_ = At::item;
    return 0;
  }
  const std::uint32_t length = reader.be32();
  if (reader.ran_short()) return std::nullopt;
  if (length > kMaxMachineNameBytes)
    return fail(pos_ + 1, "machine name of " + std::to_string(length) + " bytes");
  item_ = Item{Item::Kind::configuration, pos_, 0, {}, 0, 0, 0};
  skip_ = length;
  at_ = At::configuration_tail;
  return reader.at();
}

Parser::State::Taken Parser::State::step_configuration_tail(Bytes window) {
  Reader reader(window);
  const std::uint8_t type = reader.u8();
  if (reader.ran_short()) return std::nullopt;
  if (type != kSubsection) {
    end_configuration();
    return 0;
  }
  const std::string_view name = reader.counted_text();
  reader.be32();  // version of the subsection: 1 everywhere
  if (reader.ran_short()) return std::nullopt;
  if (name == "configuration/target-page-bits") {
    const std::uint32_t bits = reader.be32();
    if (reader.ran_short()) return std::nullopt;
    if (bits != kPageBits)
      return fail(pos_, "target pages of 2^" + std::to_string(bits) + " bytes, not 4096");
  } else if (name == "configuration/capabilities") {
    const std::uint32_t count = reader.be32();
    if (reader.ran_short()) return std::nullopt;
    if (count > kMaxCapabilities)
      return fail(pos_, std::to_string(count) + " capabilities in the configuration");
    bool ignore_shared = false;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::string_view capability = reader.counted_text();
      if (reader.ran_short()) return std::nullopt;
      if (capability == "mapped-ram") return fail(pos_, "capability mapped-ram is not supported");
      ignore_shared = ignore_shared || capability == "x-ignore-shared";
    }
    ignore_shared_ = ignore_shared;
  } else if (name == "configuration/uuid") {
    reader.text(16);
    if (reader.ran_short()) return std::nullopt;
  } else {
    return fail(pos_, "unknown subsection of the configuration");
  }
  return reader.at();
}

void Parser::State::end_configuration() {
  item_.end = pos_;
  items.push_back(item_);
  point(Phase::reserve, "configuration-end", pos_);
  at_ = At::item;
}

// --- Items. ---

Parser::State::Taken Parser::State::step_item(Bytes window) {
  if (window.empty()) return std::nullopt;
  const auto type = std::to_integer<std::uint8_t>(window.front());
  switch (type) {
    case kSectionStart:
    case kSectionFull:
      return step_introduction(window);
    case kSectionPart:
    case kSectionEnd:
      return step_continuation(window);
    case kCommand:
      return step_command(window);
    case kEof:
      items.push_back({Item::Kind::eof, pos_, pos_ + 1, {}, 0, 0, 0});
      point(Phase::stopcopy, "eof-begin", pos_);
      point(Phase::commit, "eof", pos_ + 1);
      eof_seen = true;
      at_ = At::after_eof;
      return 1;
    default:
      return fail(pos_, "no item has type " + hex(type));
  }
}

Parser::State::Taken Parser::State::step_command(Bytes window) {
  Reader reader(window);
  reader.u8();
  const std::uint16_t command = reader.be16();
  const std::uint16_t length = reader.be16();
  if (reader.ran_short()) return std::nullopt;
  if (!command_is_valid(command, length))
    return fail(pos_, "command " + std::to_string(command) + " of " + std::to_string(length) +
                          " bytes is unknown");
  if (command > kPostcopyAdvise && command != kSwitchoverStart)
    return fail(pos_, "command " + std::to_string(command) + " belongs to post-copy or COLO");
  if (command == kPostcopyAdvise && length == 16) {
    const std::uint64_t page_sizes = reader.be64();  // ram_pagesize_summary(): all sizes, ORed
    reader.be64();                                   // the target's page size
    if (reader.ran_short()) return std::nullopt;
    odd_page_sizes_ = page_sizes != kPageBytes;
  } else {
    reader.text(length);
    if (reader.ran_short()) return std::nullopt;
  }
  if (command == kSwitchoverStart) enter(pos_);
  items.push_back({Item::Kind::command, pos_, pos_ + reader.at(), {}, 0, 0, command});
  return reader.at();
}

/// SECTION_START and SECTION_FULL: they name the section.
Parser::State::Taken Parser::State::step_introduction(Bytes window) {
  Reader reader(window);
  const bool start = reader.u8() == kSectionStart;
  const std::uint32_t id = reader.be32();
  const std::string_view idstr = reader.counted_text();
  const std::uint32_t instance = reader.be32();
  const std::uint32_t version = reader.be32();
  if (reader.ran_short()) return std::nullopt;
  if (!printable(idstr)) return fail(pos_ + 5, "the name of section " + hex(id) + " is not text");
  if (!seen_.insert(id).second) return fail(pos_ + 1, "section " + hex(id) + " begins twice");
  if (seen_.size() > kMaxSections) return fail(pos_, "more than 65536 sections");
  item_ = Item{start ? Item::Kind::section_start : Item::Kind::section_full,
               pos_,
               0,
               std::string(idstr),
               id,
               instance,
               0};
  if (start) iterable_.emplace(id, item_.idstr);
  if (start && idstr == "ram") {
    if (ram_id_) return fail(pos_, "RAM begins twice");
    if (version != kRamVersion)
      return fail(pos_, "version " + std::to_string(version) + " of RAM, not 4");
    ram_id_ = id;
    point(Phase::reserve, "ram-setup-begin", pos_);
    at_ = At::ram_word;
    return reader.at();
  }
  scan_ = reader.at();
  at_ = At::opaque;
  return 0;
}

/// SECTION_PART and SECTION_END: they refer to a START.
Parser::State::Taken Parser::State::step_continuation(Bytes window) {
  Reader reader(window);
  const bool part = reader.u8() == kSectionPart;
  const std::uint32_t id = reader.be32();
  if (reader.ran_short()) return std::nullopt;
  const auto known = iterable_.find(id);
  if (known == iterable_.end()) return fail(pos_ + 1, "section " + hex(id) + " never began");
  item_ = Item{
      part ? Item::Kind::section_part : Item::Kind::section_end, pos_, 0, known->second, id, 0, 0};
  if (!part) enter(pos_);
  if (ram_id_ != id) {
    scan_ = reader.at();
    at_ = At::opaque;
    return 0;
  }
  if (part && !began_precopy_) {
    began_precopy_ = true;
    point(Phase::precopy, "begin", pos_);
  }
  at_ = At::ram_word;
  return reader.at();
}

void Parser::State::enter(std::uint64_t offset) {
  if (entered_) return;
  entered_ = true;
  point(Phase::stopcopy, "enter", offset);
}

// --- RAM. ---

Parser::State::Taken Parser::State::step_ram_word(Bytes window) {
  Reader reader(window);
  const std::uint64_t word = reader.be64();
  if (reader.ran_short()) return std::nullopt;
  const std::uint64_t flags = word & kFlagMask;
  switch (flags & ~kRamContinue) {
    case kRamPage:
    case kRamZero:
    case kRamXbzrle:
      return step_page_record(window, word);
    case kRamEos:
      if (word != kRamEos) break;
      at_ = At::footer;
      return reader.at();
    case kRamMultifdFlush:
      if (word != kRamMultifdFlush) break;
      return reader.at();
    case kRamMemSize:
      if (flags != kRamMemSize || item_.kind != Item::Kind::section_start || !blocks_.empty())
        break;
      list_bytes_ = word & ~kFlagMask;
      if (list_bytes_ != 0) at_ = At::block_entry;
      return reader.at();
    case kRamCompressPage:
      return fail(pos_, "RAM flag 0x100: compressed pages are not supported");
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
  if (ignore_shared_) reader.be64();  // guest-physical address of the block
  if (reader.ran_short()) return std::nullopt;
  if (!printable(name)) return fail(pos_, "the name of a RAM block is not text");
  if (used_bytes > list_bytes_)
    return fail(pos_, "RAM blocks add up to more than the announced total");
  if (blocks_.size() == kMaxBlocks) return fail(pos_, "more than 4096 RAM blocks");
  if (!block_index_.emplace(std::string(name), blocks_.size()).second)
    return fail(pos_, "two RAM blocks have one name");
  if (odd_page_sizes_ && ignore_shared_)
    return fail(pos_, "x-ignore-shared with post-copy on huge pages is not supported");
  blocks_.push_back({std::string(name), used_bytes});
  list_bytes_ -= used_bytes;
  if (odd_page_sizes_)
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
    const auto known = block_index_.find(name);
    if (known == block_index_.end()) return fail(pos_ + 8, "a page of an unknown RAM block");
    block = known->second;
  }
  if (!block) return fail(pos_, "the first page record names no RAM block");
  if ((word & ~kFlagMask) >= blocks_[*block].used_bytes)
    return fail(pos_, "a page beyond the end of RAM block " + blocks_[*block].name);
  std::uint64_t content_bytes = 0;
  if ((flags & kRamPage) != 0) {
    content_bytes = kPageBytes;
  } else if ((flags & kRamZero) != 0) {
    reader.u8();  // the byte that fills the page: 0
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
  const bool content = (flags & kRamPage) != 0;
  if (item_.kind == Item::Kind::section_part) {
    // Within a pass QEMU walks its block list upwards and sends a page once.
    const std::pair<std::size_t, std::uint64_t> page(*block_, address);
    if (!last_page_ || page <= *last_page_)
      point(Phase::precopy, "pass:" + std::to_string(++passes), pos_);
    last_page_ = page;
    if (content && wanted_pages.erase(++page_count_) != 0)
      point(Phase::precopy, "page:" + std::to_string(page_count_), pos_);
  }
  if (content) pages.push_back({blocks_[*block_].name, address, pos_ + header_bytes});
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
  else if (item_.kind == Item::Kind::section_end)
    point(Phase::stopcopy, "ram-end", item_.end);
  items.push_back(std::move(item_));
  at_ = At::item;
  return reader.at();
}

// --- Sections without a length. ---

/// The window begins at the section's type byte: nothing of it is used up before its end is known.
Parser::State::Taken Parser::State::step_opaque(Bytes window) {
  const std::array<std::byte, kFooterBytes> footer = {
      std::byte{kFooter}, static_cast<std::byte>(item_.section_id >> 24),
      static_cast<std::byte>(item_.section_id >> 16), static_cast<std::byte>(item_.section_id >> 8),
      static_cast<std::byte>(item_.section_id)};
  while (scan_ < window.size()) {
    const Bytes rest = window.subspan(scan_);
    const void* const found = std::memchr(rest.data(), kFooter, rest.size());
    if (found == nullptr) {
      scan_ = window.size();
      break;
    }
    scan_ += static_cast<std::size_t>(static_cast<const std::byte*>(found) - rest.data());
    const std::size_t end = scan_ + kFooterBytes;
    if (end > kMaxSectionBytes) break;
    if (end > window.size()) return std::nullopt;
    if (std::equal(footer.begin(), footer.end(), &window[scan_])) {
      const Bytes after = window.subspan(end);
      const Look look = next_item(after);
      if (look == Look::more) return std::nullopt;
      if (look == Look::yes) {
        accept_opaque(end, std::to_integer<std::uint8_t>(after.front()) == kEof);
        return end;
      }
    }
    ++scan_;
  }
  if (scan_ + kFooterBytes > kMaxSectionBytes)
    return fail(pos_, "section " + item_.idstr + " does not end within 64 MiB");
  return std::nullopt;
}

void Parser::State::accept_opaque(std::size_t bytes, bool last) {
  item_.end = pos_ + bytes;
  if (item_.kind == Item::Kind::section_full && entered_) {
    // FULL sections before the switch-over (a device's early set-up) are items, but not points.
    std::vector<std::string> names = {item_.idstr.substr(item_.idstr.rfind('/') + 1)};
    if (!std::exchange(device_seen_, true)) names.emplace_back("first");
    if (last) names.emplace_back("last");
    const std::array<std::pair<std::string_view, std::uint64_t>, 3> places = {
        {{"/begin", pos_}, {"/middle", pos_ + bytes / 2}, {"/end", item_.end}}};
    for (const auto& [suffix, offset] : places)
      for (const std::string& name : names)
        point(Phase::stopcopy, ("device:" + name).append(suffix), offset);
  }
  items.push_back(std::move(item_));
  at_ = At::item;
}

/// Whether a valid item follows what looks like a footer.
Look Parser::State::next_item(Bytes after) const {
  const Look undecided = finished ? Look::no : Look::more;
  Reader reader(after);
  const std::uint8_t type = reader.u8();
  if (reader.ran_short()) return undecided;
  switch (type) {
    case kEof:
      return next_end_of_stream(after);
    case kSectionStart:
    case kSectionFull:
      return next_introduction(after);
    case kSectionPart:
    case kSectionEnd: {
      const std::uint32_t id = reader.be32();
      if (reader.ran_short()) return undecided;
      return iterable_.contains(id) ? Look::yes : Look::no;
    }
    case kCommand: {
      const std::uint16_t command = reader.be16();
      const std::uint16_t length = reader.be16();
      if (reader.ran_short()) return undecided;
      return command_is_valid(command, length) ? Look::yes : Look::no;
    }
    default:
      return Look::no;
  }
}

Look Parser::State::next_introduction(Bytes after) const {
  Reader reader(after);
  reader.u8();
  const std::uint32_t id = reader.be32();
  const std::string_view idstr = reader.counted_text();
  reader.be32();
  const std::uint32_t version = reader.be32();
  if (reader.ran_short()) return finished ? Look::no : Look::more;
  return !seen_.contains(id) && printable(idstr) && version <= kMaxVersionId ? Look::yes : Look::no;
}

/// EOF, and then the VMDESC with its JSON, or nothing: a zero byte alone is too common to trust.
Look Parser::State::next_end_of_stream(Bytes after) const {
  const Look undecided = finished ? Look::yes : Look::more;
  Reader reader(after);
  reader.u8();
  const std::uint8_t type = reader.u8();
  if (reader.ran_short()) return undecided;
  if (type != kVmdescription) return Look::no;
  const std::uint32_t length = reader.be32();
  const std::uint8_t brace = reader.u8();
  if (reader.ran_short()) return undecided;
  return length <= kMaxVmdescBytes && brace == '{' ? Look::yes : Look::no;
}

// --- After EOF. ---

Parser::State::Taken Parser::State::step_after_eof(Bytes window) {
  Reader reader(window);
  const std::uint8_t type = reader.u8();
  if (reader.ran_short()) return std::nullopt;
  if (type != kVmdescription)
    return fail(pos_, "item type " + hex(type) + " after the end of the VM's state");
  const std::uint32_t length = reader.be32();
  if (reader.ran_short()) return std::nullopt;
  if (length > kMaxVmdescBytes) return fail(pos_, "VMDESC of " + std::to_string(length) + " bytes");
  const std::uint64_t bytes = reader.at() + length;
  item_ = Item{Item::Kind::vmdescription, pos_, pos_ + bytes, {}, 0, 0, 0};
  point(Phase::commit, "vmdesc-begin", pos_);
  // The middle of a tiny VMDESC would lie in its header, which is used up here.
  const std::uint64_t middle = std::max<std::uint64_t>(bytes / 2, reader.at());
  skip_ = middle - reader.at();
  at_ = At::vmdesc_middle;
  return reader.at();
}

void Parser::State::end_vmdesc() {
  point(Phase::commit, "vmdesc-end", pos_);
  items.push_back(std::move(item_));
  at_ = At::done;
}

// --- The interface. ---

std::string_view to_string(Item::Kind kind) {
  constexpr std::array<std::string_view, 9> names = {
      "header",       "configuration", "section_start", "section_part", "section_end",
      "section_full", "command",       "eof",           "vmdescription"};
  return names.at(static_cast<std::size_t>(kind));
}

Parser::Parser() : state_(std::make_unique<State>()) {}
Parser::~Parser() = default;

void Parser::feed(Bytes bytes) {
  if (state_->finished) throw std::logic_error("stream::Parser: feed() after finish()");
  state_->consume(bytes);
}
void Parser::finish() { state_->finish(); }
void Parser::want_page(std::uint64_t n) { state_->wanted_pages.insert(n); }

std::vector<Item> Parser::take_items() { return std::exchange(state_->items, {}); }
std::vector<PointHit> Parser::take_points() { return std::exchange(state_->points, {}); }
std::vector<PageHit> Parser::take_pages() { return std::exchange(state_->pages, {}); }

std::uint64_t Parser::fed() const { return state_->fed; }
std::uint64_t Parser::settled() const {
  return state_->finished && !state_->failed ? state_->fed : state_->pos_;
}
bool Parser::failed() const { return state_->failed; }
std::string Parser::failure() const { return state_->failure; }
std::uint32_t Parser::passes() const { return state_->passes; }
bool Parser::eof_seen() const { return state_->eof_seen; }

}  // namespace migfuzz::stream
