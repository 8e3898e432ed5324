// Parsers of side channels and of TLS records, on hand-built bytes and on real channels.
//
// Every parser is fed whole and byte by byte; both must give the same points. The recorded channels
// are multifd's and post-copy's of both QEMUs.
#include <catch2/catch.hpp>
#include <tuple>

#include "harness/stream/multifd.h"
#include "harness/stream/preempt.h"
#include "harness/stream/tls_records.h"
#include "tests/fakes/golden_stream.h"
#include "tests/fakes/stream_builder.h"

namespace {

using namespace migfuzz;
using fakes::ByteVector;
using fakes::StreamBuilder;
using Place = std::pair<std::string, std::uint64_t>;

struct Seen {
  std::vector<Place> points;
  std::vector<std::optional<Phase>> phases;
  std::uint64_t settled = 0;
  std::string failure;
  bool operator==(const Seen&) const = default;
};

template <typename Parser>
Seen feed(Parser& parser, Bytes bytes, std::size_t chunk = SIZE_MAX) {
  Seen seen;
  while (!bytes.empty()) {
    const Bytes part = bytes.first(std::min(chunk, bytes.size()));
    const std::uint64_t settled = parser.settled();
    parser.feed(part);
    bytes = bytes.subspan(part.size());
    for (const auto& hit : parser.take_points()) {
      CHECK(hit.offset >= settled);
      CHECK(hit.offset <= parser.fed());
      if (!seen.points.empty()) CHECK(hit.offset >= seen.points.back().second);
      seen.points.emplace_back(hit.name, hit.offset);
      seen.phases.push_back(hit.phase);
    }
  }
  seen.settled = parser.settled();
  seen.failure = parser.failure();
  return seen;
}

/// What a parser says, however the bytes are split.
template <typename Parser>
Seen parse(const ByteVector& bytes) {
  Parser whole;
  const Seen seen = feed(whole, bytes);
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    Parser split;
    CHECK(feed(split, bytes, chunk) == seen);
  }
  return seen;
}

StreamBuilder hello(std::uint8_t id) {
  StreamBuilder bytes;
  return bytes.be(0x11223344, 4).be(1, 4).raw(ByteVector(16)).be(id, 1).raw(ByteVector(39));
}

StreamBuilder& packet(StreamBuilder& bytes, std::uint32_t flags, std::uint32_t pages,
                      std::uint32_t size, std::uint32_t zero_pages = 0) {
  bytes.be(0x11223344, 4).be(1, 4).be(flags, 4).be(128, 4).be(pages, 4).be(size, 4).be(7, 8);
  return bytes.be(zero_pages, 4).raw(ByteVector(28 + 256 + 8 * 128));
}

}  // namespace

TEST_CASE("multifd: hello, packets and synchronizing packets are points at their bytes", "[side]") {
  StreamBuilder bytes = hello(1);
  packet(bytes, 1, 0, 8192);  // as 7.2 does: a size that means nothing
  packet(bytes, 0, 2, 8192, 3).raw(ByteVector(8192));
  packet(bytes, 5, 1, 40).raw(ByteVector(40));
  const std::uint64_t second = 64 + 1344, third = second + 1344 + 8192;
  const Seen seen = parse<stream::MultifdParser>(bytes.bytes());
  CHECK(seen.failure.empty());
  CHECK(seen.settled == bytes.size());
  CHECK(seen.points == std::vector<Place>{{"hello", 0},
                                          {"packet:1", 64},
                                          {"sync:1", 64},
                                          {"packet:1/middle", 64 + 672},
                                          {"packet:2", second},
                                          {"packet:2/middle", second + (1344 + 8192) / 2},
                                          {"packet:3", third},
                                          {"sync:2", third},
                                          {"packet:3/middle", third + 692}});
  stream::MultifdParser parser;
  feed(parser, Bytes(bytes.bytes()).first(third));
  CHECK(parser.id() == 1);
  CHECK(parser.packets() == 2);
  CHECK(parser.pages() == 2);
  CHECK(parser.zero_pages() == 3);
  parser.restart_count();
  CHECK(feed(parser, Bytes(bytes.bytes()).subspan(third)).points.front() ==
        Place{"packet:1", third});
}

TEST_CASE("multifd: a packet settles when its counts are known, its contents at once", "[side]") {
  StreamBuilder bytes = hello(0);
  packet(bytes, 0, 1, 4096);
  stream::MultifdParser parser;
  parser.feed(Bytes(bytes.bytes()).first(64 + 35));
  CHECK(parser.settled() == 64);
  CHECK(parser.take_points().size() == 1);
  parser.feed(Bytes(bytes.bytes()).subspan(64 + 35));
  CHECK(parser.settled() == bytes.size());
}

