#include "harness/io/forwarder.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <vector>

#include "harness/core/error.h"

namespace migfuzz::io {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;
constexpr std::size_t kChunkBytes = 256 << 10;

sockaddr_in address_of(const std::string& address, std::uint16_t port) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1)
    throw InfraError("forwarder: bad address " + address);
  return where;
}

std::uint16_t port_of(int fd) {
  sockaddr_in where{};
  socklen_t size = sizeof where;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) != 0) fail("forwarder: port");
  return ntohs(where.sin_port);
}

void no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// The kernel sends RST instead of FIN when such a socket is closed.
void reset_on_close(int fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

struct Way {
  std::vector<std::byte> buffer;  // read and not written yet
  std::size_t head = 0;
  bool waits = false;  // a handler is under way
  bool ended = false;  // its reader has sent FIN, and that was passed on
  std::size_t pending() const { return buffer.size() - head; }
};

}  // namespace

struct Forwarder::State : std::enable_shared_from_this<State> {
  State(Loop& loop, std::function<void(const std::string&)> n)
      : note(std::move(n)),
        listener(loop.context()),
        client(loop.context()),
        server(loop.context()) {}

  std::function<void(const std::string&)> note;
  Descriptor listener, client, server;
  std::string address;
  std::uint16_t server_port = 0, port = 0, local_port = 0;
  std::function<UniqueFd()> make_socket;
  Way forth, back;
  bool stalled = false, used = false, open = false, gone = false;
  std::uint64_t forwarded = 0;
  Clock::time_point last_byte{};

  Descriptor& in(Way& way) { return &way == &forth ? client : server; }
  Descriptor& out(Way& way) { return &way == &forth ? server : client; }

  void accept_on() {
    listener.async_wait(Descriptor::wait_read,
                        [self = shared_from_this()](const boost::system::error_code& error) {
                          if (!error && !self->gone) self->accept_now();
                        });
  }

  void accept_now() {
    UniqueFd fd(
        ::accept4(listener.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    accept_on();
    if (!fd) return;
    if (used) return reset_on_close(fd.get());
    used = true;
    no_delay(fd.get());
    client.assign(fd.release());
    auto towards = make_socket();
    no_delay(towards.get());
    const auto where = address_of(address, server_port);
    const int rc =
        ::connect(towards.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
    const bool failed = rc != 0 && errno != EINPROGRESS;
    server.assign(towards.release());
    if (failed) return end("the destination cannot be reached");
    server.async_wait(Descriptor::wait_write,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        if (!error) self->connected();
                      });
  }

  void connected() {
    int status = 0;
    socklen_t size = sizeof status;
    ::getsockopt(server.native_handle(), SOL_SOCKET, SO_ERROR, &status, &size);
    if (status != 0) return end("the destination refuses the connection");
    local_port = port_of(server.native_handle());
    open = true;
    note("connected");
    pump(forth);
    pump(back);
  }

  // Both ends are reset; neither hears why.
  void end(const std::string& why) {
    if (!client.is_open() && !server.is_open()) return;
    for (auto* one : {&client, &server}) {
      if (!one->is_open()) continue;
      reset_on_close(one->native_handle());
      one->close();
    }
    open = false;
    note(why);
  }

  void pump(Way& way) {
    if (!open || stalled || way.waits || way.ended) return;
    if (way.pending() > 0 && !write(way)) return;
    way.waits = true;
    in(way).async_wait(Descriptor::wait_read,
                       [self = shared_from_this(), &way](const boost::system::error_code& error) {
                         way.waits = false;
                         if (error || !self->open || self->stalled) return;
                         self->read(way);
                         self->pump(way);
                       });
  }

  void read(Way& way) {
    way.buffer.resize(kChunkBytes);
    way.head = 0;
    const auto n = ::recv(in(way).native_handle(), way.buffer.data(), kChunkBytes, MSG_DONTWAIT);
    const int reason = errno;
    way.buffer.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    if (n > 0) last_byte = Clock::now();
    if (n < 0 && reason != EAGAIN && reason != EINTR) return end("reset by a peer");
    if (n != 0) return;
    // The NBD protocol ends a connection as a whole: what the other end still has to say is heard
    // by nobody.
    way.ended = true;
    ::shutdown(out(way).native_handle(), SHUT_WR);
    if (forth.ended && back.ended) end("closed by both");
  }

  bool write(Way& way) {
    while (way.pending() > 0) {
      const auto n = ::send(out(way).native_handle(), way.buffer.data() + way.head, way.pending(),
                            MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return write_later(way);
      if (n < 0) {
        end("reset by a peer");
        return false;
      }
      way.head += static_cast<std::size_t>(n);
      forwarded += static_cast<std::uint64_t>(n);
      last_byte = Clock::now();
    }
    return true;
  }

  bool write_later(Way& way) {
    way.waits = true;
    out(way).async_wait(Descriptor::wait_write,
                        [self = shared_from_this(), &way](const boost::system::error_code& error) {
                          way.waits = false;
                          if (!error) self->pump(way);
                        });
    return false;
  }

  std::uint64_t unread(const Descriptor& one) const {
    int bytes = 0;
    const bool asked =
        one.is_open() &&
        ::ioctl(const_cast<Descriptor&>(one).native_handle(), SIOCINQ, &bytes) == 0;
    return asked && bytes > 0 ? static_cast<std::uint64_t>(bytes) : 0;
  }
};

Forwarder::Forwarder(Loop& loop, std::function<void(const std::string&)> note)
    : state_(std::make_shared<State>(loop, std::move(note))) {}

Forwarder::~Forwarder() {
  state_->gone = true;
  state_->note = [](const std::string&) {};
  boost::system::error_code ignored;
  state_->listener.close(ignored);
  state_->end("");
}

std::uint16_t Forwarder::listen(const std::string& address) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) fail("forwarder: socket");
  const auto where = address_of(address, 0);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
    fail("forwarder: bind");
  if (::listen(fd.get(), 4) != 0) fail("forwarder: listen");
  state_->port = port_of(fd.get());
  state_->listener.assign(fd.release());
  state_->accept_on();
  return state_->port;
}

void Forwarder::forward_to(const std::string& address, std::uint16_t port,
                           std::function<UniqueFd()> make_socket) {
  state_->address = address;
  state_->server_port = port;
  state_->make_socket = std::move(make_socket);
}

void Forwarder::cut() {
  state_->used = true;
  state_->end("cut");
}

void Forwarder::stall(bool stalled) {
  if (state_->stalled == stalled) return;
  state_->stalled = stalled;
  state_->note(stalled ? "stalled" : "flows again");
  if (stalled) return;
  state_->pump(state_->forth);
  state_->pump(state_->back);
}

MirrorPathSight Forwarder::sight() const {
  MirrorPathSight sight;
  sight.open = state_->open;
  sight.waiting = state_->forth.pending() + state_->back.pending() +
                  state_->unread(state_->client) + state_->unread(state_->server);
  sight.forwarded = state_->forwarded;
  return sight;
}

std::uint16_t Forwarder::port() const { return state_->port; }
std::uint16_t Forwarder::local_port() const { return state_->local_port; }
Clock::time_point Forwarder::last_byte() const { return state_->last_byte; }

}  // namespace migfuzz::io
