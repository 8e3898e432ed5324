// libFuzzer target: hostile bytes and hostile splits never crash the stream parsers or change them.
//
// The first byte chooses the parser (0x80: the return path, or with 0x10, 0x20, 0x30 multifd's, the
// preempt and a TLS channel; without 0x80 the main one, with 0x20 a recovered one) and the number
// of bytes that describe the split; these follow, then the stream. Checked: the rules of
// tests/fakes/parse_result.h, and that one chunk and many give the same result. Build and run
// alone:
//   clang++-14 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I.
//   tests/fuzz/parser_fuzz.cpp
//       harness/stream/{parser,parser_ram,pass_finder,return_path,side_parser,multifd,preempt}.cpp
//       harness/stream/tls_records.cpp tests/fakes/stream_builder.cpp -o parser_fuzz
//   ./parser_fuzz -max_len=4096 tests/golden/fuzz-corpus
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <tuple>
#include <vector>

#include "harness/stream/multifd.h"
#include "harness/stream/preempt.h"
#include "harness/stream/return_path.h"
#include "harness/stream/tls_records.h"
#include "tests/fakes/parse_result.h"
#include "tests/fakes/stream_builder.h"

namespace {

using migfuzz::Bytes;

using Chunks = std::vector<std::size_t>;
const Chunks kWhole = {SIZE_MAX};

void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "parser_fuzz: %s\n", what);
  std::abort();
}

struct ReturnResult {
  std::vector<std::tuple<std::uint16_t, std::uint64_t, std::uint64_t, std::uint32_t, std::string>>
      messages;
  std::vector<std::tuple<migfuzz::Phase, std::string, std::uint64_t>> points;
  std::uint64_t settled = 0;
  std::string failure;
  bool operator==(const ReturnResult&) const = default;
};

ReturnResult parse_return_path(Bytes bytes, const Chunks& chunks) {
  migfuzz::stream::ReturnPathParser parser;
  ReturnResult result;
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const std::size_t chunk = std::max<std::size_t>(1, chunks[std::min(i, chunks.size() - 1)]);
    const Bytes part = bytes.first(std::min(chunk, bytes.size()));
    parser.feed(part);
    for (const auto& hit : parser.take_points()) {
      check(hit.offset >= result.settled, "return path: a point before what was settled");
      check(result.points.empty() || hit.offset >= std::get<2>(result.points.back()),
            "return path: a point out of order");
      result.points.emplace_back(hit.phase, hit.name, hit.offset);
    }
    for (const auto& message : parser.take_messages())
      result.messages.emplace_back(message.type, message.begin, message.end, message.value,
                                   message.name);
    check(parser.settled() >= result.settled, "return path: settled() went back");
    check(parser.settled() <= parser.fed(), "return path: settled() beyond what was fed");
    result.settled = parser.settled();
    bytes = bytes.subspan(part.size());
  }
  result.failure = parser.failure();
  return result;
}

struct SideResult {
  std::vector<std::tuple<std::optional<migfuzz::Phase>, std::string, std::uint64_t>> points;
  std::uint64_t settled = 0;
  std::string failure;
  bool operator==(const SideResult&) const = default;
};

template <typename Parser>
SideResult parse_side(Bytes bytes, const Chunks& chunks) {
  Parser parser;
  SideResult result;
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const std::size_t chunk = std::max<std::size_t>(1, chunks[std::min(i, chunks.size() - 1)]);
    const Bytes part = bytes.first(std::min(chunk, bytes.size()));
    parser.feed(part);
    for (const auto& hit : parser.take_points()) {
      check(hit.offset >= result.settled, "side channel: a point before what was settled");
      check(result.points.empty() || hit.offset >= std::get<2>(result.points.back()),
            "side channel: a point out of order");
      check(hit.offset <= parser.fed(), "side channel: a point beyond what was fed");
      result.points.emplace_back(hit.phase, hit.name, hit.offset);
    }
    check(parser.settled() >= result.settled, "side channel: settled() went back");
    check(parser.settled() <= parser.fed(), "side channel: settled() beyond what was fed");
    result.settled = parser.settled();
    bytes = bytes.subspan(part.size());
  }
  result.failure = parser.failure();
  return result;
}

template <typename Parser>
void check_side(Bytes bytes, const Chunks& chunks) {
  check(parse_side<Parser>(bytes, kWhole) == parse_side<Parser>(bytes, chunks),
        "side channel: the split shows in the result");
}

migfuzz::fakes::ParseResult parse_recovered(Bytes bytes, const Chunks& chunks) {
  migfuzz::fakes::StreamBuilder old;
  old.header().configuration("pc").command(3).ram_setup({{"pc.ram", 0x10000}});
  migfuzz::stream::Parser broken;
  broken.feed(old.bytes());
  const auto parser = broken.next_channel();
  parser->expect_page("pc.ram", 0x1000, 1);
  return migfuzz::fakes::parse_with(*parser, bytes, chunks, {1, 3});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Bytes bytes = std::as_bytes(std::span(data, size));
  const bool return_path = (data[0] & 0x80) != 0;
  const std::size_t splits = std::min<std::size_t>(data[0] & 0x0f, size - 1);
  Chunks chunks;
  for (const std::byte split : bytes.subspan(1, splits))
    chunks.push_back(std::to_integer<std::size_t>(split));
  chunks.push_back((data[0] & 0x40) != 0 ? 1 : SIZE_MAX);
  bytes = bytes.subspan(1 + splits);
  const int kind = data[0] & 0x30;
  if (return_path && kind == 0x10) check_side<migfuzz::stream::MultifdParser>(bytes, chunks);
  if (return_path && kind == 0x20) check_side<migfuzz::stream::PreemptParser>(bytes, chunks);
  if (return_path && kind == 0x30) check_side<migfuzz::stream::TlsRecords>(bytes, chunks);
  if (return_path && kind != 0) return 0;
  if (!return_path && (kind & 0x20) != 0) {
    check(parse_recovered(bytes, kWhole) == parse_recovered(bytes, chunks),
          "recovered channel: the split shows in the result");
    return 0;
  }
  if (return_path) {
    check(parse_return_path(bytes, kWhole) == parse_return_path(bytes, chunks),
          "return path: the split shows in the result");
    return 0;
  }
  // A broken rule throws: an uncaught exception is libFuzzer's crash.
  const std::vector<std::uint64_t> wanted = {1, 3};
  check(
      migfuzz::fakes::parse(bytes, kWhole, wanted) == migfuzz::fakes::parse(bytes, chunks, wanted),
      "the split shows in the result");
  return 0;
}
