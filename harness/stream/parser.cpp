// The main channel's parser: one state machine over a small window of bytes.
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

#include <cstring>
#include <functional>
#include <stdexcept>

#include "harness/stream/parser_state.h"

namespace migfuzz::stream {
namespace {

using namespace wire;

// Limits of this parser: far above what a VM sends, low enough that hostile bytes stay harmless.
constexpr std::size_t kMaxSectionBytes = std::size_t{64} << 20;
constexpr std::uint32_t kMaxVmdescBytes = std::uint32_t{64} << 20;
constexpr std::uint32_t kMaxMachineNameBytes = std::uint32_t{1} << 20;
constexpr std::uint32_t kMaxCapabilities = 256;
constexpr std::size_t kMaxSections = 65536;
constexpr std::size_t kMaxExpected = 65536;  // pages that were asked for and not answered yet
constexpr std::uint32_t kMaxVersionId = 0xffff;

// How much of a chunk joins a non-empty buffer at a time: enough for any header (the longest is a
// page record with a block name, 264 bytes), little enough that a chunk is not copied for it.
constexpr std::size_t kHeaderGulp = 512;
constexpr std::size_t kSectionGulp = std::size_t{64} << 10;

bool command_is_valid(std::uint16_t command, std::uint16_t length) {
  if (command == 0 || command >= kCommandLength.size()) return false;
  if (command == kPostcopyAdvise) return length == 0 || length == 16;
  const int wanted = kCommandLength[command];
  return wanted == kAnyLength || wanted == length;
}

}  // namespace

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

Parser::State::Taken Parser::State::fail(std::uint64_t offset, const std::string& why) {
  failed = true;
  failure = "offset " + std::to_string(offset) + ": " + why;
  return 0;
}

// --- The window. ---

void Parser::State::consume(Bytes bytes) {
  if (fed == 0 && !bytes.empty() && !recovered_) point(Phase::reserve, "first-byte", 0);
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
    known.ignore_shared = ignore_shared;
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
      if (package_end_) return fail(pos_, "the end mark inside post-copy's package");
      items.push_back({Item::Kind::eof, pos_, pos_ + 1, {}, 0, 0, 0});
      if (!postcopy_) point(Phase::stopcopy, "eof-begin", pos_);
      point(Phase::commit, "eof", pos_ + 1);
      eof_seen = true;
      at_ = At::after_eof;
      return 1;
    default:
      return fail(pos_, "no item has type " + hex(type));
  }
}

/// Why that command may not stand here; empty: it may. migration/savevm.c and postcopy_start() and
/// postcopy_do_resume() of migration/migration.c.
std::string Parser::State::misplaced(std::uint16_t command) const {
  const bool packed = command == kPostcopyListen || command == kPostcopyRun;
  if (command == kEnableColo) return "belongs to COLO";
  if (package_end_ ? !packed && command != kPing : packed)
    return package_end_ ? "inside post-copy's package" : "outside post-copy's package";
  if (recovered_ != (command == kPostcopyResume || command == kRecvBitmap) && command != kPing)
    return recovered_ ? "on a recovered channel" : "belongs to a recovered channel";
  return {};
}

void Parser::State::point_of_command(std::uint16_t command) {
  if (command == kPostcopyAdvise && !std::exchange(advised_, true))
    point(Phase::reserve, "advise", pos_);
  const bool begins = !postcopy_ && (command == kRamDiscard || command == kPackaged);
  if (begins) {
    postcopy_ = true;
    page_count_ = 0;
  }
  if (command == kRamDiscard && begins)
    point(Phase::postcopy, "discard", pos_);
  else if (command == kPackaged)
    point(Phase::postcopy, "package-begin", pos_);
  else if (command == kPostcopyRun)
    point(Phase::postcopy, "run", pos_);
  else if (command == kRecvBitmap)
    point(Phase::recover, "bitmap-request", pos_);
  else if (command == kPostcopyResume)
    point(Phase::recover, "resume", pos_);
}

