// The stream parser on hand-built streams, byte by byte, and on recorded streams of real QEMUs.
//
// Hand-built: every point at the offset where the builder put it. Recorded: the device sections
// that the look-ahead found have exactly the sizes that QEMU's own VMDESC gives.
#include "harness/stream/parser.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/fakes/golden_stream.h"
#include "tests/fakes/parse_result.h"
#include "tests/fakes/stream_builder.h"

namespace {

using namespace migfuzz;
using fakes::ByteVector;
using fakes::StreamBuilder;
using stream::Item;
using stream::Parser;

constexpr std::string_view kJson = R"({"devices": []})";

ByteVector be(std::uint64_t value, std::size_t bytes) {
  return StreamBuilder().be(value, bytes).take();
}

/// The offset of the n-th (from 0) hit of a point; fails the test when there is none.
std::uint64_t offset_of(const fakes::ParseResult& result, Phase phase, std::string_view name,
                        std::size_t nth = 0) {
  for (const auto& [hit_phase, hit_name, offset] : result.points)
    if (hit_phase == phase && hit_name == name && nth-- == 0) return offset;
  FAIL("no point " << to_string(phase) << "/" << name);
  return 0;
}

std::ptrdiff_t count(const fakes::ParseResult& result, std::string_view name) {
  return std::count_if(result.points.begin(), result.points.end(),
                       [&](const auto& hit) { return std::get<1>(hit) == name; });
}

std::string failure_of(const StreamBuilder& stream) {
  const fakes::ParseResult whole = fakes::parse(stream.bytes());
  CHECK(fakes::parse(stream.bytes(), {1}) == whole);
  return whole.failure;
}

/// Header, configuration and the set-up of one block of 16 pages.
StreamBuilder begun(std::uint32_t ram_section_id = 2) {
  StreamBuilder stream(ram_section_id);
  stream.header().configuration("pc").ram_setup({{"pc.ram", 0x10000}});
  return stream;
}

/// Ready for devices.
StreamBuilder at_devices() {
  StreamBuilder stream = begun();
  stream.ram_end_begin().section_end();
  return stream;
}

}  // namespace