TEST_CASE("multifd: what is no such channel fails with offset and reason", "[side]") {
  const auto failure = [](StreamBuilder bytes) {
    return parse<stream::MultifdParser>(bytes.take()).failure;
  };
  const auto with = [&](std::uint32_t flags, std::uint32_t pages, std::uint32_t size,
                        std::uint32_t zero_pages) {
    StreamBuilder bytes = hello(0);
    return failure(packet(bytes, flags, pages, size, zero_pages));
  };
  CHECK_THAT(failure(StreamBuilder().text("QEVM").raw(ByteVector(40))), Catch::Contains("hello"));
  CHECK_THAT(failure(hello(0).be(0x11223345, 4).raw(ByteVector(60))),
             Catch::Contains("offset 64: no multifd packet"));
  CHECK_THAT(with(0, 129, 129 * 4096, 0), Catch::Contains("more than 128 pages"));
  CHECK_THAT(with(0, 100, 100 * 4096, 29), Catch::Contains("more than 128 pages"));
  CHECK_THAT(with(0, 2, 4096, 0), Catch::Contains("2 pages in 4096 bytes"));
  CHECK_THAT(with(2, 2, 0xffffffff, 0), Catch::Contains("2 pages in 4294967295 bytes"));
  CHECK_THAT(with(0x40, 0, 0, 0), Catch::Contains("flags 64"));
  CHECK(with(0, 100, 100 * 4096, 28).empty());
}

TEST_CASE("preempt: every page that was asked for is a point", "[side]") {
  StreamBuilder bytes;
  bytes.be(0x3008, 8).be(6, 1).text("pc.ram").raw(ByteVector(4096));
  const std::uint64_t second = bytes.size();
  bytes.be(0x5022, 8).be(0, 1);
  const std::uint64_t third = bytes.size();
  bytes.be(0x1028, 8).raw(ByteVector(4096)).be(0x10, 8);
  const Seen seen = parse<stream::PreemptParser>(bytes.bytes());
  CHECK(seen.failure.empty());
  CHECK(seen.settled == bytes.size());
  CHECK(seen.points == std::vector<Place>{{"preempt-page:1", 0},
                                          {"preempt-page:2", second},
                                          {"preempt-page:3", third}});
  const auto failure = [](StreamBuilder other) {
    return parse<stream::PreemptParser>(other.take()).failure;
  };
  CHECK_THAT(failure(StreamBuilder().be(0x3028, 8).be(0, 8)),
             Catch::Contains("names no RAM block"));
  CHECK_THAT(failure(StreamBuilder().be(0x3008, 8).be(0, 8)), Catch::Contains("without a name"));
  CHECK_THAT(failure(StreamBuilder().be(0x3040, 8).be(0, 8)), Catch::Contains("flags 64"));
}

TEST_CASE("TLS: records count from the first byte, and those of data from the first one",
          "[side]") {
  StreamBuilder bytes;
  const auto record = [&](std::uint8_t type, std::uint16_t length) {
    const std::uint64_t at = bytes.size();
    bytes.be(type, 1).be(0x0303, 2).be(length, 2).raw(ByteVector(length));
    return at;
  };
  record(22, 300);
  const std::uint64_t change = record(20, 1);
  const std::uint64_t data = record(23, 4000);
  record(22, 50);
  const std::uint64_t second = record(23, 16401);
  const Seen seen = parse<stream::TlsRecords>(bytes.bytes());
  CHECK(seen.failure.empty());
  CHECK(seen.settled == bytes.size());
  CHECK(seen.points == std::vector<Place>{{"record:1", 0},
                                          {"record:1/middle", 152},
                                          {"record:2", change},
                                          {"record:2/middle", change + 5},
                                          {"record:1", data},
                                          {"record:1/middle", data + 2002},
                                          {"record:2", second},
                                          {"record:2/middle", second + 8203}});
  CHECK(seen.phases.at(3) == Phase::reserve);
  CHECK(seen.phases.at(4) == Phase::precopy);
  CHECK_THAT(parse<stream::TlsRecords>(StreamBuilder().text("QEVM").be(3, 4).take()).failure,
             Catch::Contains("no TLS record"));
  CHECK_THAT(parse<stream::TlsRecords>(StreamBuilder().be(0x170303ffff, 5).take()).failure,
             Catch::Contains("no TLS record"));
}

TEST_CASE("recorded side channels of both QEMUs are understood to their last byte", "[side]") {
  for (const char* name : {"qemu-7.2-multifd", "qemu-10.0-multifd", "qemu-7.2-multifd-zstd",
                           "qemu-10.0-multifd-zstd"}) {
    INFO(name);
    std::uint64_t pages = 0;
    for (const char* channel : {"-0", "-1"}) {
      const ByteVector bytes = fakes::golden_stream(std::string(name) + channel);
      const Seen seen = parse<stream::MultifdParser>(bytes);
      CHECK(seen.failure.empty());
      CHECK(seen.settled == bytes.size());
      stream::MultifdParser parser;
      feed(parser, bytes);
      CHECK(parser.syncs() >= 2);
      CHECK(parser.packets() > parser.syncs() / 2);
      pages += parser.pages();
    }
    CHECK(pages >= 200);
  }
  for (const char* name : {"qemu-7.2-preempt", "qemu-10.0-preempt"}) {
    INFO(name);
    const ByteVector bytes = fakes::golden_stream(name);
    const Seen seen = parse<stream::PreemptParser>(bytes);
    CHECK(seen.failure.empty());
    CHECK(seen.settled == bytes.size());
    CHECK(seen.points.size() >= 20);
  }
}
