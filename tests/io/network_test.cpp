// The case's network: what each fault of it does to a live TCP connection between the hosts.
//
// Runs inside a worker's namespaces; skipped with a warning where there are none. Run alone:
// io_tests "[network]".
#include "harness/io/network.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/io/inside.h"

namespace migfuzz {
namespace {

using fakes::Report;
using io::Network;
using io::UniqueFd;

// A connection from the source to the destination, across the switch.
struct Connection {
  explicit Connection(const Network& network) {
    UniqueFd listener;
    sockaddr_in where{};
    where.sin_family = AF_INET;
    ::inet_pton(AF_INET, io::kDestinationAddress, &where.sin_addr);
    socklen_t size = sizeof where;
    network.inside(Side::destination, [&] {
      listener = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&where), size) != 0 ||
          ::listen(listener.get(), 1) != 0 ||
          ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&where), &size) != 0)
        io::fail("listening");
    });
    port = ntohs(where.sin_port);
    network.inside(Side::source, [&] { source = UniqueFd(::socket(AF_INET, SOCK_STREAM, 0)); });
    // The switch routes nothing: both hosts are on one segment, found by ARP.
    if (::connect(source.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) != 0)
      io::fail("connecting");
    destination = UniqueFd(::accept(listener.get(), nullptr, nullptr));
  }
  bool passes(int limit_ms) {
    if (::send(source.get(), "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1) return false;
    return arrives(limit_ms);
  }
  bool arrives(int limit_ms) {
    pollfd wait{destination.get(), POLLIN, 0};
    char byte = 0;
    return ::poll(&wait, 1, limit_ms) == 1 && ::recv(destination.get(), &byte, 1, 0) == 1;
  }
  UniqueFd source, destination;
  std::uint16_t port = 0;
};

std::uint64_t unacknowledged(const Network& network, const Connection& connection) {
  for (const auto& socket : network.tcp_sockets(Side::source))
    if (socket.remote_port == connection.port) return socket.send_queue;
  return 0;
}

TEST_CASE("A fresh network forwards, and both hosts have a carrier", "[network]") {
  fakes::check_inside([](const Report& report) {
    const Network network;
    for (const auto host : {Side::source, Side::destination}) {
      report(network.port_forwarding(host), "port forwards");
      report(network.link_up(host), "carrier");
    }
    Connection connection(network);
    report(connection.passes(3000), "a byte passes");
    bool established = false;
    for (const auto& socket : network.tcp_sockets(Side::source))
      established = established || (socket.remote_port == connection.port && socket.state == 1);
    report(established, "the socket is seen established");
    connection.destination.reset();
    pollfd wait{connection.source.get(), POLLIN, 0};
    report(::poll(&wait, 1, 3000) == 1, "its end is seen");
  });
}

TEST_CASE("A disabled port blocks silently, keeps the carrier, and heals", "[network]") {
  fakes::check_inside([](const Report& report) {
    Network network;
    for (const auto host : {Side::source, Side::destination}) {
      Connection connection(network);
      report(connection.passes(3000), "before");
      network.set_port(host, false);
      report(!network.port_forwarding(host), "read back as disabled");
      report(network.link_up(host), "the carrier stays");
      report(!connection.passes(80), "nothing passes");
      report(unacknowledged(network, connection) == 1, "the byte stays unacknowledged");
      network.set_port(host, true);
      report(network.port_forwarding(host), "read back as forwarding");
      report(connection.arrives(5000), "the byte arrives after the heal");
      network.set_port(host, true);  // idempotent
      report(connection.passes(3000), "after");
    }
  });
}

TEST_CASE("A link that goes down takes the carrier with it, and heals", "[network]") {
  fakes::check_inside([](const Report& report) {
    Network network;
    for (const auto host : {Side::source, Side::destination}) {
      Connection connection(network);
      network.set_link(host, false);
      report(!network.link_up(host), "no carrier");
      report(network.link_up(host == Side::source ? Side::destination : Side::source),
             "the other host keeps its own");
      report(!connection.passes(80), "nothing passes");
      network.set_link(host, true);
      report(network.port_forwarding(host), "the port forwards again");
      report(connection.arrives(5000), "the byte arrives after the heal");
      const auto deadline = Clock::now() + Milliseconds(3000);
      while (!network.link_up(host) && Clock::now() < deadline) ::poll(nullptr, 0, 1);
      report(network.link_up(host), "the carrier is back");
    }
  });
}

TEST_CASE("A network keeps no descriptor and no namespace when it is gone", "[network]") {
  fakes::check_inside([](const Report& report) {
    const auto open_files = [] {
      std::size_t count = 0;
      for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/fd"))
        ++count;
      return count;
    };
    const auto home = std::filesystem::read_symlink("/proc/self/ns/net");
    { const Network warm_up; }
    const auto before = open_files();
    for (int i = 0; i < 3; ++i) {
      const Network network;
      network.inside(Side::source, [&] {
        if (std::filesystem::read_symlink("/proc/thread-self/ns/net") == home)
          throw std::runtime_error("not inside");
      });
    }
    report(open_files() == before, "no descriptor is left");
    report(std::filesystem::read_symlink("/proc/self/ns/net") == home, "back at home");
    const Network network;
    try {
      network.inside(Side::source, [] { throw std::runtime_error("out"); });
    } catch (const std::runtime_error&) {
    }
    report(std::filesystem::read_symlink("/proc/self/ns/net") == home, "back after an exception");
  });
}

}  // namespace
}  // namespace migfuzz
