// The relay's contract, byte for byte, on socket pairs with built streams.
//
// In order, unchanged, each once; nothing past a hold before release(); a hold stands exactly at
// its point; each kind of cut looks to each peer as it says. TCP, where RST differs from FIN, runs
// over the loopback device. Run alone: io_tests "[relay]".
#include "harness/io/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <rapidcheck/catch.h>
#include <unistd.h>

#include <bit>
#include <catch2/catch.hpp>

#include "tests/fakes/parse_result.h"
#include "tests/io/channel.h"

namespace migfuzz {
namespace {

using fakes::ByteVector;
using fakes::Channel;
using fakes::full_shape;
using fakes::good_return_path;
using End = Channel::End;

ByteVector prefix(const ByteVector& bytes, std::size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

std::uint64_t offset_of(const ByteVector& stream, const Trigger& trigger) {
  for (const auto& [phase, name, offset] : fakes::parse(stream, {SIZE_MAX}, {1, 2, 3, 4}).points)
    if (phase == trigger.point.phase && name == trigger.point.name)
      return offset + trigger.point.plus_bytes;
  FAIL("the stream has no such point: " << to_string(trigger));
  return 0;
}

TEST_CASE("Without a fault every byte passes unchanged, both ways, and both ends pass", "[relay]") {
  for (const bool qemu_10 : {false, true}) {
    const auto stream = build(full_shape(qemu_10));
    Channel c;
    c.run(stream, good_return_path());
    CHECK(c.arrived == stream);
    CHECK(c.back_arrived == good_return_path());
    CHECK(c.back == std::vector<std::string>{"pong", "shut"});
    CHECK(c.entered ==
          std::vector<Phase>{Phase::reserve, Phase::precopy, Phase::stopcopy, Phase::commit});
    const auto sight = c.relay.sight();
    CHECK(sight.open);
    CHECK(sight.eof_forwarded);
    CHECK(sight.received == stream.size());
    CHECK(sight.forwarded == stream.size());
    CHECK(sight.failure.empty());
    c.source.reset();
    c.settle();
    CHECK(c.destination_end == End::closed);
    CHECK(c.relay.sight().source_closed);
  }
}

TEST_CASE("A hold stands exactly at its point, and release lets every byte through", "[relay]") {
  const auto stream = build(full_shape());
  auto found = fakes::parse(stream, {SIZE_MAX}, {1, 3}).points;
  CHECK(found.size() > 25);
  for (const auto& [phase, name, offset] : found)
    for (const std::uint64_t plus : {0, 1, 5}) {
      Trigger trigger;
      trigger.point = {phase, name, plus};
      const auto at = offset_of(stream, trigger);
      if (at > stream.size()) continue;
      INFO(to_string(trigger));
      Channel c;
      c.relay.arm(trigger);
      c.run(stream, good_return_path());
      CHECK(c.relay.sight().holding);
      CHECK(c.relay.sight().forwarded == at);
      CHECK(c.arrived == prefix(stream, at));
      CHECK(c.back_arrived == good_return_path());
      c.relay.release();
      c.run(prefix(stream, 0));
      CHECK_FALSE(c.relay.sight().holding);
      CHECK(c.arrived == stream);
    }
}

TEST_CASE("A hold on the return path keeps the acknowledgement back", "[relay]") {
  const auto stream = build(full_shape());
  for (const auto& [point, bytes] :
       {std::pair{"commit/ack", 8}, {"commit/ack+2", 10}, {"commit/ack-end", 16}}) {
    INFO(point);
    Channel c;
    c.relay.arm(trigger_from(point));
    c.run(stream, good_return_path());
    CHECK(c.arrived == stream);
    CHECK(c.back_arrived == prefix(good_return_path(), static_cast<std::size_t>(bytes)));
    CHECK(c.relay.sight().holding);
    c.relay.release();
    c.settle();
    CHECK(c.back_arrived == good_return_path());
  }
}

TEST_CASE("The second occurrence of a point is another trigger than the first", "[relay]") {
  auto shape = full_shape();
  shape.devices.push_back({"0000:00:04.0/virtio-blk", ByteVector(200, std::byte{0x22}), 0});
  const auto stream = build(shape);
  std::vector<std::uint64_t> offsets;
  for (const auto& [phase, name, offset] : fakes::parse(stream).points)
    if (name == "device:virtio-blk/begin") offsets.push_back(offset);
  REQUIRE(offsets.size() == 2);
  Channel c;
  c.relay.arm(trigger_from("stopcopy/device:virtio-blk/begin#2"));
  c.run(stream);
  CHECK(c.arrived.size() == offsets[1]);
}

TEST_CASE("A point that does not come holds nothing", "[relay]") {
  const auto stream = build(full_shape());
  Channel c;
  c.relay.arm(trigger_from("stopcopy/device:floppy/begin"));
  c.run(stream);
  CHECK(c.arrived == stream);
  CHECK_FALSE(c.relay.sight().holding);
}

TEST_CASE("A source that ends while the channel is held is passed on only after the rest",
          "[relay]") {
  const auto stream = build(full_shape());
  Channel c;
  c.relay.arm(trigger_from("stopcopy/enter"));
  c.run(stream);
  c.source.reset();
  c.settle();
  CHECK(c.destination_end == End::none);
  c.relay.release();
  c.settle();
  CHECK(c.arrived == stream);
  CHECK(c.destination_end == End::closed);
}

TEST_CASE("truncate: the destination sees the end at the point, the source sees nothing",
          "[relay]") {
  const auto stream = build(full_shape());
  Channel c;
  c.relay.arm(trigger_from("stopcopy/device:cpu/middle"));
  const auto at = offset_of(stream, trigger_from("stopcopy/device:cpu/middle"));
  c.run(prefix(stream, at + 200));
  REQUIRE(c.relay.sight().holding);
  c.relay.cut(Cut::close, Side::destination);
  c.run(ByteVector(100000, std::byte{1}), good_return_path());
  CHECK(c.arrived == prefix(stream, at));
  CHECK(c.destination_end == End::closed);
  CHECK(c.source_writes);
  CHECK(c.sent == 100000);
  CHECK(c.source_end == End::none);
  CHECK(c.back_arrived == good_return_path());  // the other direction still lives
  c.destination.reset();
  c.settle();
  CHECK(c.source_end == End::closed);
}

TEST_CASE("close: both peers see an orderly end, what they still send vanishes", "[relay]") {
  const auto stream = build(full_shape());
  Channel c;
  c.relay.arm(trigger_from("stopcopy/ram-end"));
  c.run(stream);
  c.relay.cut(Cut::close, Side::channel);
  c.run(ByteVector(1000, std::byte{1}), good_return_path());
  CHECK(c.arrived == prefix(stream, offset_of(stream, trigger_from("stopcopy/ram-end"))));
  CHECK(c.destination_end == End::closed);
  CHECK(c.source_end == End::closed);
  CHECK(c.source_writes);
  CHECK(c.destination_writes);
  CHECK(c.back_arrived.empty());
}

TEST_CASE("reset: both connections are gone at once, nothing behind the point passes", "[relay]") {
  const auto stream = build(full_shape());
  Channel c;
  c.relay.arm(trigger_from("commit/eof"));
  c.run(stream);
  c.relay.cut(Cut::reset, Side::channel);
  c.run(ByteVector(10, std::byte{1}), ByteVector(10, std::byte{1}));
  CHECK(c.arrived == prefix(stream, offset_of(stream, trigger_from("commit/eof"))));
  CHECK_FALSE(c.source_writes);
  CHECK_FALSE(c.destination_writes);
  CHECK_FALSE(c.relay.sight().open);
  c.relay.cut(Cut::close, Side::channel);  // once is enough
}

TEST_CASE("A sealed source says no more, whatever it had queued, and its end is passed on",
          "[relay]") {
  const auto stream = build(full_shape());
  Channel c;
  c.relay.arm(trigger_from("stopcopy/enter"));
  const auto at = offset_of(stream, trigger_from("stopcopy/enter"));
  c.run(stream);
  c.relay.seal_source();
  c.relay.release();
  c.settle();
  CHECK(c.arrived == prefix(stream, at));
  CHECK(c.destination_end == End::none);
  c.source.reset();
  c.settle();
  CHECK(c.arrived == prefix(stream, at));
  CHECK(c.destination_end == End::closed);
}

TEST_CASE("A destination that goes away is told to the source", "[relay]") {
  const auto stream = build(full_shape());
  Channel c;
  c.run(prefix(stream, 50));
  c.destination.reset();
  c.run(prefix(stream, 50));
  c.run(prefix(stream, 50));
  CHECK((c.source_end != End::none || !c.source_writes));
  CHECK(c.relay.sight().destination_closed);
}

// Which bytes differ between two equally long streams.
std::vector<std::size_t> differences(const ByteVector& a, const ByteVector& b) {
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (a[i] != b[i]) all.push_back(i);
  return all;
}

void check_flip(Channel& c, const ByteVector& stream, std::uint64_t address, std::uint64_t bit) {
  REQUIRE(c.arrived.size() == stream.size());
  const auto flip = c.relay.flip();
  REQUIRE(flip);
  CHECK(flip->forwarded);
  CHECK(flip->gpa == address + bit / 8);
  CHECK(flip->bit == bit % 8);
  const auto changed = differences(stream, c.arrived);
  REQUIRE(changed == std::vector<std::size_t>{flip->offset});
  CHECK((stream[flip->offset] ^ c.arrived[flip->offset]) == std::byte(1u << (bit % 8)));
  bool in_its_page = false;
  for (const auto& [block, page, data] : fakes::parse(stream).pages)
    if (page == address && flip->offset == data + bit / 8) in_its_page = true;
  CHECK(in_its_page);
}

TEST_CASE("corrupt flips exactly one bit of the first owned page behind the point", "[relay]") {
  const auto stream = build(full_shape());
  for (const std::uint64_t bit : {0u, 7u, 8u, 12345u, 32767u}) {
    Channel c;
    c.owned = [](const std::string& block, std::uint64_t address) {
      return block == "pc.ram" && address == 0x5000;
    };
    c.relay.corrupt_next_page(bit);
    c.relay.arm(trigger_from("stopcopy/enter"));
    c.run(stream);
    CHECK_FALSE(c.relay.sight().holding);
    check_flip(c, stream, 0x5000, bit);
  }
}

TEST_CASE("corrupt does nothing when no owned page follows", "[relay]") {
  const auto stream = build(full_shape());
  Channel c;
  c.owned = [](const std::string&, std::uint64_t) { return false; };
  c.relay.corrupt_next_page(5);
  c.relay.arm(trigger_from("stopcopy/enter"));
  c.run(stream);
  CHECK(c.arrived == stream);
  CHECK_FALSE(c.relay.flip());
}

TEST_CASE("What cannot be parsed is forwarded as it is and said", "[relay]") {
  const ByteVector noise(5000, std::byte{0x5a});
  Channel c;
  c.relay.arm(trigger_from("stopcopy/enter"));
  c.run(noise);
  CHECK(c.arrived == noise);
  CHECK_FALSE(c.relay.sight().failure.empty());
}

TEST_CASE("On tight buffers a held source stands near the point", "[relay]") {
  auto shape = full_shape();
  for (std::uint64_t page = 10; page < 200; ++page)
    shape.last.push_back({0, page, fakes::StreamShape::Record::Kind::content, 1});
  const auto stream = build(shape);
  Channel c(true);
  c.relay.arm(trigger_from("stopcopy/enter"));
  c.run(stream);
  REQUIRE(c.relay.sight().holding);
  const auto at = offset_of(stream, trigger_from("stopcopy/enter"));
  CHECK(c.arrived.size() == at);
  CHECK(c.sent >= at);
  CHECK(c.sent < at + 32768);
}

TEST_CASE("Random chunks, slow readers and holds change no byte", "[relay][property]") {
  rc::prop("what arrives is what was sent", [] {
    const auto stream = build(full_shape(*rc::gen::arbitrary<bool>()));
    const auto points = fakes::parse(stream).points;
    const auto& [phase, name, offset] = points[*rc::gen::inRange<std::size_t>(0, points.size())];
    Trigger trigger;
    trigger.point = {phase, name, *rc::gen::inRange<std::uint64_t>(0, 30)};
    const auto at = offset_of(stream, trigger);
    const bool holds = *rc::gen::arbitrary<bool>();
    Channel c(*rc::gen::arbitrary<bool>());
    if (holds) c.relay.arm(trigger);
    const auto chunks = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 9000)));
    const auto sips = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 9000)));
    std::size_t done = 0, turn = 0, idle = 0;
    while (idle < 5) {
      const auto before = done + c.arrived.size();
      RC_ASSERT(Channel::write(c.source, stream, done, chunks[turn % chunks.size()]));
      for (int i = 0; i < 3; ++i) c.loop.poll();
      RC_ASSERT(Channel::read(c.destination, c.arrived, sips[turn % sips.size()]) == End::none);
      ++turn;
      idle = done + c.arrived.size() == before ? idle + 1 : 0;
    }
    if (holds && at <= stream.size()) {
      RC_ASSERT(c.arrived == prefix(stream, at));
      c.relay.release();
      // The source goes on where it stood.
      for (idle = 0; idle < 5;) {
        const auto before = done + c.arrived.size();
        RC_ASSERT(Channel::write(c.source, stream, done));
        c.settle();
        idle = done + c.arrived.size() == before ? idle + 1 : 0;
      }
    }
    RC_ASSERT(c.arrived == stream);
  });
}