TEST_CASE("every point of a stream of QEMU 7.2 is reported at its offset", "[stream]") {
  StreamBuilder stream(2);
  stream.header().configuration("pc-i440fx-7.2");
  const std::uint64_t configuration_end = stream.size();
  stream.command(1).command(2, be(1, 4));
  const std::uint64_t setup = stream.size();
  stream.ram_setup({{"pc.ram", 0x10000}, {"pc.bios", 0x4000}});
  const std::uint64_t setup_end = stream.size();
  stream.part_begin();
  stream.zero_page("pc.ram", 0).page("pc.ram", 0x3000, 1).page("pc.bios", 0x1000, 2).section_end();
  stream.part_begin();
  const std::uint64_t second_pass = stream.size();
  stream.page("pc.ram", 0x3000, 3).section_end();
  const std::uint64_t end = stream.size();
  stream.ram_end_begin().page("pc.ram", 0, 4).section_end();
  const std::uint64_t ram_end = stream.size();
  stream.device("timer", ByteVector(24));
  const std::uint64_t timer_end = stream.size();
  stream.device("0000:00:03.0/virtio-net", ByteVector(101));
  const std::uint64_t net_end = stream.size();
  stream.eof().vmdesc(kJson);

  const auto result = fakes::parse(stream.bytes(), {SIZE_MAX}, {2, 3});
  CHECK(result.failure.empty());
  CHECK(result.settled == stream.size());
  CHECK(result.passes == 2);
  CHECK(result.eof_seen);
  CHECK(offset_of(result, Phase::reserve, "first-byte") == 0);
  CHECK(offset_of(result, Phase::reserve, "header-end") == 8);
  CHECK(offset_of(result, Phase::reserve, "configuration-end") == configuration_end);
  CHECK(offset_of(result, Phase::reserve, "ram-setup-begin") == setup);
  CHECK(offset_of(result, Phase::reserve, "ram-setup-end") == setup_end);
  CHECK(offset_of(result, Phase::precopy, "begin") == setup_end);
  CHECK(offset_of(result, Phase::precopy, "pass:1") == setup_end + 5);
  CHECK(offset_of(result, Phase::precopy, "pass:2") == second_pass);
  CHECK(offset_of(result, Phase::precopy, "page:3") == second_pass);
  CHECK(offset_of(result, Phase::stopcopy, "enter") == end);
  CHECK(offset_of(result, Phase::stopcopy, "ram-end") == ram_end);
  CHECK(offset_of(result, Phase::stopcopy, "device:timer/begin") == ram_end);
  CHECK(offset_of(result, Phase::stopcopy, "device:first/begin") == ram_end);
  CHECK(offset_of(result, Phase::stopcopy, "device:first/end") == timer_end);
  const std::uint64_t net_middle = timer_end + (net_end - timer_end) / 2;
  CHECK(offset_of(result, Phase::stopcopy, "device:virtio-net/begin") == timer_end);
  CHECK(offset_of(result, Phase::stopcopy, "device:virtio-net/middle") == net_middle);
  CHECK(offset_of(result, Phase::stopcopy, "device:virtio-net/end") == net_end);
  CHECK(offset_of(result, Phase::stopcopy, "device:last/middle") == net_middle);
  CHECK(count(result, "device:last/begin") == 1);
  CHECK(count(result, "device:first/begin") == 1);
  CHECK(offset_of(result, Phase::stopcopy, "eof-begin") == net_end);
  CHECK(offset_of(result, Phase::commit, "eof") == net_end + 1);
  CHECK(offset_of(result, Phase::commit, "vmdesc-begin") == net_end + 1);
  CHECK(offset_of(result, Phase::commit, "vmdesc-end") == stream.size());

  REQUIRE(result.pages.size() == 4);
  const auto& [block, address, data] = result.pages[2];
  CHECK(block == "pc.ram");
  CHECK(address == 0x3000);
  CHECK(stream.bytes()[data] == std::byte{3});
  CHECK(stream.bytes()[data + 4095] == std::byte{3});
}

TEST_CASE("SWITCHOVER_START is where stop-and-copy is entered, once", "[stream]") {
  StreamBuilder stream = begun(1);
  stream.part_begin().page("pc.ram", 0, 1).section_end();
  const std::uint64_t enter = stream.size();
  stream.command(11).ram_end_begin().section_end().device("cpu", ByteVector(9)).eof();
  const auto result = fakes::parse(stream.bytes());
  CHECK(result.failure.empty());
  CHECK(offset_of(result, Phase::stopcopy, "enter") == enter);
  CHECK(count(result, "enter") == 1);
}

TEST_CASE("devices of one name are each reported", "[stream]") {
  StreamBuilder stream = at_devices();
  stream.device("cpu", ByteVector(9), 0).device("cpu", ByteVector(9), 1).eof();
  const auto result = fakes::parse(stream.bytes());
  CHECK(count(result, "device:cpu/middle") == 2);
  CHECK(count(result, "device:last/begin") == 1);
  CHECK(offset_of(result, Phase::stopcopy, "device:cpu/begin", 1) ==
        offset_of(result, Phase::stopcopy, "device:last/begin"));
}

TEST_CASE("a device sent before the switch-over is an item without points", "[stream]") {
  StreamBuilder stream = begun();
  stream.device("virtio-mem-device-early", ByteVector(9));
  stream.part_begin().section_end().ram_end_begin().section_end();
  stream.device("cpu", ByteVector(9)).eof();
  const auto result = fakes::parse(stream.bytes());
  CHECK(result.failure.empty());
  CHECK(count(result, "device:virtio-mem-device-early/begin") == 0);
  CHECK(count(result, "device:first/begin") == 1);
}

