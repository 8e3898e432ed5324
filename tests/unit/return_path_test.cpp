// The return path's parser: the good case, every kind of message, any split, hostile lengths.
#include "harness/stream/return_path.h"

#include <catch2/catch.hpp>

#include "tests/fakes/golden_stream.h"
#include "tests/fakes/stream_builder.h"

namespace {

using namespace migfuzz;
using fakes::ByteVector;
using fakes::StreamBuilder;
using stream::ReturnMessage;
using stream::ReturnPathParser;

std::vector<ReturnMessage> messages_of(const ByteVector& bytes, std::size_t chunk = SIZE_MAX) {
  ReturnPathParser parser;
  for (Bytes rest = bytes; !rest.empty();) {
    const Bytes part = rest.first(std::min(chunk, rest.size()));
    parser.feed(part);
    rest = rest.subspan(part.size());
  }
  CHECK(parser.failure().empty());
  CHECK(parser.settled() == bytes.size());
  return parser.take_messages();
}

std::string failure_of(const StreamBuilder& stream) {
  ReturnPathParser parser;
  parser.feed(stream.bytes());
  CHECK(parser.failed());
  return parser.failure();
}

}  // namespace

TEST_CASE("a good return path is PONG 1 and SHUT 0, and the acknowledgement is a point", "[rp]") {
  const ByteVector bytes =
      StreamBuilder().be(2, 2).be(4, 2).be(1, 4).be(1, 2).be(4, 2).be(0, 4).take();
  ReturnPathParser parser;
  parser.feed(bytes);
  const auto messages = parser.take_messages();
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].name == "pong");
  CHECK(messages[0].value == 1);
  CHECK(messages[0].end == 8);
  CHECK(messages[1].name == "shut");
  CHECK(messages[1].value == 0);
  const auto points = parser.take_points();
  REQUIRE(points.size() == 2);
  CHECK(points[0].name == "ack");
  CHECK(points[0].offset == 8);
  CHECK(points[1].name == "ack-end");
  CHECK(points[1].offset == 16);
}

TEST_CASE("the acknowledgement is known from its type, before its first byte may pass", "[rp]") {
  ReturnPathParser parser;
  parser.feed(StreamBuilder().be(0, 1).bytes());
  CHECK(parser.settled() == 0);
  CHECK(parser.take_points().empty());
  parser.feed(StreamBuilder().be(1, 1).bytes());
  CHECK(parser.settled() == 2);
  const auto points = parser.take_points();
  REQUIRE(points.size() == 1);
  CHECK(points[0].offset == 0);
  CHECK(parser.take_messages().empty());
}

TEST_CASE("every kind of message is understood however it is split", "[rp]") {
  StreamBuilder stream;
  stream.be(7, 2).be(0, 2);                                                // SWITCHOVER_ACK
  stream.be(4, 2).be(12, 2).be(0x1000, 8).be(4096, 4);                     // REQ_PAGES
  stream.be(3, 2).be(19, 2).be(0, 8).be(4096, 4).be(6, 1).text("pc.ram");  // REQ_PAGES_ID
  stream.be(5, 2).be(7, 2).be(6, 1).text("pc.ram");                        // RECV_BITMAP
  stream.be(16, 8).be(1, 8).be(1, 8).be(0x0123456789abcdef, 8);
  stream.be(6, 2).be(4, 2).be(1, 4);    // RESUME_ACK
  stream.be(300, 2).be(2, 2).be(0, 2);  // of a later version
  stream.be(1, 2).be(4, 2).be(1, 4);
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{5}, SIZE_MAX}) {
    const auto messages = messages_of(stream.bytes(), chunk);
    std::vector<std::string> names;
    for (const auto& message : messages) names.push_back(message.name);
    CHECK(names == std::vector<std::string>{"switchover-ack", "req-pages", "req-pages-id",
                                            "recv-bitmap", "resume-ack", "type-300", "shut"});
    CHECK(messages.back().value == 1);
    CHECK(messages.back().end == stream.size());
    for (std::size_t i = 1; i < messages.size(); ++i)
      CHECK(messages[i].begin == messages[i - 1].end);
  }
}

TEST_CASE("requests of pages are points and say which pages, on a recovered channel too", "[rp]") {
  StreamBuilder stream;
  stream.be(3, 2).be(19, 2).be(0x3000, 8).be(4096, 4).be(6, 1).text("pc.ram");
  const std::uint64_t second = stream.size();
  stream.be(4, 2).be(12, 2).be(0x5000, 8).be(8192, 4);
  for (const std::size_t chunk : {std::size_t{1}, SIZE_MAX}) {
    const auto messages = messages_of(stream.bytes(), chunk);
    REQUIRE(messages.size() == 2);
    CHECK(messages[0].block == "pc.ram");
    CHECK(messages[0].start == 0x3000);
    CHECK(messages[1].block == "pc.ram");
    CHECK(messages[1].start == 0x5000);
    CHECK(messages[1].length == 8192);
    CHECK(messages[1].number == 2);
  }
  ReturnPathParser recovered(7);
  recovered.feed(Bytes(stream.bytes()).first(second + 2));
  CHECK(recovered.requests() == 9);
  const auto points = recovered.take_points();
  REQUIRE(points.size() == 2);
  CHECK(points[0].phase == Phase::postcopy);
  CHECK(points[0].name == "request:8");
  CHECK(points[1].name == "request:9");
  CHECK(points[1].offset == second);
}

