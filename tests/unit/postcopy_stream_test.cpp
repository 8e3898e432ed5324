// The stream parser on post-copy: the package, pages behind it, answers, and a recovered channel.
//
// Hand-built streams give every point's offset; recorded ones of both QEMUs, broken behind the
// package and recovered, must be understood to their last byte.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>

#include "harness/stream/parser.h"
#include "tests/fakes/golden_stream.h"
#include "tests/fakes/parse_result.h"
#include "tests/fakes/stream_builder.h"

namespace {

using namespace migfuzz;
using fakes::ByteVector;
using fakes::ParseResult;
using fakes::StreamBuilder;
using stream::Parser;
using Place = std::pair<std::string, std::uint64_t>;

ByteVector be(std::uint64_t value, std::size_t bytes) {
  return StreamBuilder().be(value, bytes).take();
}

/// All points of that phase, in order.
std::vector<Place> places(const ParseResult& result, Phase phase) {
  std::vector<Place> found;
  for (const auto& [hit_phase, name, offset] : result.points)
    if (hit_phase == phase) found.emplace_back(name, offset);
  return found;
}

bool has(const ParseResult& result, Phase phase, const Place& place) {
  const auto found = places(result, phase);
  return std::find(found.begin(), found.end(), place) != found.end();
}

/// Up to and without the discards, with 16 pages of RAM, of which one was sent.
StreamBuilder advised(std::uint32_t ram_section_id = 2) {
  StreamBuilder stream(ram_section_id);
  stream.header().configuration("pc").command(1).command(2, be(1, 4)).command(3);
  stream.ram_setup({{"pc.ram", 0x10000}}).part_begin().page("pc.ram", 0, 1).section_end();
  return stream;
}

/// With a package of two devices behind it.
StreamBuilder switched() {
  StreamBuilder stream = advised();
  return stream.command(6, ByteVector(25)).package([](StreamBuilder& inside) {
    inside.command(4).device("timer", ByteVector(24)).device("cpu", ByteVector(60));
    inside.command(2, be(3, 4)).command(5);
  });
}

std::string failure_of(const StreamBuilder& stream) {
  const ParseResult whole = fakes::parse(stream.bytes());
  CHECK(fakes::parse(stream.bytes(), {1}) == whole);
  return whole.failure;
}

}  // namespace

TEST_CASE("every point of post-copy is reported at its offset in the whole stream", "[stream]") {
  StreamBuilder stream;
  stream.header().configuration("pc");
  const std::uint64_t advise = stream.size();
  stream.command(3).ram_setup({{"pc.ram", 0x10000}});
  stream.part_begin().page("pc.ram", 0, 1).section_end();
  const std::uint64_t discard = stream.size();
  stream.command(6, ByteVector(25)).command(6, ByteVector(41)).command(2, be(2, 4));
  const std::uint64_t package = stream.size();
  std::uint64_t timer = 0, cpu = 0, cpu_end = 0, run = 0;
  stream.package([&](StreamBuilder& inside) {
    timer = inside.command(4).size();
    cpu = inside.device("timer", ByteVector(24)).size();
    cpu_end = inside.device("cpu", ByteVector(61)).size();
    run = inside.command(2, be(3, 4)).size();
    inside.command(5);
  });
  const std::uint64_t package_end = stream.size();
  stream.command(2, be(4, 4)).part_begin();
  const std::uint64_t first_page = stream.size();
  stream.page("pc.ram", 0x4000, 1).zero_page("pc.ram", 0x5000).section_end().ram_end_begin();
  const std::uint64_t second_page = stream.size();
  stream.page("pc.ram", 0x1000, 1);
  const std::uint64_t last = stream.size();
  stream.section_end();
  const std::uint64_t eof = stream.size();
  stream.eof();

  const ParseResult result = fakes::parse(stream.bytes(), {SIZE_MAX}, {1, 2});
  CHECK(result.failure.empty());
  CHECK(result.settled == stream.size());
  CHECK(result.eof_seen);
  CHECK(result.passes == 1);
  CHECK(has(result, Phase::reserve, {"advise", advise}));
  const std::uint64_t timer_middle = timer + (cpu - timer) / 2;
  const std::uint64_t cpu_middle = cpu + (cpu_end - cpu) / 2;
  CHECK(places(result, Phase::postcopy) == std::vector<Place>{{"discard", discard},
                                                              {"package-begin", package},
                                                              {"device:timer/begin", timer},
                                                              {"device:first/begin", timer},
                                                              {"device:timer/middle", timer_middle},
                                                              {"device:first/middle", timer_middle},
                                                              {"device:timer/end", cpu},
                                                              {"device:first/end", cpu},
                                                              {"device:cpu/begin", cpu},
                                                              {"device:last/begin", cpu},
                                                              {"device:cpu/middle", cpu_middle},
                                                              {"device:last/middle", cpu_middle},
                                                              {"device:cpu/end", cpu_end},
                                                              {"device:last/end", cpu_end},
                                                              {"run", run},
                                                              {"package-end", package_end},
                                                              {"page:1", first_page},
                                                              {"page:2", second_page},
                                                              {"last-page", last}});
  CHECK(places(result, Phase::stopcopy).empty());
  CHECK(places(result, Phase::commit) == std::vector<Place>{{"eof", eof + 1}});
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{100}})
    CHECK(fakes::parse(stream.bytes(), {chunk}, {1, 2}) == result);
}