TEST_CASE("while a device is open, settled() stands at its first byte", "[stream]") {
  StreamBuilder stream = at_devices();
  const std::uint64_t begin = stream.size();
  stream.device("cpu", ByteVector(300));
  const std::uint64_t end = stream.size();
  stream.eof().vmdesc(kJson);
  Parser parser;
  for (std::uint64_t i = 0; i < stream.size(); ++i) {
    parser.feed(Bytes(stream.bytes()).subspan(i, 1));
    const std::uint64_t settled = parser.settled();
    INFO("after " << i + 1 << " bytes");
    if (i + 1 >= begin && i + 1 < end + 7) CHECK(settled == begin);
    if (i + 1 >= end + 7) CHECK(settled == i + 1);
  }
  CHECK_FALSE(parser.failed());
}

TEST_CASE("page contents are settled at once", "[stream]") {
  StreamBuilder stream = begun();
  stream.part_begin().page("pc.ram", 0, 1);
  Parser parser;
  parser.feed(Bytes(stream.bytes()).first(stream.size() - 1000));
  CHECK(parser.settled() == stream.size() - 1000);
  CHECK(parser.take_pages().size() == 1);
}

TEST_CASE("what looks like a footer inside device state does not end it", "[stream]") {
  // Each is a footer of section 3 and the begin of an item that is not valid after all.
  const std::vector<ByteVector> lures = {
      StreamBuilder().be(0x7e, 1).be(3, 4).take(),
      StreamBuilder().be(0x7e, 1).be(3, 4).be(0, 2).take(),
      StreamBuilder().be(0x7e, 1).be(3, 4).be(0x0006, 2).be(10, 4).text("x").take(),
      StreamBuilder().be(0x7e, 1).be(3, 4).be(4, 1).be(9, 4).be(2, 1).be(0x0102, 2).be(0, 8).take(),
      StreamBuilder().be(0x7e, 1).be(3, 4).be(4, 1).be(3, 4).be(1, 1).text("a").be(0, 8).take(),
      StreamBuilder().be(0x7e, 1).be(3, 4).be(2, 1).be(77, 4).take(),
      StreamBuilder().be(0x7e, 1).be(3, 4).be(8, 1).be(12, 2).be(0, 2).take(),
      StreamBuilder().be(0x7e, 1).be(3, 4).be(8, 1).be(2, 2).be(5, 2).take(),
  };
  for (const ByteVector& lure : lures) {
    StreamBuilder stream = at_devices();
    const std::uint64_t begin = stream.size();
    stream.device("cpu", StreamBuilder().be(1, 4).raw(lure).be(2, 4).take());
    const std::uint64_t end = stream.size();
    stream.device("timer", ByteVector(8)).eof().vmdesc(kJson);
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, stream.bytes().size()}) {
      const auto result = fakes::parse(stream.bytes(), {chunk});
      CHECK(result.failure.empty());
      CHECK(offset_of(result, Phase::stopcopy, "device:cpu/begin") == begin);
      CHECK(offset_of(result, Phase::stopcopy, "device:cpu/end") == end);
    }
  }
}

TEST_CASE("without a VMDESC the last device settles when the sender closes", "[stream]") {
  StreamBuilder stream = at_devices();
  const std::uint64_t begin = stream.size();
  stream.device("cpu", ByteVector(40)).eof();
  Parser parser;
  parser.feed(stream.bytes());
  CHECK(parser.settled() == begin);
  parser.finish();
  CHECK(parser.settled() == stream.size());
  CHECK(parser.eof_seen());
  const auto points = parser.take_points();
  CHECK(points.back().name == "eof");
}

TEST_CASE("a stream that is cut anywhere is no failure, and all of it settles", "[stream]") {
  fakes::StreamShape shape;
  shape.qemu_10 = true;
  shape.parts = {{{0, 1, fakes::StreamShape::Record::Kind::zero, 0},
                  {0, 2, fakes::StreamShape::Record::Kind::xbzrle, 20}}};
  shape.devices = {{"timer", ByteVector(24), 0}, {"cpu", ByteVector(60), 0}};
  const ByteVector whole = build(shape);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    const auto result = fakes::parse(Bytes(whole).first(cut));
    CHECK(result.failure.empty());
    CHECK(result.settled == cut);
  }
}