TEST_CASE("a recovery's bitmaps and acknowledgement are points at their bytes", "[rp]") {
  StreamBuilder stream;
  stream.be(5, 2).be(7, 2).be(6, 1).text("pc.ram").be(16, 8);
  const std::uint64_t data = stream.size();
  stream.be(0, 16).be(0x0123456789abcdef, 8);
  const std::uint64_t end = stream.size();
  stream.be(6, 2).be(4, 2).be(1, 4);
  for (const std::size_t chunk : {std::size_t{1}, SIZE_MAX}) {
    ReturnPathParser parser;
    std::vector<std::pair<std::string, std::uint64_t>> points;
    for (Bytes rest = stream.bytes(); !rest.empty();) {
      const Bytes part = rest.first(std::min(chunk, rest.size()));
      parser.feed(part);
      rest = rest.subspan(part.size());
      for (const auto& hit : parser.take_points()) {
        CHECK(hit.phase == Phase::recover);
        points.emplace_back(hit.name, hit.offset);
      }
    }
    CHECK(points == std::vector<std::pair<std::string, std::uint64_t>>{{"bitmap", 0},
                                                                       {"bitmap-middle", data + 8},
                                                                       {"bitmap-end", end},
                                                                       {"resume-ack", end}});
    CHECK(parser.take_messages().front().block == "pc.ram");
  }
}

TEST_CASE("recorded return paths of post-copy and of recoveries are understood", "[rp]") {
  struct Recorded {
    const char* name;
    std::size_t requests, bitmaps;
    bool shut;
  };
  for (const Recorded& recorded : {Recorded{"qemu-7.2-postcopy-back", 6, 0, false},
                                   Recorded{"qemu-7.2-postcopy-recovered-back", 22, 6, true},
                                   Recorded{"qemu-10.0-postcopy-recovered-back", 5, 6, true}}) {
    INFO(recorded.name);
    const ByteVector bytes = fakes::golden_stream(recorded.name);
    const auto messages = messages_of(bytes);
    CHECK(messages_of(bytes, 3).size() == messages.size());
    std::size_t bitmaps = 0, requests = 0;
    for (const ReturnMessage& message : messages) {
      bitmaps += message.name == "recv-bitmap";
      if (message.number == 0) continue;
      CHECK(message.number == ++requests);
      CHECK(message.block == "pc.ram");
      CHECK(message.start % 4096 == 0);
      CHECK(message.length == 4096);
    }
    CHECK(requests == recorded.requests);
    CHECK(bitmaps == recorded.bitmaps);
    CHECK((messages.back().name == "shut") == recorded.shut);
  }
}

TEST_CASE("a malformed message is a failure with offset and reason", "[rp]") {
  CHECK_THAT(failure_of(StreamBuilder().be(0, 2).be(0, 2)), Catch::Contains("offset 0"));
  CHECK_THAT(failure_of(StreamBuilder().be(1, 2).be(5, 2)), Catch::Contains("shut of 5 bytes"));
  CHECK_THAT(failure_of(StreamBuilder().be(9, 2).be(513, 2)), Catch::Contains("type-9 of 513"));
  const StreamBuilder bitmap = StreamBuilder().be(5, 2).be(2, 2).be(1, 1).text("a");
  CHECK_THAT(failure_of(StreamBuilder(bitmap).be(UINT64_MAX - 7, 8)),
             Catch::Contains("a bitmap of"));
  CHECK_THAT(failure_of(StreamBuilder(bitmap).be(0, 8).be(1, 8)), Catch::Contains("end mark"));
  CHECK_THAT(failure_of(StreamBuilder().be(5, 2).be(0, 2)), Catch::Contains("of 0 bytes"));
  CHECK_THAT(failure_of(StreamBuilder().be(5, 2).be(2, 2).be(2, 1)),
             Catch::Contains("a name of 2"));
  CHECK_THAT(failure_of(StreamBuilder().be(3, 2).be(11, 2)), Catch::Contains("req-pages-id of 11"));
  CHECK_THAT(failure_of(StreamBuilder().be(3, 2).be(14, 2).be(0, 12).be(2, 1)),
             Catch::Contains("a name of 2"));
}
