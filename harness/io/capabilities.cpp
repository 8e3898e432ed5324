#include "harness/io/capabilities.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "harness/core/error.h"
#include "harness/io/child.h"
#include "harness/io/filters.h"
#include "harness/io/guest_network.h"
#include "harness/io/queueing.h"
#include "harness/io/sockets.h"

namespace migfuzz::io {
namespace {

// A TCP connection from the switch to the source's host.
struct Connection {
  explicit Connection(const Network& network) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    ::inet_pton(AF_INET, kSourceAddress, &where.sin_addr);
    socklen_t size = sizeof where;
    auto* address = reinterpret_cast<sockaddr*>(&where);
    network.inside(Side::source, [&] {
      listener = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (::bind(listener.get(), address, size) != 0 || ::listen(listener.get(), 1) != 0 ||
          ::getsockname(listener.get(), address, &size) != 0)
        fail("probe: listening");
    });
    network.inside(Side::channel, [&] {
      middle = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (::connect(middle.get(), address, size) != 0 && errno != EINPROGRESS)
        fail("probe: connecting");
    });
    pollfd wait{listener.get(), POLLIN, 0};
    if (::poll(&wait, 1, 2000) != 1) throw InfraError("probe: nobody connects");
    host = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    port = ntohs(where.sin_port);
  }
  bool ends(const UniqueFd& end) const {
    pollfd wait{end.get(), 0, 0};
    return ::poll(&wait, 1, 1000) == 1;  // POLLERR or POLLHUP
  }
  UniqueFd listener, middle, host;
  std::uint16_t port = 0;
};

void try_filter(const Filter& filter) {
  const Network network;
  Filters filters(network);
  filters.set(Side::source, filter);
  network.knock(Side::source);
  if (filters.counts(Side::source).hit_out == 0)
    throw InfraError("the rule was taken, but no packet meets it");
}

void try_reject() {
  const Network network;
  Filters filters(network);
  const Connection connection(network);
  filters.set(Side::source, {Filter::Way::both, Filter::Fate::reject, 1, 0});
  if (::send(connection.host.get(), "x", 1, MSG_NOSIGNAL) != 1) fail("probe: sending");
  if (!connection.ends(connection.host)) throw InfraError("the rule was taken, but sends no RST");
}

void try_destroy() {
  const Network network;
  const Connection connection(network);
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ::getsockname(connection.middle.get(), reinterpret_cast<sockaddr*>(&own), &size);
  if (destroy_sockets(network.namespace_fd(Side::source), ntohs(own.sin_port)) != 1)
    throw InfraError("the socket is not found");
  if (!connection.ends(connection.middle)) throw InfraError("the peer is told nothing");
}

void try_queueing(const Queueing& queueing) {
  const Network network;
  QueuesOfLegs queues(network);
  queues.set(Side::source, queueing);
  network.knock(Side::source);
  const auto counts = queues.counts(Side::source);
  if (counts.passed_packets == 0 && counts.waiting_bytes == 0)
    throw InfraError("the queue was taken, but no packet meets it");
}

void find_storage_tools() {
  for (const auto* tool : {"qemu-storage-daemon", "qemu-io"})
    if (!find_executable(tool))
      throw InfraError(fmt::format("{} is not on the PATH; install it (Debian: qemu-utils, "
                                   "qemu-system-common)", tool));
}

struct Probe {
  Capability capability;
  void (*run)();
};
constexpr std::array kProbes{
    Probe{{"nftables", "packets on a host's leg can be dropped by rule"}, [] { try_filter({}); }},
    Probe{{"loss", "every n-th packet can be dropped (nftables numgen)"},
          [] {
            try_filter({Filter::Way::both, Filter::Fate::drop, 2, 0});
          }},
    Probe{{"reject", "packets can be answered with RST (nftables reject)"}, try_reject},
    Probe{{"sock-destroy", "a TCP socket can be ended from outside (SOCK_DESTROY)"}, try_destroy},
    Probe{{"rate", "a leg's bandwidth can be limited (TBF)"},
          [] {
            try_queueing({1 << 20, 0, 0, 0});
          }},
    Probe{{"netem", "a leg can delay, reorder and lose packets (netem)"},
          [] {
            try_queueing({0, 1, 0, 0});
          }},
    Probe{{"taps", "a VM can be on a network, and clients reach it (/dev/net/tun)"},
          [] {
            if (const auto why = GuestNetwork::impossible(); !why.empty()) throw InfraError(why);
          }},
    Probe{{"storage-daemon", "a disk can be served over NBD and fail (qemu-storage-daemon)"},
          find_storage_tools},
};

// Empty: it can.
std::string reason_of(void (*probe)()) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
  const UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    std::string why;
    try {
      probe();
    } catch (const std::exception& error) {
      why = error.what();
    }
    [[maybe_unused]] const auto ignored = ::write(to.get(), why.data(), why.size());
    ::_exit(0);
  }
  to.reset();
  std::string why;
  char chunk[512];
  for (ssize_t n = 0; (n = ::read(from.get(), chunk, sizeof chunk)) > 0;)
    why.append(chunk, static_cast<std::size_t>(n));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) return fmt::format("its probe ended by signal {}", WTERMSIG(status));
  for (auto& c : why)
    if (c == '\n') c = ' ';
  return why;
}

}  // namespace

std::span<const Capability> all_capabilities() {
  static constexpr auto kAll = [] {
    std::array<Capability, kProbes.size()> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = kProbes[i].capability;
    return all;
  }();
  return kAll;
}

std::map<std::string, std::string> missing_capabilities() {
  std::map<std::string, std::string> missing;
  for (const auto& probe : kProbes)
    if (const auto why = reason_of(probe.run); !why.empty())
      missing.emplace(probe.capability.name,
                      fmt::format("this machine has no `{}`: {}", probe.capability.name, why));
  return missing;
}

}  // namespace migfuzz::io