TEST_CASE("sections that iterate but are not RAM are passed by their footers", "[stream]") {
  StreamBuilder stream = begun();
  stream.other_section(1, 40, "dirty-bitmap", ByteVector(30));
  stream.part_begin().page("pc.ram", 0, 1).section_end();
  stream.other_section(2, 40, "", ByteVector(30)).other_section(3, 40, "", ByteVector(30));
  stream.ram_end_begin().section_end().device("cpu", ByteVector(8)).eof().vmdesc(kJson);
  const auto result = fakes::parse(stream.bytes());
  CHECK(result.failure.empty());
  CHECK(fakes::parse(stream.bytes(), {1}) == result);
  CHECK(count(result, "device:dirty-bitmap/begin") == 0);
}

TEST_CASE("the configuration's subsections are understood", "[stream]") {
  const auto with = [](std::string_view name, const ByteVector& payload) {
    StreamBuilder stream;
    stream.header().configuration("pc").configuration_subsection(name, payload);
    return stream.command(1);
  };
  CHECK(failure_of(with("configuration/target-page-bits", be(12, 4))).empty());
  CHECK_THAT(failure_of(with("configuration/target-page-bits", be(16, 4))),
             Catch::Contains("2^16"));
  CHECK(failure_of(with("configuration/uuid", ByteVector(16))).empty());
  CHECK(failure_of(with("configuration/capabilities",
                        StreamBuilder().be(1, 4).be(15, 1).text("x-ignore-shared").take()))
            .empty());
  CHECK_THAT(failure_of(with("configuration/capabilities",
                             StreamBuilder().be(1, 4).be(10, 1).text("mapped-ram").take())),
             Catch::Contains("mapped-ram"));
  CHECK_THAT(failure_of(with("configuration/capabilities", be(0xffffffff, 4))),
             Catch::Contains("capabilities"));
  CHECK_THAT(failure_of(with("configuration/new", {})), Catch::Contains("unknown subsection"));
}

TEST_CASE("compressed pages come in any order, and a page sent again begins a pass", "[stream]") {
  StreamBuilder stream = begun();
  stream.part_begin().page("pc.ram", 0, 1);
  const auto compressed = [&](std::uint64_t address) {
    stream.be(address | 0x120, 8).be(20, 4).raw(ByteVector(20));
  };
  for (const std::uint64_t address : {0x3000, 0x1000, 0x2000}) compressed(address);
  stream.zero_page("pc.ram", 0x4000).section_end().part_begin();
  const std::uint64_t second = stream.size();
  for (const std::uint64_t address : {0x3000, 0x2000}) compressed(address);
  const std::uint64_t third = stream.size();
  compressed(0x3000);
  stream.section_end();
  const auto result = fakes::parse(stream.bytes(), {SIZE_MAX}, {5});
  CHECK(result.failure.empty());
  CHECK(result.passes == 3);
  CHECK(offset_of(result, Phase::precopy, "pass:2") == second);
  CHECK(offset_of(result, Phase::precopy, "pass:3") == third);
  CHECK(offset_of(result, Phase::precopy, "page:5") == second);
  CHECK(result.pages.size() == 1);  // the others do not lie open on the wire
  CHECK(fakes::parse(stream.bytes(), {1}, {5}) == result);
}

