// Everything a stream parser says about a stream, as one value to compare.
//
// parse() feeds in chunks of the given sizes (the last one repeats) and asserts on the way what
// holds for every stream: points in order, never before what was settled, settled never beyond what
// was fed and never going back. A broken rule throws std::logic_error, so the fuzzer and the tests
// share it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "harness/stream/parser.h"

namespace migfuzz::fakes {

struct ParseResult {
  using Place = std::tuple<Phase, std::string, std::uint64_t>;
  using Found = std::tuple<int, std::uint64_t, std::uint64_t, std::string, std::uint32_t,
                           std::uint32_t, std::uint16_t>;
  using Page = std::tuple<std::string, std::uint64_t, std::uint64_t>;
  std::vector<Found> items;
  std::vector<Place> points;
  std::vector<Page> pages;
  std::uint64_t settled = 0;
  std::string failure;
  std::uint32_t passes = 0;
  bool eof_seen = false;
  bool operator==(const ParseResult&) const = default;
};

class ParseObserver {
 public:
  /// To be called after every feed() and finish().
  void observe(stream::Parser& parser) {
    for (const auto& hit : parser.take_points()) {
      require(hit.offset >= settled_, "a point before what was settled");
      require(result_.points.empty() || hit.offset >= std::get<2>(result_.points.back()),
              "a point out of order");
      require(hit.offset <= parser.fed(), "a point beyond what was fed");
      result_.points.emplace_back(hit.phase, hit.name, hit.offset);
    }
    for (const auto& item : parser.take_items()) {
      require(item.begin < item.end, "an empty item");
      require(result_.items.empty() || item.begin >= std::get<2>(result_.items.back()),
              "an item out of order");
      result_.items.emplace_back(static_cast<int>(item.kind), item.begin, item.end, item.idstr,
                                 item.section_id, item.instance_id, item.command);
    }
    for (const auto& page : parser.take_pages()) {
      require(result_.pages.empty() || page.data_offset >= std::get<2>(result_.pages.back()) + 4096,
              "a page out of order");
      result_.pages.emplace_back(page.block, page.address, page.data_offset);
    }
    require(parser.settled() >= settled_, "settled() went back");
    require(parser.settled() <= parser.fed(), "settled() beyond what was fed");
    settled_ = parser.settled();
    result_.settled = settled_;
    if (parser.failed()) result_.failure = parser.failure();
    require(!parser.failed() || !result_.failure.empty(), "failed() without a reason");
    result_.passes = parser.passes();
    result_.eof_seen = parser.eof_seen();
  }
  const ParseResult& result() const { return result_; }

 private:
  static void require(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
  }
  ParseResult result_;
  std::uint64_t settled_ = 0;
};

/// Feeds a fresh parser, for instance that of a recovered channel.
inline ParseResult parse_with(stream::Parser& parser, Bytes bytes,
                              const std::vector<std::size_t>& chunks = {SIZE_MAX},
                              const std::vector<std::uint64_t>& wanted_pages = {}) {
  ParseObserver observer;
  for (const std::uint64_t page : wanted_pages)
    for (const Phase phase : {Phase::precopy, Phase::postcopy, Phase::recover})
      parser.want_page(page, phase);
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const std::size_t chunk = std::max<std::size_t>(1, chunks[std::min(i, chunks.size() - 1)]);
    const Bytes part = bytes.first(std::min(chunk, bytes.size()));
    parser.feed(part);
    observer.observe(parser);
    bytes = bytes.subspan(part.size());
  }
  parser.finish();
  observer.observe(parser);
  return observer.result();
}

inline ParseResult parse(Bytes bytes, const std::vector<std::size_t>& chunks = {SIZE_MAX},
                         const std::vector<std::uint64_t>& wanted_pages = {}) {
  stream::Parser parser;
  return parse_with(parser, bytes, chunks, wanted_pages);
}

}  // namespace migfuzz::fakes
