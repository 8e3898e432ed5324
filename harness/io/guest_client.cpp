#include "harness/io/guest_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace migfuzz::io {
namespace {

constexpr std::uint16_t kPingId = 0x6d66;
constexpr std::size_t kMessageBytes = 16;  // a counter, twice

// RFC 1071, of an even number of bytes.
std::uint16_t checksum(const void* data, std::size_t size) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < size; i += 2) {
    std::uint16_t word = 0;
    std::memcpy(&word, static_cast<const char*>(data) + i, sizeof word);
    sum += word;
  }
  sum = (sum >> 16) + (sum & 0xffff);
  return static_cast<std::uint16_t>(~(sum + (sum >> 16)));
}

void answered(AnswerSight& sight) {
  const auto now = Clock::now();
  if (sight.answered++ > 0) sight.longest_gap = std::max(sight.longest_gap, now - sight.last);
  sight.last = now;
}

}  // namespace

struct GuestClient::State {
  State(Loop& loop, const Network& network, const std::string& address, std::uint16_t port) {
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    ::inet_pton(AF_INET, address.c_str(), &where.sin_addr);
    network.inside(Side::channel, [this] {
      ping = UniqueFd(
          ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP));
      tcp = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    });
    if (!ping || !tcp) fail("network: a client of the VM");
    const int on = 1;
    ::setsockopt(tcp.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ticker = std::make_unique<Ticker>(loop, kClientEvery, [this] { turn(); });
  }

  void turn() {
    read_pings();
    send_ping();
    if (!seen.broken.empty()) return;
    if (!seen.connected && !connect()) return;
    read_echoes();
    if (seen.broken.empty()) send_message();
  }

  void send_ping() {
    icmphdr message{};
    message.type = ICMP_ECHO;
    message.un.echo.id = htons(kPingId);
    message.un.echo.sequence = htons(static_cast<std::uint16_t>(seen.pings.asked));
    message.checksum = checksum(&message, sizeof message);
    if (::sendto(ping.get(), &message, sizeof message, MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&where), sizeof where) > 0)
      ++seen.pings.asked;
  }

  void read_pings() {
    char packet[256];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    for (;;) {
      const auto n = ::recvfrom(ping.get(), packet, sizeof packet, MSG_DONTWAIT,
                                reinterpret_cast<sockaddr*>(&from), &size);
      if (n < 0) return;
      const auto head = static_cast<std::size_t>(packet[0] & 15) * 4;  // of IP, in words of 4
      icmphdr answer{};
      if (static_cast<std::size_t>(n) < head + sizeof answer) continue;
      std::memcpy(&answer, packet + head, sizeof answer);
      const bool ours = from.sin_addr.s_addr == where.sin_addr.s_addr &&
                        answer.type == ICMP_ECHOREPLY && ntohs(answer.un.echo.id) == kPingId;
      if (ours) answered(seen.pings);
    }
  }

  // True once it stands. A guest that is not up yet refuses, or does not answer at all.
  bool connect() {
    if (::connect(tcp.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 ||
        errno == EISCONN)
      seen.connected = true;
    return seen.connected;
  }

  void send_message() {
    const std::uint64_t message[] = {seen.echoes.asked, seen.echoes.asked};
    static_assert(sizeof message == kMessageBytes);
    // Whole or not at all, as long as the buffer has room; a full one is a VM that is away.
    const auto n = ::send(tcp.get(), message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n == static_cast<ssize_t>(sizeof message))
      ++seen.echoes.asked;
    else if (n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
      seen.broken = n >= 0 ? "a message was sent in part" : std::strerror(errno);
  }

  void read_echoes() {
    char bytes[4096];
    for (;;) {
      const auto n = ::recv(tcp.get(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (n <= 0) {
        seen.broken = n == 0 ? "the VM closed the connection" : std::strerror(errno);
        return;
      }
      pending.insert(pending.end(), bytes, bytes + n);
      while (pending.size() >= kMessageBytes && seen.broken.empty()) take_message();
    }
  }

  void take_message() {
    const std::uint64_t expected[] = {seen.echoes.answered, seen.echoes.answered};
    if (std::memcmp(expected, pending.data(), sizeof expected) != 0) {
      seen.broken = "the VM sent back another message than the one that was next";
      return;
    }
    pending.erase(pending.begin(), pending.begin() + kMessageBytes);
    answered(seen.echoes);
  }

  sockaddr_in where{};
  UniqueFd ping, tcp;
  std::vector<char> pending;
  ClientSight seen;
  std::unique_ptr<Ticker> ticker;
};

GuestClient::GuestClient(Loop& loop, const Network& network, const std::string& address,
                         std::uint16_t port)
    : state_(std::make_unique<State>(loop, network, address, port)) {}

GuestClient::~GuestClient() = default;

ClientSight GuestClient::sight() const { return state_->seen; }

}  // namespace migfuzz::io