TEST_CASE("with multifd a PART behind a finished round begins a pass", "[stream]") {
  StreamBuilder stream;
  stream.header().configuration("pc").be(1, 1).be(2, 4).be(3, 1).text("ram").be(0, 4).be(4, 4);
  stream.be(0x1004, 8).be(6, 1).text("pc.ram").be(0x1000, 8).ram_word(0x200).section_end();
  const std::uint64_t first = stream.part_begin().size();
  stream.section_end().part_begin().ram_word(0x200).section_end();
  const std::uint64_t second = stream.part_begin().size();
  stream.ram_word(0x200).section_end();  // wraps at once: still the second pass
  stream.part_begin().section_end().part_begin().ram_word(0x200).section_end();
  const std::uint64_t third = stream.part_begin().size();
  stream.ram_word(0x200).ram_word(0x200).section_end();
  const std::uint64_t fourth = stream.part_begin().size();
  stream.section_end().ram_end_begin().ram_word(0x200).section_end();
  const auto result = fakes::parse(stream.bytes());
  CHECK(result.failure.empty());
  CHECK(result.passes == 4);
  CHECK(offset_of(result, Phase::precopy, "pass:1") == first);
  CHECK(offset_of(result, Phase::precopy, "pass:2") == second);
  CHECK(offset_of(result, Phase::precopy, "pass:3") == third);
  CHECK(offset_of(result, Phase::precopy, "pass:4") == fourth);
  CHECK(fakes::parse(stream.bytes(), {1}) == result);
}

TEST_CASE("a stream may begin without a configuration", "[stream]") {
  StreamBuilder stream;
  stream.header().ram_setup({{"pc.ram", 0x1000}}).ram_end_begin().section_end().eof();
  const auto result = fakes::parse(stream.bytes());
  CHECK(result.failure.empty());
  CHECK(count(result, "configuration-end") == 0);
  CHECK(offset_of(result, Phase::reserve, "ram-setup-begin") == 8);
}

TEST_CASE("x-ignore-shared and huge pages lengthen the list of RAM blocks", "[stream]") {
  SECTION("x-ignore-shared: a guest-physical address for every block") {
    StreamBuilder stream;
    stream.header().configuration("pc").configuration_subsection(
        "configuration/capabilities",
        StreamBuilder().be(1, 4).be(15, 1).text("x-ignore-shared").take());
    stream.be(1, 1).be(2, 4).be(3, 1).text("ram").be(0, 4).be(4, 4).be(0x3004, 8);
    stream.be(1, 1).text("a").be(0x1000, 8).be(0xc0000, 8);
    stream.be(1, 1).text("b").be(0x2000, 8).be(0xe0000, 8).section_end();
    stream.part_begin().page("b", 0x1000, 1).section_end();
    CHECK(failure_of(stream).empty());
  }
  SECTION("post-copy advised: the page size of the blocks that have huge ones") {
    StreamBuilder stream;
    stream.header().configuration("pc");
    stream.command(3, StreamBuilder().be(0x201000, 8).be(4096, 8).take());
    stream.be(1, 1).be(2, 4).be(3, 1).text("ram").be(0, 4).be(4, 4).be(0x401004, 8);
    stream.be(1, 1).text("a").be(0x200000, 8).be(0x200000, 8);
    stream.be(1, 1).text("b").be(0x1000, 8);
    stream.be(1, 1).text("c").be(0x200000, 8).be(0x200000, 8).section_end();
    stream.part_begin().page("c", 0x1ff000, 1).section_end();
    CHECK(failure_of(stream).empty());
  }
}