TEST_CASE("A flip is right however the stream is cut into pieces", "[relay][property]") {
  rc::prop("one bit, the right page", [] {
    const auto stream = build(full_shape());
    const auto bit = *rc::gen::inRange<std::uint64_t>(0, 4096 * 8);
    Channel c;
    c.owned = [](const std::string&, std::uint64_t address) { return address == 0x4000; };
    c.relay.corrupt_next_page(bit);
    c.relay.arm(trigger_from("stopcopy/enter"));
    const auto chunks = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 3000)));
    std::size_t done = 0;
    for (std::size_t turn = 0; done < stream.size(); ++turn) {
      RC_ASSERT(Channel::write(c.source, stream, done, chunks[turn % chunks.size()]));
      c.settle();
    }
    c.settle();
    RC_ASSERT(c.arrived.size() == stream.size());
    RC_ASSERT(c.relay.flip().has_value());
    RC_ASSERT(differences(stream, c.arrived).size() == 1U);
    RC_ASSERT(c.relay.flip()->gpa == 0x4000 + bit / 8);
    RC_ASSERT(differences(stream, c.arrived)[0] == c.relay.flip()->offset);
  });
}

// --- one direction alone, and damage
// ---------------------------------------------------------------

TEST_CASE("What goes to the source can be kept back while the stream flows on", "[relay]") {
  const auto stream = build(full_shape());
  Channel c;
  c.relay.set_stage(Side::source, {.stands = true});
  c.run(stream, good_return_path());
  CHECK(c.arrived == stream);
  CHECK(c.back_arrived.empty());
  CHECK(c.relay.sight().back_pace.waiting_bytes == good_return_path().size());
  c.destination.reset();  // its end waits behind what it said
  c.settle();
  CHECK(c.source_end == End::none);
  c.relay.set_stage(Side::source, {});
  c.settle();
  CHECK(c.back_arrived == good_return_path());
  CHECK(c.source_end == End::closed);
}