TEST_CASE("SWITCHOVER_START is stop-and-copy's only if no command follows", "[stream]") {
  StreamBuilder stream = advised(1);
  const std::uint64_t at = stream.size();
  stream.command(11);
  Parser parser;
  parser.feed(stream.bytes());
  CHECK(parser.settled() == at);  // what follows decides it
  parser.feed(be(8, 1));
  CHECK(parser.settled() == at + 5);
  for (const auto& hit : parser.take_points()) CHECK(hit.phase != Phase::stopcopy);

  StreamBuilder precopy = advised(1);
  precopy.command(11).ram_end_begin().section_end().device("cpu", ByteVector(9)).eof();
  const ParseResult result = fakes::parse(precopy.bytes());
  CHECK(result.failure.empty());
  CHECK(has(result, Phase::stopcopy, {"enter", at}));
  CHECK(has(result, Phase::stopcopy, {"eof-begin", precopy.size() - 1}));
  CHECK(places(result, Phase::postcopy).empty());
}

TEST_CASE("an answer is the record of the page that was asked for, with content or zero",
          "[stream]") {
  StreamBuilder stream = switched();
  const std::uint64_t behind_package = stream.size();
  stream.part_begin().page("pc.ram", 0x1000, 1);
  const std::uint64_t third = stream.size();
  stream.zero_page("pc.ram", 0x3000);
  const std::uint64_t first = stream.size();
  stream.page("pc.ram", 0x2000, 1).page("pc.ram", 0x3000, 1);
  Parser parser;
  parser.feed(Bytes(stream.bytes()).first(behind_package + 5));
  parser.take_points();
  parser.expect_page("pc.ram", 0x2000, 1);
  parser.expect_page("pc.bios", 0x1000, 2);
  parser.expect_page("pc.ram", 0x3000, 3);
  parser.expect_page("pc.ram", 0, 4);
  parser.feed(Bytes(stream.bytes()).subspan(behind_package + 5));
  std::vector<Place> answers;
  for (const auto& hit : parser.take_points()) {
    CHECK(hit.phase == Phase::postcopy);
    answers.emplace_back(hit.name, hit.offset);
  }
  CHECK(answers == std::vector<Place>{{"answer:1", third}, {"answer:2", first}});
}

TEST_CASE("pages and answers are counted from 1 again where somebody says so", "[stream]") {
  StreamBuilder stream = switched();
  stream.part_begin().page("pc.ram", 0x1000, 1).page("pc.ram", 0x2000, 1);
  const std::uint64_t here = stream.size();
  stream.page("pc.ram", 0x3000, 1);
  const std::uint64_t second = stream.size();
  stream.page("pc.ram", 0x4000, 1);
  Parser parser;
  for (const auto address : {0x1000, 0x3000}) parser.expect_page("pc.ram", address, 1);
  parser.feed(Bytes(stream.bytes()).first(here));
  parser.take_points();
  parser.restart_count();
  parser.want_page(2, Phase::postcopy);
  parser.feed(Bytes(stream.bytes()).subspan(here));
  std::vector<Place> found;
  for (const auto& hit : parser.take_points()) found.emplace_back(hit.name, hit.offset);
  CHECK(found == std::vector<Place>{{"answer:1", here}, {"page:2", second}});
}