TEST_CASE("what this parser does not understand is a failure with offset and reason", "[stream]") {
  const auto contains = [](const std::string& text) { return Catch::Contains(text); };
  CHECK_THAT(failure_of(StreamBuilder().text("QEVN").be(3, 4)), contains("offset 0: no QEVM"));
  CHECK_THAT(failure_of(StreamBuilder().text("QEVM").be(2, 4)), contains("offset 4: stream versi"));
  CHECK_THAT(failure_of(StreamBuilder().header().be(7, 1).be(0x7fffffff, 4)),
             contains("machine name of 2147483647"));
  CHECK_THAT(failure_of(begun().be(9, 1)), contains("no item has type 0x9"));
  CHECK_THAT(failure_of(begun().be(2, 1).be(5, 4)), contains("section 0x5 never began"));
  CHECK_THAT(failure_of(begun().command(99)), contains("command 99"));
  CHECK_THAT(failure_of(begun().command(8)), contains("COLO"));
  CHECK_THAT(failure_of(begun().ram_setup({{"x", 4096}})), contains("begins twice"));
  CHECK_THAT(failure_of(begun().part_begin().be(0x100, 8).be(6, 1).text("pc.ram").be(4111, 4)),
             contains("a compressed page of 4111 bytes"));
  CHECK_THAT(failure_of(begun().part_begin().ram_word(0x80)), contains("RDMA"));
  CHECK_THAT(failure_of(begun().part_begin().ram_word(0x1000)), contains("RAM record 0x1000"));
  CHECK_THAT(failure_of(begun().part_begin().ram_word(0x1010)), contains("RAM record"));
  CHECK_THAT(failure_of(begun().part_begin().ram_word(0x1004)), contains("RAM record"));
  CHECK_THAT(failure_of(begun().part_begin().ram_word(0x28)), contains("names no RAM block"));
  CHECK_THAT(failure_of(begun().part_begin().page("vga", 0, 1)), contains("unknown RAM block"));
  CHECK_THAT(failure_of(begun().part_begin().page("pc.ram", 0x10000, 1)), contains("beyond"));
  CHECK_THAT(
      failure_of(begun().part_begin().be(0x40, 8).be(6, 1).text("pc.ram").be(1, 1).be(4097, 2)),
      contains("XBZRLE"));
  CHECK_THAT(failure_of(begun().part_begin().ram_word(0x10).be(0x7e, 1).be(3, 4)),
             contains("no footer"));
  CHECK_THAT(failure_of(begun().be(4, 1).be(9, 4).be(2, 1).be(0x0102, 2).be(0, 8)),
             contains("is not text"));
  CHECK_THAT(failure_of(at_devices().eof().be(4, 1)), contains("after the end of the VM"));
  CHECK_THAT(failure_of(at_devices().eof().be(6, 1).be(0xffffffff, 4)), contains("VMDESC of"));
  CHECK_THAT(failure_of(at_devices().eof().vmdesc("{}").be(0, 1)), contains("end of the stream"));
  StreamBuilder repeated = begun();
  repeated.be(1, 1).be(9, 4).be(3, 1).text("ram").be(0, 4).be(4, 4);
  CHECK_THAT(failure_of(repeated), contains("RAM begins twice"));
  StreamBuilder old;
  old.header().be(1, 1).be(2, 4).be(3, 1).text("ram").be(0, 4).be(3, 4);
  CHECK_THAT(failure_of(old), contains("version 3 of RAM"));
}

TEST_CASE("a device that never ends fails at 64 MiB and keeps no more", "[stream]") {
  StreamBuilder stream = at_devices();
  const std::uint64_t begin = stream.size();
  stream.be(4, 1).be(3, 4).be(3, 1).text("cpu").be(0, 4).be(1, 4);
  Parser parser;
  parser.feed(stream.bytes());
  const ByteVector megabyte(std::size_t{1} << 20, std::byte{0x7e});
  for (int i = 0; i < 63; ++i) parser.feed(megabyte);
  CHECK_FALSE(parser.failed());
  for (int i = 0; i < 2; ++i) parser.feed(megabyte);
  CHECK(parser.failed());
  CHECK_THAT(parser.failure(), Catch::Contains("does not end within 64 MiB"));
  CHECK(parser.settled() == begin);
}

TEST_CASE("every kind of item has the name that events use", "[stream]") {
  CHECK(to_string(Item::Kind::header) == "header");
  CHECK(to_string(Item::Kind::section_full) == "section_full");
  CHECK(to_string(Item::Kind::vmdescription) == "vmdescription");
}

TEST_CASE("feeding after the end is the caller's bug", "[stream]") {
  Parser parser;
  parser.finish();
  CHECK_THROWS_AS(parser.feed(ByteVector(1)), std::logic_error);
}

