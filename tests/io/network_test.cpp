// The case's network: what each fault of it does to a live TCP connection between the hosts.
//
// Runs inside a worker's namespaces; skipped with a warning where there are none. Run alone:
// io_tests "[network]".
#include "harness/io/network.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "harness/io/capabilities.h"
#include "harness/io/filters.h"
#include "harness/io/queueing.h"
#include "harness/io/sockets.h"
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

TEST_CASE("A fresh destination answers in the place of the old one, whatever was done to that",
          "[network]") {
  fakes::check_inside([](const Report& report) {
    Network network;
    std::uint64_t old_inode = 0, new_inode = 0;
    const auto inode = [&] {
      struct stat about {};
      ::fstat(network.namespace_fd(Side::destination), &about);
      return std::uint64_t(about.st_ino);
    };
    old_inode = inode();
    network.set_port(Side::destination, false);
    network.replace_destination();
    new_inode = inode();
    report(old_inode != new_inode, "a namespace of its own");
    report(network.port_forwarding(Side::destination), "port forwards");
    Connection connection(network);
    report(connection.passes(3000), "a byte passes");
    report(network.answers_probe(Side::source), "the source answers, too");
    report(network.answers_probe(Side::destination), "the destination answers");
  });
}

TEST_CASE("A second network goes on when the first is broken, to a fresh destination, too",
          "[network]") {
  fakes::check_inside([](const Report& report) {
    Network network;
    network.add_second();
    const auto reaches = [&](const char* address) {
      UniqueFd probe;
      network.inside(Side::channel,
                     [&] { probe = UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); });
      sockaddr_in where{};
      where.sin_family = AF_INET;
      where.sin_port = htons(9);
      ::inet_pton(AF_INET, address, &where.sin_addr);
      if (::connect(probe.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) != 0 ||
          ::send(probe.get(), "?", 1, MSG_NOSIGNAL) != 1)
        return false;
      pollfd answer{probe.get(), 0, 0};  // the refusal of a closed port
      return ::poll(&answer, 1, 300) == 1;
    };
    report(reaches(io::kDestinationAddress), "the first network");
    report(reaches(io::kSecondDestinationAddress), "the second network");
    network.set_link(Side::destination, false);
    report(!reaches(io::kDestinationAddress), "the first network is broken");
    report(reaches(io::kSecondDestinationAddress), "the second is not");
    network.replace_destination();
    report(reaches(io::kSecondDestinationAddress), "nor for a fresh destination");
  });
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

// What the destination was sent and has taken so far.
std::size_t arrived_bytes(const Connection& connection) {
  std::size_t all = 0;
  char chunk[65536];
  for (ssize_t n = 0;
       (n = ::recv(connection.destination.get(), chunk, sizeof chunk, MSG_DONTWAIT)) > 0;)
    all += static_cast<std::size_t>(n);
  return all;
}

bool gone(const UniqueFd& end) {
  pollfd wait{end.get(), 0, 0};
  return ::poll(&wait, 1, 1000) == 1 && (wait.revents & (POLLERR | POLLHUP)) != 0;
}

TEST_CASE("drop, drop-in and drop-out hit their way only, count it, and heal", "[network]") {
  fakes::check_inside([](const Report& report) {
    const Network network;
    io::Filters filters(network);
    for (const auto way : {Filter::Way::both, Filter::Way::in, Filter::Way::out}) {
      Connection connection(network);
      report(connection.passes(3000), "before");
      filters.set(Side::source, Filter{.way = way});
      network.knock(Side::source);
      const auto counts = filters.counts(Side::source);
      const bool in = way != Filter::Way::out, out = way != Filter::Way::in;
      report((counts.hit_in > 0) == in && (counts.passed_in > 0) == !in, "what comes in");
      report((counts.hit_out > 0) == out && (counts.passed_out > 0) == !out, "what goes out");
      report(connection.passes(80) == !out, "the stream");
      report(network.answers_probe(Side::source), "only TCP is hit");
      report(unacknowledged(network, connection) == 1, "the byte stays unacknowledged");
      filters.clear(Side::source);
      filters.clear(Side::source);  // idempotent
      if (out) report(connection.arrives(5000), "the byte arrives after the heal");
      report(connection.passes(3000), "after");
      const auto after = filters.counts(Side::source);
      report(after.hit_in + after.hit_out + after.passed_in + after.passed_out == 0,
             "no rule left");
    }
  });
}

TEST_CASE("reject resets the sender alone", "[network]") {
  fakes::check_inside([](const Report& report) {
    const Network network;
    io::Filters filters(network);
    Connection connection(network);
    report(connection.passes(3000), "before");
    filters.set(Side::source, Filter{.fate = Filter::Fate::reject});
    report(!connection.passes(50), "nothing passes");
    report(gone(connection.source), "the sender is reset");
    report(filters.counts(Side::source).hit_out > 0, "counted");
    pollfd wait{connection.destination.get(), POLLIN, 0};
    report(::poll(&wait, 1, 50) == 0, "the other end sees nothing");
    filters.clear(Side::source);
    Connection again(network);
    report(again.passes(3000), "after");
  });
}