TEST_CASE("a recovered channel goes on with the sections and blocks of the old one", "[stream]") {
  StreamBuilder old = switched();
  old.part_begin().page("pc.ram", 0x1000, 1);
  Parser parser;
  parser.feed(Bytes(old.bytes()).first(old.size() - 100));
  StreamBuilder stream;
  stream.command(10, be(0x0670632e72616d, 7));
  const std::uint64_t resume = stream.size();
  stream.command(9).part_begin();
  const std::uint64_t first = stream.size();
  stream.page("pc.ram", 0x1000, 1).section_end().ram_end_begin();
  const std::uint64_t last = stream.size();
  stream.section_end().eof();
  const auto parse = [&](std::size_t chunk) {
    const auto next = parser.next_channel();
    return fakes::parse_with(*next, stream.bytes(), {chunk}, {1});
  };
  const ParseResult result = parse(SIZE_MAX);
  CHECK(result.failure.empty());
  CHECK(result.settled == stream.size());
  CHECK(places(result, Phase::recover) ==
        std::vector<Place>{{"bitmap-request", 0}, {"resume", resume}, {"page:1", first}});
  CHECK(places(result, Phase::postcopy) == std::vector<Place>{{"last-page", last}});
  CHECK(places(result, Phase::commit) == std::vector<Place>{{"eof", stream.size()}});
  CHECK(result.points.size() == 5);
  CHECK(parse(1) == result);
  const auto next = parser.next_channel();
  CHECK_THAT(fakes::parse_with(*next, StreamBuilder().header().bytes()).failure,
             Catch::Contains("no item has type 0x51"));
  CHECK(fakes::parse_with(*next->next_channel(), stream.bytes(), {1}, {1}) == result);
}

TEST_CASE("what does not belong into post-copy's package, or only there, is a failure",
          "[stream]") {
  const auto contains = [](const std::string& text) { return Catch::Contains(text); };
  const auto packed = [](auto inside) {
    StreamBuilder stream = advised();
    return stream.package(inside).command(2, be(4, 4));
  };
  CHECK(failure_of(packed([](StreamBuilder& s) { s.command(4).command(5); })).empty());
  CHECK_THAT(failure_of(packed([](StreamBuilder& s) { s.command(7, be(0, 4)); })),
             contains("command 7 inside"));
  CHECK_THAT(failure_of(packed([](StreamBuilder& s) { s.part_begin(); })), contains("goes on"));
  CHECK_THAT(failure_of(packed([](StreamBuilder& s) { s.eof(); })), contains("the end mark"));
  CHECK_THAT(failure_of(packed([](StreamBuilder& s) { s.other_section(1, 9, "x", {}); })),
             contains("begins inside"));
  CHECK_THAT(failure_of(advised().command(7, be(20, 4)).device("cpu", ByteVector(9))),
             contains("cpu does not end within post-copy's package"));
  CHECK_THAT(failure_of(advised().command(7, be(3, 4)).command(4)), contains("reaches beyond"));
  CHECK_THAT(failure_of(advised().command(5)), contains("command 5 outside"));
  CHECK_THAT(failure_of(advised().command(9)), contains("command 9 belongs to a recovered"));
}

TEST_CASE("recorded post-copies are understood, broken off and recovered", "[stream]") {
  for (const std::string& name : fakes::golden_postcopies()) {
    INFO(name);
    const ByteVector broken = fakes::golden_stream(name);
    Parser parser;
    const ParseResult before = fakes::parse_with(parser, broken, {SIZE_MAX}, {1});
    CHECK(before.failure.empty());
    CHECK(before.settled == broken.size());
    CHECK(fakes::parse(broken, {3}, {1}) == before);
    std::vector<std::string> names;
    for (const auto& [point, offset] : places(before, Phase::postcopy)) names.push_back(point);
    for (const char* point : {"discard", "package-begin", "device:first/begin", "device:cpu/middle",
                              "device:virtio-blk/middle", "device:last/end",
                              "device:globalstate/end", "run", "package-end"})
      CHECK(std::count(names.begin(), names.end(), point) == 1);
    CHECK(places(before, Phase::stopcopy).empty());
    CHECK(std::count_if(before.items.begin(), before.items.end(), [](const auto& item) {
            return std::get<0>(item) == static_cast<int>(stream::Item::Kind::section_full);
          }) == 32);

    const ByteVector bytes = fakes::golden_stream(name + "-recovered");
    const ParseResult after = fakes::parse_with(*parser.next_channel(), bytes, {SIZE_MAX}, {1, 50});
    CHECK(after.failure.empty());
    CHECK(after.settled == bytes.size());
    CHECK(after.eof_seen);
    CHECK(fakes::parse_with(*parser.next_channel(), bytes, {1}, {1, 50}) == after);
    const auto recover = places(after, Phase::recover);
    REQUIRE(recover.size() == 9);  // a bitmap for each of the six RAM blocks
    CHECK(recover.front() == Place{"bitmap-request", 0});
    CHECK(recover[6] == Place{"resume", 114});
    CHECK(recover[7] == Place{"page:1", 124});
    CHECK(recover[8].first == "page:50");
    CHECK(places(after, Phase::commit) == std::vector<Place>{{"eof", bytes.size()}});
  }
}
