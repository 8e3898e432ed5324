// Properties of the stream parser over generated streams, splits and damage.
//
// fakes::parse() itself throws when a point comes late or out of order or settled() goes back; the
// properties here add: no split shows, the builder's own offsets are found, damage never crashes.
#include <rapidcheck/catch.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "tests/fakes/golden_stream.h"
#include "tests/fakes/parse_result.h"
#include "tests/fakes/stream_builder.h"

namespace {

using namespace migfuzz;
using fakes::ByteVector;
using fakes::StreamShape;

constexpr std::uint64_t kPagesPerBlock = 64;

rc::Gen<StreamShape::Record> records(std::size_t blocks) {
  using Kind = StreamShape::Record::Kind;
  return rc::gen::map(
      rc::gen::tuple(rc::gen::inRange<std::size_t>(0, blocks),
                     rc::gen::inRange<std::uint64_t>(0, kPagesPerBlock),
                     rc::gen::element(Kind::zero, Kind::content, Kind::xbzrle),
                     rc::gen::inRange<int>(0, 256)),
      [](const auto& drawn) {
        const auto& [block, page, kind, fill] = drawn;
        return StreamShape::Record{block, page, kind, static_cast<std::uint8_t>(fill)};
      });
}

/// Device state full of what the parser looks for: footers, item types, small numbers.
rc::Gen<ByteVector> device_states() {
  const auto bytes = rc::gen::map(
      rc::gen::oneOf(rc::gen::element(0x7e, 0, 0, 0, 1, 2, 3, 4, 6, 8), rc::gen::inRange(0, 256)),
      [](int value) { return static_cast<std::byte>(value); });
  return rc::gen::container<ByteVector>(bytes);
}

StreamShape draw_shape() {
  StreamShape shape;
  shape.postcopy = *rc::gen::arbitrary<bool>();
  shape.qemu_10 = *rc::gen::arbitrary<bool>();
  shape.return_path = *rc::gen::arbitrary<bool>();
  shape.vmdesc = *rc::gen::arbitrary<bool>();
  shape.blocks = {{"pc.ram", kPagesPerBlock * 4096}};
  if (*rc::gen::arbitrary<bool>()) shape.blocks.push_back({"pc.bios", kPagesPerBlock * 4096});
  const auto record = records(shape.blocks.size());
  shape.parts = *rc::gen::container<decltype(shape.parts)>(
      rc::gen::container<std::vector<StreamShape::Record>>(record));
  if (shape.parts.size() > 4) shape.parts.resize(4);
  shape.last = *rc::gen::container<std::vector<StreamShape::Record>>(record);
  const auto names = rc::gen::element<std::string>("cpu", "timer", "0000:00:03.0/virtio-net",
                                                   "0000:00:01.2/1/usb-ptr", "globalstate");
  const int devices = *rc::gen::inRange(0, 6);
  for (int i = 0; i < devices; ++i) shape.devices.push_back({*names, *device_states(), 0});
  return shape;
}

std::vector<std::size_t> draw_split() {
  auto split = *rc::gen::container<std::vector<std::size_t>>(
      rc::gen::oneOf(rc::gen::inRange<std::size_t>(1, 12), rc::gen::inRange<std::size_t>(1, 9000)));
  split.push_back(*rc::gen::element<std::size_t>(1, 5, 100, 5000, SIZE_MAX));
  return split;
}

/// Passes as the parser's rules define them: a page that does not lie behind the last one begins
/// one, except that the first pass may show that the order within a block means nothing.
std::uint32_t passes_of(const StreamShape& shape) {
  std::uint32_t passes = 0;
  bool unordered = false;
  std::set<std::pair<std::size_t, std::uint64_t>> sent;
  std::pair<std::size_t, std::uint64_t> last;
  for (const auto& part : shape.parts)
    for (const auto& record : part) {
      const std::pair here(record.block, record.page);
      const bool back = here <= last, twice = sent.contains(here),
                 wrapped = here.first < last.first;
      const bool begins = passes == 0 || twice || wrapped || (back && !unordered && passes > 1);
      if (!begins && back) unordered = true;
      if (begins) sent.clear();
      passes += begins;
      sent.insert(here);
      last = here;
    }
  return passes;
}

}  // namespace

