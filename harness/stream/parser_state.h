// What the main channel's parser knows between two steps. Private to harness/stream.
//
// parser.cpp holds the window, the items and the search for a section's end; parser_ram.cpp what a
// RAM section holds. Each step is a pure function of a prefix of the stream and of this state.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "harness/stream/parser.h"
#include "harness/stream/pass_finder.h"
#include "harness/stream/wire.h"

namespace migfuzz::stream {

enum class Look { yes, no, more };  // `more`: the bytes at hand do not decide it

/// One RAM block of the set-up's list.
struct Block {
  std::string name;
  std::uint64_t used_bytes = 0;
};

bool printable(std::string_view text);
std::string hex(std::uint64_t value);

/// What a recovered channel knows of the one before it: the sections and blocks that were set up.
struct Known {
  std::set<std::uint32_t> seen;                   // section ids that FULL or START introduced
  std::map<std::uint32_t, std::string> iterable;  // id to idstr of every START
  std::optional<std::uint32_t> ram_id;
  bool ignore_shared = false;   // capability x-ignore-shared, from the configuration
  bool odd_page_sizes = false;  // post-copy was advised and a block has pages other than 4 KiB
  std::vector<Block> blocks;    // in the order of QEMU's list, which is the order of a pass
  std::map<std::string, std::size_t, std::less<>> block_index;
};

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

  State() = default;
  explicit State(Known of_old)  // of a channel that goes on where another one broke
      : known(std::move(of_old)), at_(At::item), postcopy_(true), recovered_(true) {}

  std::vector<Item> items;
  std::vector<PointHit> points;
  std::vector<PageHit> pages;
  std::uint64_t fed = 0, pos_ = 0, postcopy_pages = 0, postcopy_pages_again = 0;
  bool finished = false, failed = false, eof_seen = false;
  std::string failure;
  std::uint32_t passes = 0;
  std::set<std::pair<Phase, std::uint64_t>> wanted_pages;
  std::multimap<std::pair<std::string, std::uint64_t>, std::uint64_t> expected;
  Known known;

  void consume(Bytes bytes);
  void finish();
  void restart_count() { answers_ = page_count_ = 0; }

 private:
  At at_ = At::header;
  std::uint64_t skip_ = 0;  // bytes that no step looks at
  std::vector<std::byte> buffer_;
  Item item_;                         // the item being read, if it spans several steps
  std::size_t scan_ = 0;              // opaque: no footer lies before this, from item_.begin
  std::uint64_t list_bytes_ = 0;      // RAM's list: bytes not accounted for yet
  std::optional<std::size_t> block_;  // of the last record: what CONTINUE refers to
  PassFinder finder_;
  bool part_begins_ = false;      // nothing of this PART's contents was read yet
  std::set<std::pair<std::size_t, std::uint64_t>> sent_;  // in post-copy: block and address
  std::uint64_t answers_ = 0, page_count_ = 0;  // answered requests; records with content
  bool began_precopy_ = false, device_seen_ = false;
  bool entered_ = false, advised_ = false, postcopy_ = false;  // stopcopy; post-copy: may, has
  bool recovered_ = false;                    // the channel goes on where another one broke
  std::optional<std::uint64_t> package_end_;  // inside post-copy's package: where it ends

  std::size_t drain(Bytes window);
  Taken step(Bytes window);
  void begin_pass() { point(Phase::precopy, "pass:" + std::to_string(++passes), pos_); }
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
  Look next_end_of_stream(Bytes after) const, next_is_command(Bytes after) const;
  std::string misplaced(std::uint16_t command) const;
  void point_of_command(std::uint16_t command);
  void accept_opaque(std::size_t bytes, bool last);
  void end_package(), end_configuration(), end_vmdesc();
  void enter(std::uint64_t offset);
  void see_page(std::uint64_t address, std::uint64_t flags, std::size_t header_bytes);

  void point(Phase phase, std::string name, std::uint64_t offset) {
    points.push_back({phase, std::move(name), offset});
  }
  Taken fail(std::uint64_t offset, const std::string& why);
};

}  // namespace migfuzz::stream
