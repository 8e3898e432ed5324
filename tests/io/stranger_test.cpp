// The stranger: what it says, and what is seen of it at a port that listens, closes or refuses.
//
// On the loopback interface, without namespaces. Run alone: io_tests "[stranger]".
#include "harness/io/stranger.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <set>

namespace migfuzz {
namespace {

using io::Stranger;
using io::UniqueFd;
using io::words_of;

struct Port {
  Port() : listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&where), size) == 0);
    REQUIRE(::listen(listener.get(), 4) == 0);
    REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&where), &size) == 0);
    number = ntohs(where.sin_port);
  }
  UniqueFd accept() const { return UniqueFd(::accept(listener.get(), nullptr, nullptr)); }
  UniqueFd listener;
  std::uint16_t number = 0;
};

Stranger stranger_at(const Port& port, const Intrusion& what) {
  return Stranger(UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
                  "127.0.0.1", port.number, what);
}

template <typename Done>
bool comes(Stranger& stranger, Done done) {
  const auto deadline = Clock::now() + Milliseconds(3000);
  while (!done(stranger.look()) && Clock::now() < deadline) ::poll(nullptr, 0, 1);
  return done(stranger.look());
}

TEST_CASE("A stranger's words follow from its seed, and each manner has its own", "[stranger]") {
  std::set<std::vector<std::byte>> all;
  for (const auto what : {Strange::nothing, Strange::noise, Strange::stream,
                          Strange::side_channel}) {
    const auto words = words_of({what, false, 7});
    CHECK(words == words_of({what, false, 7}));
    all.insert(words);
  }
  CHECK(all.size() == 4);
  CHECK(words_of({Strange::stream, false, 13})[0] == std::byte{'Q'});
  CHECK(words_of({Strange::noise, false, 7}) != words_of({Strange::noise, false, 8}));
  // A TLS record of type handshake with a ClientHello (RFC 8446, 4.1.2 and 5.1), whole and cut.
  const auto hello = words_of({Strange::hello, false, 0});
  REQUIRE(hello.size() > 64);
  CHECK(hello[0] == std::byte{22});
  CHECK(hello[5] == std::byte{1});
  const auto length = std::to_integer<std::size_t>(hello[3]) * 256 +
                      std::to_integer<std::size_t>(hello[4]);
  CHECK(hello.size() == 5 + length);
  CHECK(words_of({Strange::half_record, false, 20}).size() == 21);
}

TEST_CASE("A stranger that stays is heard and keeps its connection", "[stranger]") {
  const Port port;
  auto stranger = stranger_at(port, {Strange::side_channel, true, 3});
  const auto peer = port.accept();
  REQUIRE(comes(stranger, [](const IntrusionSight& seen) { return seen.arrived; }));
  std::byte heard[256];
  const auto words = words_of({Strange::side_channel, true, 3});
  CHECK(::recv(peer.get(), heard, sizeof heard, 0) == static_cast<ssize_t>(words.size()));
  CHECK(::recv(peer.get(), heard, sizeof heard, MSG_DONTWAIT) == -1);
  CHECK_FALSE(stranger.look().rejected);
}

TEST_CASE("A stranger that does not stay closes once it was heard", "[stranger]") {
  const Port port;
  auto stranger = stranger_at(port, {Strange::nothing, false, 0});
  const auto peer = port.accept();
  REQUIRE(comes(stranger, [](const IntrusionSight& seen) { return seen.arrived; }));
  std::byte heard = {};
  CHECK(::recv(peer.get(), &heard, 1, 0) == 0);
}

TEST_CASE("A refused stranger and one that is thrown out are told apart", "[stranger]") {
  Port port;
  auto thrown_out = stranger_at(port, {Strange::noise, true, 5});
  port.accept().reset();
  CHECK(comes(thrown_out, [](const IntrusionSight& seen) { return seen.rejected; }));
  CHECK_FALSE(thrown_out.look().refused);
  port.listener.reset();
  auto refused = stranger_at(port, {Strange::noise, true, 5});
  CHECK(comes(refused, [](const IntrusionSight& seen) { return seen.refused; }));
  CHECK_FALSE(refused.look().arrived);
}

}  // namespace
}  // namespace migfuzz