TEST_CASE("Every n-th packet is lost, TCP makes it good, and offload comes back", "[network]") {
  fakes::check_inside([](const Report& report) {
    const Network network;
    io::Filters filters(network);
    io::QueuesOfLegs queues(network);
    report(queues.offload(Side::source), "offload is on in a fresh network");
    Connection connection(network);
    queues.set_offload(Side::source, false);
    report(!queues.offload(Side::source), "offload is off");
    filters.set(Side::source, Filter{.one_in = 10});
    const std::string bytes(60000, 'x');
    const auto sent = ::send(connection.source.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    std::size_t arrived = 0;
    const auto deadline = Clock::now() + Milliseconds(8000);
    while (arrived < static_cast<std::size_t>(sent) && Clock::now() < deadline) {
      arrived += arrived_bytes(connection);
      ::poll(nullptr, 0, 1);
    }
    report(sent > 0 && arrived == static_cast<std::size_t>(sent), "every byte arrives");
    const auto counts = filters.counts(Side::source);
    report(counts.hit_out >= 3, "packets and not bundles were lost");
    report(counts.passed_out >= 6 * counts.hit_out, "about one in ten");
    filters.clear(Side::source);
    queues.set_offload(Side::source, true);
    report(queues.offload(Side::source), "offload is back");
  });
}

TEST_CASE("In an MTU hole small packets pass and big ones vanish, until it heals", "[network]") {
  fakes::check_inside([](const Report& report) {
    const Network network;
    io::Filters filters(network);
    Connection connection(network);
    filters.set(Side::source, Filter{.longer_than_bytes = 576});
    report(connection.passes(3000), "a small packet passes");
    const std::string big(5000, 'x');
    report(::send(connection.source.get(), big.data(), big.size(), MSG_DONTWAIT) == 5000, "sent");
    report(!connection.arrives(80), "a big one does not");
    const auto counts = filters.counts(Side::source);
    report(counts.hit_out > 0 && counts.passed_out > 0, "both counted");
    filters.clear(Side::source);
    report(connection.arrives(5000), "it arrives after the heal");
  });
}

TEST_CASE("A limited leg holds packets back and is as fast as before when healed", "[network]") {
  fakes::check_inside([](const Report& report) {
    const Network network;
    io::QueuesOfLegs queues(network);
    Connection connection(network);
    queues.set(Side::source, Queueing{.bytes_per_s_max = 100000});
    const std::string bytes(50000, 'x');
    report(::send(connection.source.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) == 50000,
           "sent");
    ::poll(nullptr, 0, 100);
    const auto early = arrived_bytes(connection);
    report(early > 0 && early < 25000, "a tenth of a second's worth");
    const auto counts = queues.counts(Side::source);
    report(counts.passed_bytes > 0 && counts.held_back_packets > 0, "counted");
    queues.clear(Side::source);
    queues.clear(Side::source);  // idempotent
    std::size_t arrived = early;
    const auto deadline = Clock::now() + Milliseconds(5000);
    while (arrived < 50000 && Clock::now() < deadline) {
      arrived += arrived_bytes(connection);
      ::poll(nullptr, 0, 1);
    }
    report(arrived == 50000, "every byte arrives");
    report(queues.counts(Side::source).passed_packets == 0, "no queue of ours is left");
    report(queues.offload(Side::source), "offload is back");
  });
}

TEST_CASE("A destroyed socket is gone here and reset there, and no other socket is", "[network]") {
  fakes::check_inside([](const Report& report) {
    const Network network;
    Connection connection(network), other(network);
    report(io::destroy_sockets(network.namespace_fd(Side::source), connection.port) == 1, "one");
    report(gone(connection.source), "its owner is told");
    report(gone(connection.destination), "its peer is told");
    report(other.passes(3000), "the other one lives");
    report(io::destroy_sockets(network.namespace_fd(Side::source), connection.port) == 0, "none");
  });
}

TEST_CASE("Capabilities are found by doing, each with a reason where it is missing", "[network]") {
  fakes::check_inside([](const Report& report) {
    const auto missing = io::missing_capabilities();
    for (const auto& [name, why] : missing) {
      bool known = false;
      for (const auto& one : io::all_capabilities()) known = known || one.name == name;
      report(known, "known: " + name);
      report(!why.empty(), "a reason: " + why);
    }
    // What says present must work: the other tests of this file do the same things.
    report(missing.count("nftables") == 0, "nftables, which these tests have used");
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