TEST_CASE("Only the acknowledgement is withheld, wherever the stage was set", "[relay]") {
  const auto stream = build(full_shape());
  for (const auto* point : {"stopcopy/enter", "commit/ack"}) {
    INFO(point);
    Channel c;
    c.relay.arm(trigger_from(point));
    c.run(stream, std::string(point) == "commit/ack" ? good_return_path() : ByteVector());
    REQUIRE(c.relay.sight().holding);
    c.relay.set_stage(Side::source, {.stands_at_acknowledgement = true});
    c.relay.release();
    c.run({}, std::string(point) == "commit/ack" ? ByteVector() : good_return_path());
    CHECK(c.arrived == stream);
    CHECK(c.back_arrived == prefix(good_return_path(), 8));
    c.relay.set_stage(Side::source, {});
    c.settle();
    CHECK(c.back_arrived == good_return_path());
  }
}

TEST_CASE("A slow and a delayed channel lose no byte and keep the order", "[relay]") {
  const auto stream = build(full_shape());
  for (const auto& stage : {Stage{.bytes_per_s_max = 200000}, Stage{.delay_ms = 30}}) {
    Channel c;
    for (const auto towards : {Side::destination, Side::source}) c.relay.set_stage(towards, stage);
    const auto began = Clock::now();
    c.run(stream, good_return_path());
    CHECK(c.arrived.size() < stream.size());
    const io::Ticker look(c.loop, Milliseconds(1), [] {});
    CHECK(c.loop.run_until(
        [&] {
          c.settle();
          return c.arrived.size() == stream.size() &&
                 c.back_arrived.size() == good_return_path().size();
        },
        Clock::now() + Milliseconds(5000)));
    const auto took = std::chrono::duration<double>(Clock::now() - began).count();
    const auto least =
        stage.delay_ms != 0 ? 0.03 : static_cast<double>(stream.size()) / 200000 * 0.9;
    CHECK(took >= least);
    CHECK(c.arrived == stream);
    CHECK(c.back_arrived == good_return_path());
    if (stage.delay_ms != 0) CHECK(c.relay.sight().pace.shortest_wait_ms >= 30);
  }
}