// --- Recorded streams. ---

namespace {

std::uint64_t fields_bytes(const nlohmann::json& description) {
  std::uint64_t bytes = 0;
  for (const auto& field : description.at("fields"))
    bytes += field.at("size").get<std::uint64_t>() * field.value("array_len", std::uint64_t{1});
  // Subsection: type, length of the name, name, version.
  if (description.contains("subsections"))
    for (const auto& subsection : description.at("subsections"))
      bytes += 6 + subsection.at("vmsd_name").get<std::string>().size() + fields_bytes(subsection);
  return bytes;
}

}  // namespace

TEST_CASE("recorded streams: the devices found have the sizes that VMDESC gives", "[stream]") {
  for (const std::string& name : fakes::golden_streams()) {
    INFO(name);
    const ByteVector bytes = fakes::golden_stream(name);
    Parser parser;
    fakes::ParseObserver observer;
    std::vector<Item> devices;
    std::optional<Item> vmdesc;
    parser.feed(bytes);
    CHECK(parser.settled() == bytes.size());  // the VMDESC is complete before the sender closes
    parser.finish();
    for (const Item& item : parser.take_items()) {
      if (item.kind == Item::Kind::section_full) devices.push_back(item);
      if (item.kind == Item::Kind::vmdescription) vmdesc = item;
    }
    REQUIRE(parser.failure().empty());
    REQUIRE(vmdesc);
    const auto* const text = reinterpret_cast<const char*>(bytes.data());
    const nlohmann::json json = nlohmann::json::parse(text + vmdesc->begin + 5, text + vmdesc->end);
    const auto& described = json.at("devices");
    REQUIRE(devices.size() == described.size());
    CHECK(devices.size() >= 31);
    for (std::size_t i = 0; i < devices.size(); ++i) {
      const Item& device = devices[i];
      INFO(device.idstr);
      CHECK(device.idstr == described[i].at("name").get<std::string>());
      CHECK(device.instance_id == described[i].at("instance_id").get<std::uint32_t>());
      const std::uint64_t header = 1 + 4 + 1 + device.idstr.size() + 4 + 4;
      CHECK(device.end - device.begin == header + fields_bytes(described[i]) + 5);
    }
  }
}

TEST_CASE("recorded streams: phases, passes and pages are seen", "[stream]") {
  for (const std::string& name : fakes::golden_streams()) {
    INFO(name);
    const auto result = fakes::parse(fakes::golden_stream(name), {SIZE_MAX}, {1, 20});
    CHECK(result.failure.empty());
    CHECK(result.passes >= 3);
    CHECK(result.pages.size() >= 60);
    for (const char* point : {"configuration-end", "ram-setup-end", "page:20", "enter", "ram-end",
                              "device:timer/middle", "device:virtio-blk/middle",
                              "device:virtio-net/end", "device:last/begin", "vmdesc-end"})
      CHECK(count(result, point) == 1);
    // 10.0 marks the switch-over with a command, 7.2 with RAM's END.
    const bool command =
        std::any_of(result.items.begin(), result.items.end(), [](const auto& item) {
          return std::get<0>(item) == static_cast<int>(Item::Kind::command) &&
                 std::get<6>(item) == 11;
        });
    CHECK(command == name.starts_with("qemu-10.0"));
    for (const auto& [block, address, data] : result.pages) CHECK(address % 4096 == 0);
  }
}

TEST_CASE("recorded streams: no way of splitting them shows in the result", "[stream]") {
  for (const std::string& name : fakes::golden_streams()) {
    INFO(name);
    const ByteVector bytes = fakes::golden_stream(name);
    const auto whole = fakes::parse(bytes, {SIZE_MAX}, {7});
    for (const std::size_t chunk :
         {std::size_t{1}, std::size_t{3}, std::size_t{4096}, std::size_t{65536}})
      CHECK(fakes::parse(bytes, {chunk}, {7}) == whole);
  }
}