Parser::State::Taken Parser::State::step_command(Bytes window) {
  Reader reader(window);
  reader.u8();
  const std::uint16_t command = reader.be16();
  const std::uint16_t length = reader.be16();
  if (reader.ran_short()) return std::nullopt;
  const std::string name = "command " + std::to_string(command);
  if (!command_is_valid(command, length))
    return fail(pos_, name + " of " + std::to_string(length) + " bytes is unknown");
  if (const std::string why = misplaced(command); !why.empty()) return fail(pos_, name + " " + why);
  std::uint32_t package_bytes = 0;
  if (command == kPostcopyAdvise && length == 16) {
    const std::uint64_t page_sizes = reader.be64();  // ram_pagesize_summary(): all sizes, ORed
    reader.be64();                                   // the target's page size
    if (reader.ran_short()) return std::nullopt;
    known.odd_page_sizes = page_sizes != kPageBytes;
  } else if (command == kPackaged) {
    package_bytes = reader.be32();
  } else {
    reader.text(length);
  }
  if (reader.ran_short()) return std::nullopt;
  if (command == kSwitchoverStart) {
    const Look look = advised_ ? next_is_command(window.subspan(reader.at())) : Look::no;
    if (look == Look::more) return std::nullopt;
    if (look == Look::no) enter(pos_);
  }
  point_of_command(command);
  items.push_back({Item::Kind::command, pos_, pos_ + reader.at(), {}, 0, 0, command});
  if (command == kPackaged) package_end_ = pos_ + reader.at() + package_bytes;
  end_package();
  return reader.at();
}

/// SWITCHOVER_START stands before stop-and-copy and before post-copy: a command follows in the
/// latter only (postcopy_start() discards pages or pings, migration/migration.c of QEMU 10.0).
Look Parser::State::next_is_command(Bytes after) const {
  if (after.empty()) return finished ? Look::no : Look::more;
  return std::to_integer<std::uint8_t>(after.front()) == kCommand ? Look::yes : Look::no;
}