TEST_CASE("truncate-back: the source sees the end, the way to the destination stays whole",
          "[relay]") {
  const auto stream = build(full_shape());
  Channel c;
  c.relay.arm(trigger_from("stopcopy/ram-end"));
  c.run(stream);
  REQUIRE(c.relay.sight().holding);
  c.relay.cut(Cut::close, Side::source);
  c.run({}, good_return_path());
  CHECK(c.arrived == stream);
  CHECK(c.destination_end == End::none);
  CHECK(c.source_end == End::closed);
  CHECK(c.back_arrived.empty());
  c.source.reset();
  c.settle();
  CHECK(c.destination_end == End::closed);
}

TEST_CASE("A reset of one peer leaves the other alone until it writes", "[relay]") {
  const auto stream = build(full_shape());
  {
    Channel c;
    c.relay.arm(trigger_from("stopcopy/ram-end"));
    c.run(stream);
    c.relay.cut(Cut::reset, Side::source);
    c.settle();
    CHECK(c.source_end != End::none);
    CHECK(c.destination_end == End::none);
    CHECK(c.arrived == prefix(stream, offset_of(stream, trigger_from("stopcopy/ram-end"))));
    c.run({}, good_return_path());
    c.settle();
    CHECK(c.destination_end != End::none);
  }
  Channel c;
  const auto at = offset_of(stream, trigger_from("stopcopy/ram-end"));
  c.relay.arm(trigger_from("stopcopy/ram-end"));
  c.run(prefix(stream, at));
  c.relay.cut(Cut::reset, Side::destination);
  c.settle();
  CHECK(c.destination_end != End::none);
  CHECK(c.source_end == End::none);
  c.run(ByteVector(10, std::byte{1}));
  c.settle();
  CHECK((c.source_end != End::none || !c.source_writes));
}

