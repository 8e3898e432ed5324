// The network on which clients see the VM: who sends in its name, where it is, what a client sees.
//
// Runs inside a worker's namespaces; skipped with a warning where there are none. Run alone:
// io_tests "[guest-network]".
#include "harness/io/guest_network.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

#include "harness/io/guest_client.h"
#include "harness/io/netlink.h"
#include "tests/io/inside.h"

namespace migfuzz {
namespace {

using fakes::Report;
using io::GuestNetwork;
using io::Network;
using io::UniqueFd;

constexpr io::Mac kVm{0x52, 0x54, 0, 0x12, 0x34, 0x56};
constexpr io::Mac kOther{0x52, 0x54, 0, 0x12, 0x34, 0x57};

// A broadcast frame as a VM's card would put it on the wire.
std::vector<std::uint8_t> frame(const io::Mac& from, std::uint16_t type,
                                const std::vector<std::uint8_t>& payload) {
  std::vector<std::uint8_t> bytes(std::max<std::size_t>(60, 14 + payload.size()));
  std::fill_n(bytes.begin(), 6, std::uint8_t{0xff});
  std::copy(from.begin(), from.end(), bytes.begin() + 6);
  bytes[12] = static_cast<std::uint8_t>(type >> 8);
  bytes[13] = static_cast<std::uint8_t>(type);
  std::copy(payload.begin(), payload.end(), bytes.begin() + 14);
  return bytes;
}

std::vector<std::uint8_t> arp(std::uint8_t last_of_sender, std::uint8_t last_of_target) {
  std::vector<std::uint8_t> payload(28);
  payload[17] = last_of_sender;
  payload[27] = last_of_target;
  return payload;
}

void send(const GuestNetwork& guests, Side host, const std::vector<std::uint8_t>& bytes) {
  if (::write(guests.tap_fd(host), bytes.data(), bytes.size()) !=
      static_cast<ssize_t>(bytes.size()))
    io::fail("writing to a tap");
}

// Frames cross two bridges in the sender's context, but for what the kernel puts off.
std::vector<VmFrame> next_frames(GuestNetwork& guests, std::size_t count) {
  std::vector<VmFrame> all;
  const auto until = Clock::now() + std::chrono::seconds(3);
  while (all.size() < count && Clock::now() < until) {
    for (const auto& one : guests.frames()) all.push_back(one);
    ::poll(nullptr, 0, 1);
  }
  return all;
}

TEST_CASE("Frames in the VM's name are known by host, kind and time", "[guest-network]") {
  fakes::check_inside([](const Report& report) {
    const Network network;
    GuestNetwork guests(network, kVm);
    report(!guests.place_of_vm(), "nowhere yet");
    const auto before = Clock::now();
    send(guests, Side::source, frame(kVm, 0x8035, arp(0, 0)));
    const auto first = next_frames(guests, 1);
    report(first.size() == 1, "one frame");
    report(first.at(0).from == Side::source, "from the source");
    report(first.at(0).kind == VmFrame::Kind::rarp, "a RARP");
    const auto after = Clock::now();
    constexpr Milliseconds kSlack{5};  // two clocks are read one after the other
    report(first.at(0).at > before - kSlack && first.at(0).at < after + kSlack, "its time");
    report(guests.place_of_vm() == Side::source, "the switch has learnt it");

    // A second owner that only sends: a tap that repeats what it has heard.
    send(guests, Side::destination, frame(kOther, 0x0806, arp(2, 2)));
    send(guests, Side::destination, frame(kVm, 0x0806, arp(2, 2)));
    send(guests, Side::destination, frame(kVm, 0x0806, arp(2, 1)));
    send(guests, Side::source, frame(kVm, 0x88b5, {}));  // of experiments: IEEE 802
    const auto more = next_frames(guests, 3);
    report(more.size() == 3, "another address is another VM");
    report(more.at(0).from == Side::destination, "from the destination");
    report(more.at(0).kind == VmFrame::Kind::gratuitous_arp, "a gratuitous ARP");
    report(more.at(1).kind == VmFrame::Kind::traffic, "a question is none");
    report(more.at(2).from == Side::source, "both are known");
    report(guests.place_of_vm() == Side::source, "it is where it spoke last");
  });
}

TEST_CASE("A fresh destination has a tap at the same switch", "[guest-network]") {
  fakes::check_inside([](const Report& report) {
    Network network;
    GuestNetwork guests(network, kVm);
    network.replace_destination();
    guests.follow_destination(network);
    send(guests, Side::destination, frame(kVm, 0x8035, arp(0, 0)));
    const auto heard = next_frames(guests, 1);
    report(heard.size() == 1 && heard.at(0).from == Side::destination, "heard");
    report(guests.place_of_vm() == Side::destination, "found");
  });
}

// What would be a VM: an address at the source's bridge, and somebody who sends back what comes.
struct Echo {
  explicit Echo(const Network& network) {
    io::add_address(io::socket_in(network.namespace_fd(Side::source)).get(), "guests", "10.78.0.2");
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(7);
    network.inside(Side::source, [&] {
      listener = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
          ::listen(listener.get(), 1) != 0)
        io::fail("listening");
    });
    server = std::thread([this] {
      peer = UniqueFd(::accept(listener.get(), nullptr, nullptr));
      char bytes[64];
      for (ssize_t n = 0; (n = ::read(peer.get(), bytes, sizeof bytes)) > 0;)
        if (::write(peer.get(), bytes, static_cast<std::size_t>(n)) != n) break;
    });
  }
  ~Echo() {
    ::shutdown(listener.get(), SHUT_RDWR);
    if (peer) ::shutdown(peer.get(), SHUT_RDWR);
    server.join();
  }
  UniqueFd listener, peer;
  std::thread server;
};

TEST_CASE("The VM's network and the migration's fail each by itself", "[guest-network]") {
  fakes::check_inside([](const Report& report) {
    Network network;
    GuestNetwork guests(network, kVm);
    guests.set_link(Side::source, false);
    report(!guests.link_up(Side::source), "the VM's is down there");
    report(guests.link_up(Side::destination), "and up at the other host");
    report(network.link_up(Side::source) && network.answers_probe(Side::source),
           "the migration's carries");
    send(guests, Side::source, frame(kVm, 0x8035, arp(0, 0)));
    send(guests, Side::destination, frame(kVm, 0x8035, arp(0, 0)));
    const auto seen = next_frames(guests, 1);
    report(seen.size() == 1 && seen[0].from == Side::destination, "nothing comes from the source");
    guests.set_link(Side::source, true);
    report(guests.link_up(Side::source), "up again");
    send(guests, Side::source, frame(kVm, 0x8035, arp(0, 0)));
    const auto again = next_frames(guests, 1);
    report(again.size() == 1 && again[0].from == Side::source, "the source is heard again");
    network.set_link(Side::source, false);
    report(guests.link_up(Side::source), "a fault of the migration's leaves the VM's alone");
  });
}

TEST_CASE("A client counts answers, the longest gap and the end of its connection",
          "[guest-network]") {
  fakes::check_inside([](const Report& report) {
    io::Loop loop;
    const Network network;
    const GuestNetwork guests(network, kVm);
    const auto soon = [] { return Clock::now() + std::chrono::seconds(5); };
    auto vm = std::make_unique<Echo>(network);
    const io::GuestClient client(loop, network, "10.78.0.2", 7);
    const auto seen = [&] { return client.sight(); };
    report(loop.run_until([&] { return seen().echoes.answered > 10; }, soon()), "echoes come");
    report(loop.run_until([&] { return seen().pings.answered > 10; }, soon()), "pings too");
    report(seen().connected && seen().broken.empty(), "the connection stands");

    const auto uplink = io::socket_in(network.namespace_fd(Side::source));
    io::set_up(uplink.get(), "uplink", false);
    loop.run_until([] { return false; }, Clock::now() + Milliseconds(300));
    const auto away = seen();
    io::set_up(uplink.get(), "uplink", true);
    report(loop.run_until([&] { return seen().pings.answered > away.pings.answered + 3; }, soon()),
           "it is back");
    const auto goes_on = [&] { return seen().echoes.answered > away.echoes.answered + 3; };
    report(loop.run_until(goes_on, soon()), "and so is the connection");
    report(seen().broken.empty(), "the same one");
    report(seen().pings.longest_gap >= Milliseconds(280), "the gap of the pings");
    report(seen().echoes.longest_gap >= Milliseconds(280), "the gap of the echoes");
    report(seen().pings.asked > seen().pings.answered, "some were lost");

    vm.reset();
    report(loop.run_until([&] { return !seen().broken.empty(); }, soon()), "its end is seen");
  });
}

}  // namespace
}  // namespace migfuzz
