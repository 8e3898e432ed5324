// The relay's side channels, on real TCP connections over the loopback device: who is who, in which
// order they arrive, and that what happens to one of them happens to no other.
//
// The packets are multifd's (migration/multifd.h), with little in them. Run alone:
// io_tests "[lanes]".
#include <arpa/inet.h>
#include <netinet/in.h>

#include <catch2/catch.hpp>
#include <deque>

#include "harness/core/error.h"
#include "tests/io/channel.h"

namespace migfuzz {
namespace {

using fakes::ByteVector;
using fakes::Channel;
using fakes::StreamBuilder;
using End = Channel::End;

ByteVector hello(unsigned id) {
  auto bytes = StreamBuilder().be(0x11223344, 4).be(1, 4).take();
  bytes.resize(64);
  bytes[24] = static_cast<std::byte>(id);
  return bytes;
}

// A packet of so many pages, zlib's, of 16 bytes each; one without pages bears another one's size.
ByteVector packet(unsigned pages, bool sync = false) {
  StreamBuilder head;
  head.be(0x11223344, 4).be(1, 4).be(sync ? 3 : 2, 4).be(128, 4).be(pages, 4);
  head.be(pages != 0 ? pages * 16 : 4096, 4);
  auto bytes = head.take();
  bytes.resize(1344);
  bytes.resize(1344 + pages * 16, std::byte{0x77});
  return bytes;
}

ByteVector operator+(ByteVector a, const ByteVector& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

sockaddr_in local(std::uint16_t port, std::uint32_t address = INADDR_LOOPBACK) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(address);
  return where;
}

io::UniqueFd tcp() { return io::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

// One connection: the source's end and the destination's, and what came out of both.
struct Line {
  io::UniqueFd source, destination;
  ByteVector arrived, back_arrived;
  End source_end = End::none, destination_end = End::none;
};

struct Lines {
  explicit Lines(std::vector<std::string> side = {"multifd:0", "multifd:1"}, int backlog = 8)
      : relay(loop, handlers()) {
    relay.expect_side_channels(std::move(side));
    auto where = local(0);
    socklen_t size = sizeof where;
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&where), size) == 0);
    REQUIRE(::listen(listener.get(), backlog) == 0);
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&where), &size);
    destination_port = ntohs(where.sin_port);
    relay.forward_to_tcp("127.0.0.1", destination_port, [this] {
      ++begun;
      return io::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    });
    port = relay.listen_tcp("127.0.0.1");
  }

  io::Relay::Handlers handlers() {
    io::Relay::Handlers h;
    h.point = [this](const std::string& lane, Phase phase, const std::string& name,
                     std::uint64_t) {
      points.push_back(lane + " " + std::string(to_string(phase)) + "/" + name);
    };
    h.note = [this](const std::string& lane, const std::string& name, const std::string&) {
      notes.push_back(lane + " " + name);
    };
    return h;
  }

  io::UniqueFd connect_from(std::uint32_t address) {
    auto fd = tcp();
    const auto from = local(0, address), to = local(port);
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0);
    REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    return fd;
  }

  /// The source opens another connection, which reaches the destination.
  Line& open() {
    auto& line = all.emplace_back();
    line.source = connect_from(INADDR_LOOPBACK);
    REQUIRE(until([&] {
      line.destination = io::UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
      return bool(line.destination);
    }));
    return line;
  }

  bool until(const std::function<bool()>& done) {
    const io::Ticker look(loop, Milliseconds(1), [] {});
    return loop.run_until(done, Clock::now() + Milliseconds(5000));
  }
  /// Everything that can move has moved.
  void settle() {
    for (int quiet = 0; quiet < 15;) {
      const auto before = total();
      const io::Ticker look(loop, Milliseconds(1), [] {});
      bool once = false;
      loop.run_until([&] { return std::exchange(once, true); },
                     Clock::now() + Milliseconds(2));
      for (auto& line : all) {
        if (line.destination_end == End::none && line.destination)
          line.destination_end = Channel::read(line.destination, line.arrived);
        if (line.source_end == End::none && line.source)
          line.source_end = Channel::read(line.source, line.back_arrived);
      }
      quiet = total() == before ? quiet + 1 : 0;
    }
  }
  std::size_t total() const {
    std::size_t sum = points.size() + notes.size();
    for (const auto& line : all)
      sum += line.arrived.size() + line.back_arrived.size() + std::size_t(line.source_end) +
             std::size_t(line.destination_end);
    return sum;
  }
  void send(Line& line, const ByteVector& bytes) {
    REQUIRE(::send(line.source.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
    settle();
  }
  bool saw(const std::string& word) const {
    return std::find(points.begin(), points.end(), word) != points.end() ||
           std::find(notes.begin(), notes.end(), word) != notes.end();
  }

  io::Loop loop;
  std::vector<std::string> points, notes;
  io::UniqueFd listener = [] {
    return io::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  }();
  int begun = 0;  // connections onward
  std::uint16_t destination_port = 0, port = 0;
  io::Relay relay;
  std::deque<Line> all;
};

TEST_CASE("Connections reach the destination in the order in which they were accepted", "[lanes]") {
  Lines c({"multifd:0", "multifd:1"}, 0);
  // The destination's queue is full: the relay's first connection is begun and does not stand.
  std::vector<io::UniqueFd> crowd;
  const auto to = local(c.destination_port);
  for (int i = 0; i < 2; ++i) {
    crowd.push_back(
        io::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
    ::connect(crowd.back().get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  std::vector<io::UniqueFd> sources;
  for (int i = 0; i < 3; ++i) sources.push_back(c.connect_from(INADDR_LOOPBACK));
  c.settle();
  CHECK(c.begun == 1);
  std::vector<std::uint16_t> arrived;  // the ports of who came
  const auto all_there = [&] { return c.begun == 3 && c.relay.sight("multifd:1").open; };
  CHECK(c.until([&] {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const io::UniqueFd fd(
        ::accept4(c.listener.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK));
    if (fd) arrived.push_back(ntohs(from.sin_port));
    return !fd && all_there();
  }));
  CHECK(c.begun == 3);
  std::vector<std::uint16_t> wanted;
  for (const auto* lane : {"", "multifd:0", "multifd:1"})
    wanted.push_back(c.relay.local_port(Side::destination, lane));
  std::erase_if(arrived, [&](std::uint16_t port) {  // the crowd
    return std::find(wanted.begin(), wanted.end(), port) == wanted.end();
  });
  CHECK(arrived == wanted);
}

TEST_CASE("Every lane forwards its own bytes unchanged, both ways", "[lanes]") {
  Lines c;
  const auto stream = build(fakes::full_shape());
  auto& main = c.open();
  auto& first = c.open();
  auto& second = c.open();
  const auto a = hello(0) + packet(3) + packet(0, true), b = hello(1) + packet(1);
  c.send(second, b);
  c.send(main, stream);
  c.send(first, a);
  CHECK(main.arrived == stream);
  CHECK(first.arrived == a);
  CHECK(second.arrived == b);
  REQUIRE(::send(first.destination.get(), "x", 1, MSG_NOSIGNAL) == 1);
  c.settle();
  CHECK(first.back_arrived.size() == 1);
  CHECK(main.back_arrived.empty());
  CHECK(c.relay.lanes() == std::vector<std::string>{"", "multifd:0", "multifd:1"});
  CHECK(c.relay.sight("multifd:0").forwarded == a.size());
  CHECK(c.relay.sight("multifd:1").forwarded == b.size());
  CHECK(c.relay.sight("preempt").forwarded == 0);
  CHECK_FALSE(c.relay.sight("preempt").open);
  CHECK(c.saw(" prepare/connected"));
  for (const auto* point : {"multifd:0 precopy/hello", "multifd:0 precopy/packet:1",
                            "multifd:0 precopy/packet:1/middle", "multifd:0 precopy/packet:2",
                            "multifd:0 precopy/sync:1", "multifd:1 precopy/hello"})
    CHECK(c.saw(point));
  CHECK_FALSE(c.saw("multifd:1 precopy/packet:2"));
  CHECK_FALSE(c.saw("multifd:0 prepare/connected"));
}

TEST_CASE("A hold on one lane leaves the others flowing, at the very byte", "[lanes]") {
  const auto bytes = hello(0) + packet(3) + packet(2) + packet(0, true);
  const std::pair<const char*, std::size_t> places[] = {
      {"precopy/hello", 0},
      {"precopy/hello+30", 30},
      {"precopy/packet:1", 64},
      {"precopy/packet:1/middle", 64 + (1344 + 48) / 2},
      {"precopy/packet:2", 64 + 1344 + 48},
      {"precopy/sync:1+7", bytes.size() - 1344 + 7}};
  for (const auto& [point, at] : places) {
    INFO(point);
    Lines c;
    const auto trigger = trigger_from(point);
    c.relay.arm(trigger, "multifd:0");
    const auto stream = build(fakes::full_shape());
    auto& main = c.open();
    auto& first = c.open();
    auto& second = c.open();
    c.send(first, bytes);
    CHECK(first.arrived.size() == at);
    CHECK(c.relay.sight("multifd:0").held == std::vector<Trigger>{trigger});
    CHECK_FALSE(c.relay.sight().holding);
    c.send(second, hello(1) + packet(2));
    c.send(main, stream);
    CHECK(second.arrived == hello(1) + packet(2));
    CHECK(main.arrived == stream);
    CHECK(first.arrived.size() == at);
    c.relay.release(trigger, "multifd:1");  // that of another lane
    c.settle();
    CHECK(first.arrived.size() == at);
    c.relay.release(trigger, "multifd:0");
    c.settle();
    CHECK(first.arrived == bytes);
  }
}

TEST_CASE("A hold on the main channel leaves side channels flowing", "[lanes]") {
  Lines c;
  c.relay.arm(trigger_from("reserve/header-end"));
  const auto stream = build(fakes::full_shape());
  auto& main = c.open();
  auto& first = c.open();
  c.send(main, stream);
  c.send(first, hello(0) + packet(5));
  CHECK(main.arrived.size() == 8);
  CHECK(first.arrived == hello(0) + packet(5));
}

TEST_CASE("One lane is cut and the others live on", "[lanes]") {
  for (const auto how : {Cut::reset, Cut::close}) {
    Lines c;
    auto& main = c.open();
    auto& first = c.open();
    auto& second = c.open();
    c.send(first, hello(0));
    c.send(second, hello(1));
    c.relay.cut(how, Side::channel, "multifd:1");
    c.settle();
    const auto wanted = how == Cut::reset ? End::reset : End::closed;
    CHECK(second.source_end == wanted);
    CHECK(second.destination_end == wanted);
    const auto stream = build(fakes::full_shape());
    c.send(main, stream);
    c.send(first, packet(4));
    CHECK(main.arrived == stream);
    CHECK(first.arrived == hello(0) + packet(4));
    for (const auto* line : {&main, &first}) {
      CHECK(line->source_end == End::none);
      CHECK(line->destination_end == End::none);
    }
    CHECK(c.saw("multifd:1 cut"));
  }
}

TEST_CASE("A side channel that its peer ends is ended at the other side, and no other", "[lanes]") {
  Lines c;
  auto& main = c.open();
  auto& first = c.open();
  c.send(first, hello(0));
  first.source.reset();
  c.settle();
  CHECK(first.destination_end == End::closed);
  CHECK(main.destination_end == End::none);
  CHECK(main.source_end == End::none);
  CHECK_FALSE(c.relay.sight().source_closed);
  CHECK(c.relay.sight("multifd:0").source_closed);
}

TEST_CASE("One lane is stopped, and loses nothing", "[lanes]") {
  Lines c;
  c.open();
  auto& first = c.open();
  auto& second = c.open();
  c.send(first, hello(0));
  c.send(second, hello(1));
  c.relay.set_stage(Side::destination, {.stands = true}, "multifd:0");
  c.send(first, packet(9));
  c.send(second, packet(1));
  CHECK(first.arrived == hello(0));
  CHECK(second.arrived == hello(1) + packet(1));
  CHECK(c.relay.sight("multifd:0").pace.waiting_bytes == packet(9).size());
  CHECK(c.relay.sight("multifd:1").pace.waiting_bytes == 0);
  c.relay.set_stage(Side::destination, {}, "multifd:0");
  c.settle();
  CHECK(first.arrived == hello(0) + packet(9));
}

TEST_CASE("Strangers are refused while side channels are expected", "[lanes]") {
  Lines c;
  c.open();
  const auto elsewhere = c.connect_from(INADDR_LOOPBACK + 1);
  ByteVector nothing;
  CHECK(c.until([&] { return Channel::read(elsewhere, nothing) != End::none; }));
  CHECK(c.begun == 1);
  auto& first = c.open();
  auto& second = c.open();
  const auto third = c.connect_from(INADDR_LOOPBACK);
  CHECK(c.until([&] { return Channel::read(third, nothing) != End::none; }));
  CHECK(c.begun == 3);
  CHECK(std::count(c.notes.begin(), c.notes.end(), " refused") == 2);
  c.send(first, hello(0));
  c.send(second, hello(1));
  CHECK(second.arrived == hello(1));
}

TEST_CASE("Without side channels every other connection is a stranger", "[lanes]") {
  Lines c(std::vector<std::string>{});
  c.open();
  const auto another = c.connect_from(INADDR_LOOPBACK);
  ByteVector nothing;
  CHECK(c.until([&] { return Channel::read(another, nothing) != End::none; }));
  CHECK(c.begun == 1);
}

TEST_CASE("Packets are counted anew when the switch-over is allowed", "[lanes]") {
  Lines c;
  const auto trigger = trigger_from("stopcopy/packet:2");
  c.relay.arm(trigger, "multifd:0");
  c.open();
  auto& first = c.open();
  auto& second = c.open();
  c.send(first, hello(0) + packet(1) + packet(1) + packet(0, true));
  CHECK(c.saw("multifd:0 precopy/packet:3"));
  CHECK(c.saw("multifd:0 precopy/sync:1"));
  c.relay.switchover_allowed();
  c.send(first, packet(2) + packet(3) + packet(0, true));
  CHECK(c.saw("multifd:0 stopcopy/packet:1"));
  CHECK(c.saw("multifd:0 stopcopy/sync:1"));
  CHECK_FALSE(c.saw("multifd:0 precopy/packet:4"));
  CHECK(first.arrived == hello(0) + packet(1) + packet(1) + packet(0, true) + packet(2));
  CHECK(c.relay.sight("multifd:0").held == std::vector<Trigger>{trigger});
  // One that says its name only now is in that phase, too.
  c.send(second, hello(1) + packet(1));
  CHECK(c.saw("multifd:1 stopcopy/packet:1"));
}

TEST_CASE("A channel's name is the id of its hello, whatever the order", "[lanes]") {
  Lines c;
  const auto trigger = trigger_from("precopy/packet:1");
  c.relay.arm(trigger, "multifd:1");
  c.relay.set_stage(Side::destination, {.stands = true}, "multifd:0");
  c.open();
  auto& first = c.open();
  auto& second = c.open();
  c.send(first, hello(1) + packet(1));
  CHECK(first.arrived == hello(1));
  CHECK(c.relay.sight("multifd:1").holding);
  c.send(second, hello(0) + packet(1));
  CHECK(second.arrived.empty());
  c.relay.set_stage(Side::destination, {}, "multifd:0");
  c.settle();
  CHECK(second.arrived == hello(0) + packet(1));
  CHECK(first.arrived == hello(1));
}

TEST_CASE("No byte passes before a channel has told its name", "[lanes]") {
  Lines c;
  c.open();
  auto& first = c.open();
  const auto whole = hello(0);
  c.send(first, {whole.begin(), whole.begin() + 63});
  CHECK(first.arrived.empty());
  c.send(first, {whole.begin() + 63, whole.end()});
  CHECK(first.arrived == whole);
  // One that ends before that, and one that says something else, pass as they are.
  auto& second = c.open();
  c.send(second, {whole.begin(), whole.begin() + 10});
  second.source.reset();
  c.settle();
  CHECK(second.arrived.size() == 10);
  CHECK(second.destination_end == End::closed);
}

TEST_CASE("What is no hello passes as it is, and says that it is not understood", "[lanes]") {
  Lines c;
  c.open();
  auto& first = c.open();
  const ByteVector noise(5000, std::byte{0x5a});
  c.send(first, noise);
  CHECK(first.arrived == noise);
  CHECK_FALSE(c.relay.sight("multifd:0").failure.empty());
  CHECK(c.relay.sight().failure.empty());
}

TEST_CASE("The preempt channel has its name when it connects", "[lanes]") {
  Lines c({"preempt"});
  c.open();
  c.open();
  c.settle();
  CHECK(c.relay.lanes() == std::vector<std::string>{"", "preempt"});
  CHECK(c.relay.sight("preempt").open);
}

TEST_CASE("What is done to a channel that has not connected is done when it has", "[lanes]") {
  for (const auto* name : {"preempt", "multifd:0"}) {
    INFO(name);
    Lines c({name});
    auto& main = c.open();
    c.relay.cut(Cut::reset, Side::channel, name);
    auto& late = c.open();
    const auto bytes = hello(0);
    ::send(late.source.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    c.settle();
    CHECK(late.source_end == End::reset);
    CHECK(late.destination_end == End::reset);
    CHECK(late.arrived.empty());
    CHECK(main.source_end == End::none);
  }
}

TEST_CASE("A sealed source says no more on any lane, and opens no other", "[lanes]") {
  Lines c;
  auto& main = c.open();
  auto& first = c.open();
  const auto stream = build(fakes::full_shape());
  c.send(first, hello(0));
  c.relay.seal_source();
  c.send(main, stream);
  c.send(first, packet(1));
  CHECK(main.arrived.empty());
  CHECK(first.arrived == hello(0));
  const auto late = c.connect_from(INADDR_LOOPBACK);
  ByteVector nothing;
  CHECK(c.until([&] { return Channel::read(late, nothing) != End::none; }));
  main.source.reset();
  first.source.reset();
  c.settle();
  CHECK(main.destination_end == End::closed);
  CHECK(first.destination_end == End::closed);
}

TEST_CASE("One byte of one lane changes", "[lanes]") {
  Lines c;
  auto& main = c.open();
  auto& first = c.open();
  const auto trigger = trigger_from("precopy/packet:1");
  c.relay.arm(trigger, "multifd:0");
  c.send(first, hello(0) + packet(1));
  c.relay.corrupt_next_byte(6, "multifd:0");
  c.relay.release(trigger, "multifd:0");
  const auto stream = build(fakes::full_shape());
  c.send(main, stream);
  auto wanted = hello(0) + packet(1);
  wanted[64] ^= std::byte{0x40};
  CHECK(first.arrived == wanted);
  CHECK(main.arrived == stream);
  REQUIRE(c.relay.frame_flip());
  CHECK(c.relay.frame_flip()->forwarded);
  CHECK(c.relay.frame_flip()->offset == 64);
}

TEST_CASE("What was armed and has not come is told, with its lane", "[lanes]") {
  Lines c({"multifd:0", "preempt"});
  const auto come = trigger_from("reserve/header-end"), ram_end = trigger_from("stopcopy/ram-end"),
             page = trigger_from("postcopy/preempt-page:1"), gone = trigger_from("commit/eof");
  c.relay.arm(come);
  c.relay.arm(ram_end);
  c.relay.arm(gone);
  c.relay.arm(page, "preempt");
  c.relay.arm(trigger_from("precopy/packet:1"), "multifd:0");
  c.relay.release(trigger_from("precopy/packet:1"), "multifd:0");
  c.relay.release(gone);
  auto& main = c.open();
  const auto stream = build(fakes::full_shape());
  c.send(main, {stream.begin(), stream.begin() + 40});
  using Waiting = std::vector<std::pair<Trigger, std::string>>;
  CHECK(c.relay.waiting() == Waiting{{page, "preempt"}, {ram_end, ""}});
}

TEST_CASE("Side channels need TCP", "[lanes]") {
  io::Loop loop;
  io::Relay relay(loop, {});
  relay.expect_side_channels({"preempt"});
  auto [a, b] = io::socket_pair();
  CHECK_THROWS_AS(relay.adopt(std::move(a), std::move(b)), InfraError);
}

TEST_CASE("A recovered channel says so when it is connected", "[lanes]") {
  Lines broken;
  io::Loop loop;
  std::vector<std::string> points;
  io::Relay::Handlers handlers;
  handlers.point = [&](const std::string&, Phase phase, const std::string& name, std::uint64_t) {
    points.push_back(std::string(to_string(phase)) + "/" + name);
  };
  io::Relay relay(loop, std::move(handlers), &broken.relay);
  auto listener = tcp();
  auto where = local(0);
  socklen_t size = sizeof where;
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&where), size) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&where), &size);
  relay.forward_to_tcp("127.0.0.1", ntohs(where.sin_port), [] {
    return io::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  });
  const auto to = local(relay.listen_tcp("127.0.0.1"));
  const auto source = tcp();
  REQUIRE(::connect(source.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  CHECK(loop.run_until([&] { return !points.empty(); }, Clock::now() + Milliseconds(3000)));
  CHECK(points == std::vector<std::string>{"recover/connected"});
}

}  // namespace
}  // namespace migfuzz