TEST_CASE("no split of a stream shows in what the parser reports", "[property]") {
  rc::prop("any split gives the same result", [] {
    const ByteVector bytes = build(draw_shape());
    const std::vector<std::uint64_t> wanted = {1, 2, 5};
    RC_ASSERT(fakes::parse(bytes, draw_split(), wanted) == fakes::parse(bytes, {SIZE_MAX}, wanted));
  });
}

TEST_CASE("a generated stream is understood to its end", "[property]") {
  rc::prop("devices, passes, pages and phases are those of the shape", [] {
    const StreamShape shape = draw_shape();
    const ByteVector bytes = build(shape);
    const auto result = fakes::parse(bytes, draw_split());
    RC_ASSERT(result.failure == "");
    RC_ASSERT(result.settled == bytes.size());
    RC_ASSERT(result.eof_seen);
    RC_ASSERT(result.passes == passes_of(shape));
    std::vector<std::string> devices;
    for (const auto& item : result.items)
      if (std::get<0>(item) == static_cast<int>(stream::Item::Kind::section_full))
        devices.push_back(std::get<3>(item));
    std::vector<std::string> wanted;
    for (const auto& device : shape.devices) wanted.push_back(device.idstr);
    RC_ASSERT(devices == wanted);
    const auto entered =
        std::count_if(result.points.begin(), result.points.end(),
                      [](const auto& hit) { return std::get<0>(hit) == Phase::stopcopy; });
    RC_ASSERT((entered == 0) == shape.postcopy);
    std::size_t pages = 0;
    const auto count = [&](const auto& records) {
      pages += static_cast<std::size_t>(std::count_if(
          records.begin(), records.end(),
          [](const auto& record) { return record.kind == StreamShape::Record::Kind::content; }));
    };
    for (const auto& part : shape.parts) count(part);
    count(shape.last);
    RC_ASSERT(result.pages.size() == pages);
    // The items lie end to end: no byte of the stream belongs to none or to two.
    std::uint64_t at = 0;
    for (const auto& item : result.items) {
      RC_ASSERT(std::get<1>(item) == at);
      at = std::get<2>(item);
    }
    RC_ASSERT(at == bytes.size());
  });
}

TEST_CASE("damage never crashes the parser, and no split shows in what it says", "[property]") {
  rc::prop("a damaged stream", [] {
    ByteVector bytes = build(draw_shape());
    const int hits = *rc::gen::inRange(1, 6);
    for (int i = 0; i < hits && !bytes.empty(); ++i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
      const auto value = static_cast<std::byte>(*rc::gen::inRange(0, 256));
      const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
      switch (*rc::gen::inRange(0, 4)) {
        case 0:
          *place = value;
          break;
        case 1:
          bytes.insert(place, value);
          break;
        case 2:
          bytes.erase(place);
          break;
        default:
          bytes.resize(at);
          break;
      }
    }
    RC_ASSERT(fakes::parse(bytes, draw_split(), {1}) == fakes::parse(bytes, {SIZE_MAX}, {1}));
  });
}

TEST_CASE("no split of a recorded stream shows", "[property]") {
  std::vector<std::pair<ByteVector, fakes::ParseResult>> recorded;
  std::vector<std::string> names = fakes::golden_streams();
  for (const std::string& name : fakes::golden_postcopies()) names.push_back(name);
  for (const std::string& name : names) {
    ByteVector bytes = fakes::golden_stream(name);
    auto result = fakes::parse(bytes);
    recorded.emplace_back(std::move(bytes), std::move(result));
  }
  rc::prop("any split of a real stream", [&] {
    const auto& [bytes, whole] = recorded[*rc::gen::inRange<std::size_t>(0, recorded.size())];
    RC_ASSERT(fakes::parse(bytes, draw_split()) == whole);
  });
}