/// After each item: whether it was the package's last.
void Parser::State::end_package() {
  if (!package_end_ || items.back().end < *package_end_) return;
  if (items.back().end > *package_end_) {
    fail(*package_end_, "an item reaches beyond post-copy's package");
    return;
  }
  point(Phase::postcopy, "package-end", *package_end_);
  package_end_.reset();
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
  if (start && package_end_) return fail(pos_, "a section begins inside post-copy's package");
  if (!printable(idstr)) return fail(pos_ + 5, "the name of section " + hex(id) + " is not text");
  if (!known.seen.insert(id).second) return fail(pos_ + 1, "section " + hex(id) + " begins twice");
  if (known.seen.size() > kMaxSections) return fail(pos_, "more than 65536 sections");
  item_ = Item{start ? Item::Kind::section_start : Item::Kind::section_full,
               pos_,
               0,
               std::string(idstr),
               id,
               instance,
               0};
  if (start) known.iterable.emplace(id, item_.idstr);
  if (start && idstr == "ram") {
    if (known.ram_id) return fail(pos_, "RAM begins twice");
    if (version != kRamVersion)
      return fail(pos_, "version " + std::to_string(version) + " of RAM, not 4");
    known.ram_id = id;
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
  const auto begun = known.iterable.find(id);
  if (begun == known.iterable.end()) return fail(pos_ + 1, "section " + hex(id) + " never began");
  if (package_end_) return fail(pos_, "a section goes on inside post-copy's package");
  item_ = Item{
      part ? Item::Kind::section_part : Item::Kind::section_end, pos_, 0, begun->second, id, 0, 0};
  if (!part) enter(pos_);
  if (known.ram_id != id) {
    scan_ = reader.at();
    at_ = At::opaque;
    return 0;
  }
  if (part && !began_precopy_ && !postcopy_) {
    began_precopy_ = true;
    point(Phase::precopy, "begin", pos_);
  }
  part_begins_ = true;
  at_ = At::ram_word;
  return reader.at();
}

void Parser::State::enter(std::uint64_t offset) {
  if (entered_ || postcopy_) return;
  entered_ = true;
  point(Phase::stopcopy, "enter", offset);
}

// --- Sections without a length. ---

/// The window begins at the section's type byte: nothing of it is used up before its end is known.
Parser::State::Taken Parser::State::step_opaque(Bytes window) {
  const std::array<std::byte, kFooterBytes> footer = {
      std::byte{kFooter}, static_cast<std::byte>(item_.section_id >> 24),
      static_cast<std::byte>(item_.section_id >> 16), static_cast<std::byte>(item_.section_id >> 8),
      static_cast<std::byte>(item_.section_id)};
  const std::uint64_t most =
      std::min<std::uint64_t>(kMaxSectionBytes, package_end_.value_or(UINT64_MAX) - pos_);
  while (scan_ < window.size()) {
    const Bytes rest = window.subspan(scan_);
    const void* const found = std::memchr(rest.data(), kFooter, rest.size());
    if (found == nullptr) {
      scan_ = window.size();
      break;
    }
    scan_ += static_cast<std::size_t>(static_cast<const std::byte*>(found) - rest.data());
    const std::size_t end = scan_ + kFooterBytes;
    if (end > most) break;
    if (end > window.size()) return std::nullopt;
    if (std::equal(footer.begin(), footer.end(), &window[scan_])) {
      const Bytes after = window.subspan(end);
      const Look look = next_item(after);
      if (look == Look::more) return std::nullopt;
      if (look == Look::yes) {
        // In the package commands follow the last device.
        accept_opaque(
            end, std::to_integer<std::uint8_t>(after.front()) == (package_end_ ? kCommand : kEof));
        return end;
      }
    }
    ++scan_;
  }
  if (scan_ + kFooterBytes > most)
    return fail(pos_, "section " + item_.idstr + " does not end within " +
                          (package_end_ ? "post-copy's package" : "64 MiB"));
  return std::nullopt;
}

void Parser::State::accept_opaque(std::size_t bytes, bool last) {
  item_.end = pos_ + bytes;
  if (item_.kind == Item::Kind::section_full && (entered_ || package_end_)) {
    // FULL sections before the switch-over (a device's early set-up) are items, but not points.
    std::vector<std::string> names = {item_.idstr.substr(item_.idstr.rfind('/') + 1)};
    if (!std::exchange(device_seen_, true)) names.emplace_back("first");
    if (last) names.emplace_back("last");
    const std::array<std::pair<std::string_view, std::uint64_t>, 3> places = {
        {{"/begin", pos_}, {"/middle", pos_ + bytes / 2}, {"/end", item_.end}}};
    const Phase phase = package_end_ ? Phase::postcopy : Phase::stopcopy;
    for (const auto& [suffix, offset] : places)
      for (const std::string& name : names) point(phase, ("device:" + name).append(suffix), offset);
  }
  items.push_back(std::move(item_));
  end_package();
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
      return package_end_ ? Look::no : next_end_of_stream(after);
    case kSectionStart:
    case kSectionFull:
      return next_introduction(after);
    case kSectionPart:
    case kSectionEnd: {
      const std::uint32_t id = reader.be32();
      if (reader.ran_short()) return undecided;
      return known.iterable.contains(id) ? Look::yes : Look::no;
    }
    case kCommand: {
      const std::uint16_t command = reader.be16();
      const std::uint16_t length = reader.be16();
      if (reader.ran_short()) return undecided;
      const bool valid = command_is_valid(command, length) && misplaced(command).empty();
      return valid ? Look::yes : Look::no;
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
  const bool valid = !known.seen.contains(id) && printable(idstr) && version <= kMaxVersionId;
  return valid ? Look::yes : Look::no;
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
void Parser::want_page(std::uint64_t n, Phase phase) { state_->wanted_pages.emplace(phase, n); }
void Parser::expect_page(std::string block, std::uint64_t address, std::uint64_t number) {
  if (state_->expected.size() >= kMaxExpected) return;
  state_->expected.emplace(std::pair(std::move(block), address), number);
}
void Parser::restart_count() { state_->restart_count(); }

std::unique_ptr<Parser> Parser::next_channel() const {
  auto next = std::make_unique<Parser>();
  next->state_ = std::make_unique<State>(state_->known);
  return next;
}

std::vector<Item> Parser::take_items() { return std::exchange(state_->items, {}); }
std::vector<PointHit> Parser::take_points() { return std::exchange(state_->points, {}); }
std::vector<PageHit> Parser::take_pages() { return std::exchange(state_->pages, {}); }

std::uint64_t Parser::fed() const { return state_->fed; }
std::uint64_t Parser::settled() const {
  return state_->finished && !state_->failed ? state_->fed : state_->pos_;
}
bool Parser::failed() const { return state_->failed; }
std::string Parser::failure() const { return state_->failure; }
std::uint64_t Parser::postcopy_pages() const { return state_->postcopy_pages; }
std::uint64_t Parser::postcopy_pages_again() const { return state_->postcopy_pages_again; }
std::uint32_t Parser::passes() const { return state_->passes; }
bool Parser::eof_seen() const { return state_->eof_seen; }

}  // namespace migfuzz::stream