TEST_CASE("corrupt-frame changes one bit of the first byte behind the hold and no other",
          "[relay]") {
  const auto stream = build(full_shape());
  for (const auto* point : {"reserve/first-byte", "stopcopy/enter", "stopcopy/device:cpu/begin"}) {
    INFO(point);
    const auto at = offset_of(stream, trigger_from(point));
    Channel c;
    c.relay.arm(trigger_from(point));
    c.run(stream);
    REQUIRE(c.relay.sight().holding);
    c.relay.corrupt_next_byte(6);
    CHECK_FALSE(c.relay.frame_flip()->forwarded);
    c.relay.release();
    c.settle();
    c.run({});
    REQUIRE(c.relay.frame_flip()->forwarded);
    CHECK(differences(stream, c.arrived) == std::vector<std::size_t>{at});
    CHECK((stream[at] ^ c.arrived[at]) == std::byte{0x40});
  }
}

// --- TCP over the loopback device ----------------------------------------------------------------

io::UniqueFd tcp_socket() { return io::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return where;
}

struct TcpChannel {
  TcpChannel() : relay(loop, {}) {
    auto listener = tcp_socket();
    auto where = loopback(0);
    socklen_t size = sizeof where;
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&where), size) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&where), &size);
    relay.forward_to_tcp("127.0.0.1", ntohs(where.sin_port), [] {
      return io::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    });
    const auto port = relay.listen_tcp("127.0.0.1");
    const auto to = loopback(port);
    source = tcp_socket();
    REQUIRE(::connect(source.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    REQUIRE(until([&] { return relay.sight().open; }));
    destination = io::UniqueFd(::accept(listener.get(), nullptr, nullptr));
    REQUIRE(destination);
  }
  bool until(const std::function<bool()>& done) {
    return loop.run_until(done, Clock::now() + Milliseconds(3000));
  }
  End end_of(const io::UniqueFd& end) {
    End seen = End::none;
    ByteVector ignored;
    const io::Ticker look(loop, Milliseconds(1), [] {});
    until([&] { return (seen = Channel::read(end, ignored)) != End::none; });
    return seen;
  }
  io::Loop loop;
  io::Relay relay;
  io::UniqueFd source, destination;
};

TEST_CASE("TCP: reset sends RST to both, close sends FIN to both", "[relay]") {
  for (const auto how : {Cut::reset, Cut::close}) {
    TcpChannel c;
    CHECK(c.relay.local_port(Side::source) != 0);
    REQUIRE(::send(c.source.get(), "QEVM", 4, MSG_NOSIGNAL) == 4);
    REQUIRE(c.until([&] { return c.relay.sight().received == 4; }));
    c.relay.cut(how, Side::channel);
    const auto wanted = how == Cut::reset ? End::reset : End::closed;
    CHECK(c.end_of(c.source) == wanted);
    CHECK(c.end_of(c.destination) == wanted);
  }
}

TEST_CASE("TCP: truncate is seen by the destination alone", "[relay]") {
  TcpChannel c;
  c.relay.cut(Cut::close, Side::destination);
  CHECK(c.end_of(c.destination) == End::closed);
  ByteVector nothing;
  CHECK(Channel::read(c.source, nothing) == End::none);
}

TEST_CASE("TCP: a reset of one peer reaches the other as a reset", "[relay]") {
  TcpChannel c;
  const linger at_once{1, 0};
  ::setsockopt(c.source.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  c.source.reset();
  CHECK(c.end_of(c.destination) == End::reset);
}

TEST_CASE("TCP: a destination that nobody listens for resets the source", "[relay]") {
  io::Loop loop;
  std::vector<std::string> notes;
  io::Relay::Handlers handlers;
  handlers.note = [&](const std::string&, const std::string& name, const std::string&) {
    notes.push_back(name);
  };
  io::Relay relay(loop, std::move(handlers));
  relay.forward_to_tcp("127.0.0.1", 1, [] {
    return io::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  });
  const auto to = loopback(relay.listen_tcp("127.0.0.1"));
  const auto source = tcp_socket();
  REQUIRE(::connect(source.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  const io::Ticker look(loop, Milliseconds(1), [] {});
  ByteVector nothing;
  End seen = End::none;
  CHECK(loop.run_until([&] { return (seen = Channel::read(source, nothing)) != End::none; },
                       Clock::now() + Milliseconds(3000)));
  CHECK(seen == End::reset);
  CHECK(std::find(notes.begin(), notes.end(), "connect-failed") != notes.end());
}

}  // namespace
}  // namespace migfuzz
