#include "harness/io/relay.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <limits>
#include <vector>

#include "harness/core/error.h"
#include "harness/core/pacing.h"

namespace migfuzz::io {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;
constexpr std::size_t kChunkBytes = 256 << 10;   // one read: large, so that the copy stays cheap
constexpr std::size_t kAheadBytesMax = 1 << 20;  // read ahead of the writer at most this far…
constexpr std::size_t kLookAheadBytesMax = 80
                                           << 20;  // …unless the parser waits for a section's end

sockaddr_in address_of(const std::string& address, std::uint16_t port) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1)
    throw InfraError("relay: bad address " + address);
  return where;
}

// One of the relay's two sockets.
struct Peer {
  explicit Peer(boost::asio::io_context& context) : stream(context) {}
  Descriptor stream;
  bool connected = false;
  bool read_ended = false;   // its FIN or RST was seen
  bool write_ended = false;  // we sent FIN, or writing failed
  bool waiting_read = false, waiting_write = false;
  std::uint16_t local_port = 0;  // TCP: remembered, because the peer outlives a reset of our end
};

// A place at which the channel is to stand, once its point has been seen.
struct Hold {
  Trigger trigger;
  std::uint32_t seen = 0;            // how often the point has come
  bool placed = false, forth = true;  // it has come: there, in that direction
  std::uint64_t offset = 0;
  bool noted = false, released = false;
};

// One direction: what was read from one peer and not yet written to the other.
struct Flow {
  explicit Flow(boost::asio::io_context& context) : timer(context) {}
  Pacing pacing;
  boost::asio::steady_timer timer;  // for when the pacing lets more pass
  std::vector<std::byte> buffer;
  std::size_t head = 0;
  std::uint64_t received = 0, forwarded = 0;
  bool discard = false;  // what arrives is dropped; what is buffered too

  std::size_t pending() const { return buffer.size() - head; }
  std::byte* at(std::uint64_t offset) { return buffer.data() + head + (offset - forwarded); }
  void consume(std::size_t n) {
    head += n;
    forwarded += n;
    if (head == buffer.size()) {
      buffer.clear();
      head = 0;
    } else if (head > (4 << 20)) {
      buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(head));
      head = 0;
    }
  }
  void drop_pending() {
    buffer.clear();
    head = 0;
  }
};

}  // namespace

struct Relay::State : std::enable_shared_from_this<Relay::State> {
  State(Loop& loop, Handlers h)
      : handlers(std::move(h)),
        listener(loop.context()),
        source(loop.context()),
        destination(loop.context()),
        forth(loop.context()),
        back(loop.context()) {}

  Handlers handlers;
  Descriptor listener;
  Peer source, destination;
  Flow forth, back;
  std::vector<std::byte> chunk = std::vector<std::byte>(kChunkBytes);
  stream::Parser parser;
  stream::ReturnPathParser back_parser;
  std::vector<Hold> holds;
  std::optional<std::uint64_t> seal;  // where the source was sealed
  bool sealed = false, cut_begun = false, cut_done = false, ended = false;
  std::uint64_t eof_offset = 0;
  std::optional<std::uint64_t> flip_bit;
  std::uint64_t flip_from = 0;
  bool flip_armed = false;
  std::optional<Flip> flipped;
  bool flip_applied = false;
  std::optional<FrameFlip> frame_flipped;
  unsigned frame_bit = 0;
  bool frame_applied = false;
  Peer* orphan = nullptr;  // the other end was reset; it learns so when it writes
  Clock::time_point last_byte = Clock::now();
  std::vector<std::pair<std::uint64_t, Phase>> phases;  // where each begins, as far as known
  std::size_t entered = 0;
  std::string destination_address;
  std::uint16_t destination_port = 0;
  std::function<UniqueFd()> socket_in_switch;

  void note(const std::string& name, const std::string& what) {
    if (handlers.note) handlers.note(name, what);
  }
  bool is_forth(const Flow& flow) const { return &flow == &forth; }
  Peer& in(const Flow& flow) { return is_forth(flow) ? source : destination; }
  Peer& out(const Flow& flow) { return is_forth(flow) ? destination : source; }

  // --- connections -----------------------------------------------------------------------------

  void accept_on() {
    listener.async_wait(Descriptor::wait_read,
                        [self = shared_from_this()](const boost::system::error_code& error) {
                          if (!error && !self->ended) self->accept_now();
                        });
  }

  void accept_now() {
    UniqueFd fd(
        ::accept4(listener.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return accept_on();
    if (source.connected) return accept_on();  // a second connection is a stranger: refused
    no_delay(fd.get());
    source.stream.assign(fd.release());
    source.connected = true;
    note("connected", "source");
    connect_destination();
  }

  static void no_delay(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  void connect_destination() {
    auto fd = socket_in_switch();
    no_delay(fd.get());
    const auto where = address_of(destination_address, destination_port);
    const int rc = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
    if (rc != 0 && errno != EINPROGRESS) return note("connect-failed", "destination");
    destination.stream.assign(fd.release());
    destination.stream.async_wait(
        Descriptor::wait_write,
        [self = shared_from_this()](const boost::system::error_code& error) {
          if (error || self->ended) return;
          int status = 0;
          socklen_t size = sizeof status;
          ::getsockopt(self->destination.stream.native_handle(), SOL_SOCKET, SO_ERROR, &status,
                       &size);
          if (status != 0) {
            self->note("connect-failed", "destination");
            return self->reset_peer(self->source);
          }
          self->start();
        });
  }

  void start() {
    source.connected = destination.connected = true;
    source.local_port = port_of(source);
    destination.local_port = port_of(destination);
    source.stream.non_blocking(true);
    destination.stream.non_blocking(true);
    note("connected", "both");
    // A pair of sockets is connected from the start: there the first byte tells.
    if (source.local_port != 0) seen_point(forth, Phase::prepare, "connected", 0);
    pump(forth);
    pump(back);
  }

  static std::uint16_t port_of(Peer& peer) {
    sockaddr_in where{};
    socklen_t size = sizeof where;
    const bool known =
        ::getsockname(peer.stream.native_handle(), reinterpret_cast<sockaddr*>(&where), &size) == 0;
    return known && where.sin_family == AF_INET ? ntohs(where.sin_port) : std::uint16_t{0};
  }

  // --- the two flows ---------------------------------------------------------------------------

  std::uint64_t allowed(Flow& flow) const {
    std::uint64_t limit = std::min(flow.received, flow.pacing.limit(Clock::now()));
    // Bytes whose points are not known yet wait; when the sender has ended there is nothing to wait
    // for, and a stream that cannot be parsed is forwarded as it is.
    if (is_forth(flow)) {
      if (!parser.failed() && !source.read_ended) limit = std::min(limit, parser.settled());
    } else if (!back_parser.failed() && !destination.read_ended) {
      limit = std::min(limit, back_parser.settled());
    }
    return std::min(limit, barrier(flow));
  }

  bool stands_ahead(const Hold& hold, const Flow& flow) const {
    return hold.placed && !hold.released && hold.forth == is_forth(flow);
  }
  // The first byte that may not pass.
  std::uint64_t barrier(const Flow& flow) const {
    auto first = std::numeric_limits<std::uint64_t>::max();
    if (seal && is_forth(flow)) first = *seal;
    for (const auto& hold : holds)
      if (stands_ahead(hold, flow)) first = std::min(first, hold.offset);
    return first;
  }
  bool held(const Flow& flow) const {
    return std::any_of(holds.begin(), holds.end(),
                       [&](const Hold& hold) { return stands_ahead(hold, flow); });
  }

  void pump(Flow& flow) {
    if (ended || !source.connected || !destination.connected) return;
    write(flow);
    if (ended) return;
    check_hold(flow);
    if (wants_more(flow)) read_on(flow);
    end_if_done(flow);
    wait_for_pacing(flow);
  }

  void wait_for_pacing(Flow& flow) {
    const auto when = flow.pacing.next(Clock::now());
    if (!when) return;
    flow.timer.expires_at(*when);  // takes the place of what it waited for
    flow.timer.async_wait(
        [self = shared_from_this(), &flow](const boost::system::error_code& error) {
          if (!error) self->pump(flow);
        });
  }

  bool wants_more(const Flow& flow) {
    if (in(flow).read_ended) return false;
    if (flow.discard) return true;
    if (held(flow) && flow.forwarded >= barrier(flow)) return false;
    const bool looking_ahead = is_forth(flow) && parser.settled() < flow.received;
    return flow.pending() < (looking_ahead ? kLookAheadBytesMax : kAheadBytesMax);
  }

  void write(Flow& flow) {
    Peer& peer = out(flow);
    if (peer.write_ended) return flow.drop_pending();
    while (!flow.discard && flow.forwarded < allowed(flow)) {
      const auto count = std::min<std::uint64_t>(allowed(flow) - flow.forwarded, flow.pending());
      if (count == 0) return;
      const auto n = ::send(peer.stream.native_handle(), flow.at(flow.forwarded), count,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return write_on(flow);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return write_failed(flow);
      flow.consume(static_cast<std::size_t>(n));
      flow.pacing.passed(flow.forwarded, Clock::now());
      last_byte = Clock::now();
      if (is_forth(flow)) note_phases();
    }
  }

  void note_phases() {
    for (; entered < phases.size() && phases[entered].first <= forth.forwarded; ++entered)
      if (handlers.entered) handlers.entered(phases[entered].second);
  }

  // The peer refused bytes: it is gone. The other side learns it as its kernel would tell it: RST.
  void write_failed(Flow& flow) {
    out(flow).write_ended = out(flow).read_ended = true;
    note("peer-gone", is_forth(flow) ? "destination" : "source");
    flow.drop_pending();
    if (!sealed && !cut_done) reset_peer(in(flow));
  }

  void write_on(Flow& flow) {
    Peer& peer = out(flow);
    if (peer.waiting_write) return;
    peer.waiting_write = true;
    peer.stream.async_wait(Descriptor::wait_write, [self = shared_from_this(), &flow,
                                                    &peer](const boost::system::error_code& error) {
      peer.waiting_write = false;
      if (!error) self->pump(flow);
    });
  }

  void read_on(Flow& flow) {
    Peer& peer = in(flow);
    if (peer.waiting_read) return;
    peer.waiting_read = true;
    peer.stream.async_wait(Descriptor::wait_read, [self = shared_from_this(), &flow,
                                                   &peer](const boost::system::error_code& error) {
      peer.waiting_read = false;
      if (error || self->ended) return;
      self->read(flow);
      self->pump(flow);
    });
  }

  void read(Flow& flow) {
    Peer& peer = in(flow);
    const auto n = ::recv(peer.stream.native_handle(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return read_finished(flow, n < 0);
    if (orphan == &peer) return reset_orphan();
    if (flow.discard) return flow.drop_pending();
    last_byte = Clock::now();
    const Bytes fresh(chunk.data(), static_cast<std::size_t>(n));
    if (is_forth(flow) && flow.received == 0 && source.local_port == 0)
      seen_point(forth, Phase::prepare, "connected", 0);
    flow.buffer.insert(flow.buffer.end(), fresh.begin(), fresh.end());
    flow.received += static_cast<std::uint64_t>(n);
    flow.pacing.arrived(flow.received, last_byte);
    is_forth(flow) ? parse_forth(fresh) : parse_back(fresh);
  }

  void read_finished(Flow& flow, bool by_reset) {
    Peer& peer = in(flow);
    peer.read_ended = true;
    note(by_reset ? "reset-seen" : "close-seen", is_forth(flow) ? "source" : "destination");
    if (by_reset) peer.write_ended = true;
    if (is_forth(flow) && !flow.discard) {
      parser.finish();
      take_forth();
    }
    if (by_reset && !sealed && !cut_done) {
      write(flow);
      reset_peer(out(flow));
    }
  }

  void end_if_done(Flow& flow) {
    Peer& from = in(flow);
    Peer& to = out(flow);
    if (!from.read_ended || to.write_ended || !to.connected) return;
    if ((held(flow) && !sealed) || flow.pacing.stands()) return;
    const bool all_out = sealed && is_forth(flow) ? flow.forwarded >= allowed(flow)
                                                  : flow.pending() == 0 || flow.discard;
    if (!all_out) return;
    to.write_ended = true;
    ::shutdown(to.stream.native_handle(), SHUT_WR);
  }

  void reset_orphan() {
    Peer* peer = std::exchange(orphan, nullptr);
    note("cut", peer == &source ? "RST to the source, which wrote" : "RST to the destination");
    reset_peer(*peer);
  }

  void reset_peer(Peer& peer) {
    if (!peer.stream.is_open()) return;
    const linger at_once{1, 0};
    ::setsockopt(peer.stream.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    boost::system::error_code ignored;
    peer.stream.close(ignored);
    peer.read_ended = peer.write_ended = true;
    peer.connected = false;
  }

  // --- what the bytes say ----------------------------------------------------------------------

  void parse_forth(Bytes fresh) {
    parser.feed(fresh);
    take_forth();
    apply_flip();
    apply_frame_flip();
  }

  void take_forth() {
    for (const auto& item : parser.take_items()) {
      if (item.kind == stream::Item::Kind::eof) eof_offset = item.end;
      if (handlers.item) handlers.item(item);
    }
    for (const auto& hit : parser.take_points()) seen_point(forth, hit.phase, hit.name, hit.offset);
    choose_flip(parser.take_pages());
  }

  void parse_back(Bytes fresh) {
    back_parser.feed(fresh);
    for (const auto& message : back_parser.take_messages())
      if (handlers.back) handlers.back(message);
    for (const auto& hit : back_parser.take_points())
      seen_point(back, Phase::commit, hit.name, hit.offset);
  }

  void seen_point(Flow& flow, Phase phase, const std::string& name, std::uint64_t offset) {
    if (handlers.point) handlers.point(phase, name, offset);
    if (!is_forth(flow) && name == "ack") flow.pacing.acknowledgement(offset);
    const bool another = phases.empty() ? phase != Phase::prepare : phases.back().second < phase;
    if (is_forth(flow) && another) phases.emplace_back(offset, phase);
    for (auto& hold : holds) {
      const auto& point = hold.trigger.point;
      if (hold.placed || point.phase != phase || point.name != name) continue;
      if (++hold.seen != hold.trigger.nth) continue;
      hold.placed = true;
      hold.forth = is_forth(flow);
      hold.offset = offset + point.plus_bytes;
      if (!flip_bit) continue;
      hold.released = flip_armed = true;  // corrupt does not hold: it changes the next page
      flip_from = offset;
    }
  }

  void check_hold(Flow& flow) {
    for (auto& hold : holds) {
      if (!stands_ahead(hold, flow) || hold.noted || flow.forwarded < hold.offset) continue;
      hold.noted = true;
      note("holding", fmt::format("{} at byte {}", to_string(hold.trigger), flow.forwarded));
    }
  }

  void choose_flip(const std::vector<stream::PageHit>& pages) {
    if (!flip_armed || flipped) return;
    for (const auto& page : pages) {
      if (page.data_offset < flip_from || page.data_offset < forth.forwarded) continue;
      if (handlers.owned && !handlers.owned(page.block, page.address)) continue;
      const auto bit = *flip_bit % (4096 * 8);
      flipped = Flip{page.address + bit / 8, page.data_offset + bit / 8,
                     static_cast<unsigned>(bit % 8), false};
      return;
    }
  }

  void apply_flip() {
    if (!flipped || flip_applied || flipped->offset >= forth.received) return;
    *forth.at(flipped->offset) ^= static_cast<std::byte>(1u << flipped->bit);
    flip_applied = true;
  }

  void apply_frame_flip() {
    if (!frame_flipped || frame_applied || frame_flipped->offset >= forth.received) return;
    auto& byte = *forth.at(frame_flipped->offset);
    frame_flipped->before = std::to_integer<unsigned>(byte);
    byte ^= static_cast<std::byte>(1u << frame_bit);
    frame_flipped->after = std::to_integer<unsigned>(byte);
    frame_applied = true;
  }

  // --- cuts
  // ----------------------------------------------------------------------------------------

  void cut_by_reset(Side towards) {
    forth.discard = back.discard = true;
    const bool wrote = towards == Side::source ? back.pending() > 0 : forth.pending() > 0;
    forth.drop_pending();
    back.drop_pending();
    if (towards != Side::destination) reset_peer(source);
    if (towards != Side::source) reset_peer(destination);
    if (towards == Side::channel) return;
    orphan = towards == Side::source ? &destination : &source;
    if (wrote) return reset_orphan();
    read_on(towards == Side::source ? back : forth);
  }

  // FIN: shutdown, not close, because closing with unread bytes would send RST. What still arrives
  // for that peer is read and dropped.
  void cut_by_close(Flow& flow) {
    flow.discard = true;
    flow.drop_pending();
    out(flow).write_ended = true;
    ::shutdown(out(flow).stream.native_handle(), SHUT_WR);
  }
};

Relay::Relay(Loop& loop, Handlers handlers)
    : state_(std::make_shared<State>(loop, std::move(handlers))) {}

Relay::~Relay() {
  state_->ended = true;
  state_->handlers = {};
  // RST instead of FIN: a socket left with unacknowledged bytes would keep its namespace alive.
  state_->reset_peer(state_->source);
  state_->reset_peer(state_->destination);
  state_->forth.timer.cancel();
  state_->back.timer.cancel();
  boost::system::error_code ignored;
  state_->listener.close(ignored);
}

std::uint16_t Relay::listen_tcp(const std::string& address) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) fail("relay: socket");
  auto where = address_of(address, 0);
  socklen_t size = sizeof where;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&where), size) != 0 ||
      ::listen(fd.get(), 8) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&where), &size) != 0)
    fail("relay: listening on " + address);
  state_->listener.assign(fd.release());
  state_->accept_on();
  return ntohs(where.sin_port);
}

void Relay::forward_to_tcp(const std::string& address, std::uint16_t port,
                           std::function<UniqueFd()> socket_in_switch) {
  state_->destination_address = address;
  state_->destination_port = port;
  state_->socket_in_switch = std::move(socket_in_switch);
}

void Relay::adopt(UniqueFd towards_source, UniqueFd towards_destination) {
  state_->source.stream.assign(towards_source.release());
  state_->destination.stream.assign(towards_destination.release());
  state_->start();
}

void Relay::arm(const Trigger& trigger) {
  for (const auto& hold : state_->holds)
    if (hold.trigger == trigger) return;
  state_->holds.emplace_back().trigger = trigger;
  const auto& point = trigger.point;
  if (point.phase == Phase::precopy && point.name.starts_with("page:"))
    state_->parser.want_page(std::stoull(point.name.substr(5)));
}

void Relay::release() {
  for (const auto& hold : std::vector(state_->holds)) release(hold.trigger);
}

void Relay::release(const Trigger& trigger) {
  bool changed = false;
  for (auto& hold : state_->holds)
    if (hold.trigger == trigger) changed = !std::exchange(hold.released, true) || changed;
  if (!changed) return;
  state_->note("released", "");
  state_->pump(state_->forth);
  state_->pump(state_->back);
}

void Relay::seal_source() {
  State& s = *state_;
  if (s.sealed) return;
  s.sealed = true;
  s.seal = s.forth.forwarded;
  s.forth.discard = true;  // keeps reading, so that the source's end is noticed; forwards nothing
  s.forth.drop_pending();
  s.note("sealed", fmt::format("at byte {}", s.forth.forwarded));
  s.pump(s.forth);
  s.pump(s.back);
}

void Relay::cut(Cut how, Side towards) {
  State& s = *state_;
  if (s.cut_begun) return;
  s.cut_begun = true;
  for (auto& hold : s.holds) hold.released = true;
  // While the way to the destination is whole, its end is still passed on to the source as it was.
  s.cut_done = how == Cut::reset || towards != Side::source;
  const auto* whom = towards == Side::channel  ? "both"
                     : towards == Side::source ? "the source"
                                               : "the destination";
  s.note("cut", fmt::format("{} to {}", how == Cut::reset ? "RST" : "FIN", whom));
  if (how == Cut::reset) return s.cut_by_reset(towards);
  if (towards != Side::source) s.cut_by_close(s.forth);
  if (towards != Side::destination) s.cut_by_close(s.back);
  s.pump(s.forth);
  s.pump(s.back);
}

void Relay::set_stage(Side towards, const Stage& stage) {
  State& s = *state_;
  Flow& flow = towards == Side::source ? s.back : s.forth;
  flow.timer.cancel();
  flow.pacing.set(stage, flow.forwarded, flow.received, Clock::now());
  s.pump(flow);
}

void Relay::corrupt_next_byte(unsigned bit) { corrupt_later_byte(0, bit); }

void Relay::corrupt_later_byte(std::uint64_t bytes_later, unsigned bit) {
  State& s = *state_;
  if (s.frame_flipped) return;
  s.frame_flipped = FrameFlip{s.forth.forwarded + bytes_later, 0, 0, false};
  s.frame_bit = bit % 8;
  s.apply_frame_flip();
}

void Relay::probe(Side peer) {
  Peer& one = peer == Side::source ? state_->source : state_->destination;
  if (!one.stream.is_open()) return;
  // Leaving repair mode sends a window probe at once (net/ipv4/tcp.c, TCP_REPAIR_OFF); tcp(7) knows
  // no other way to make an idle connection send something.
  for (const int on : {TCP_REPAIR_ON, TCP_REPAIR_OFF})
    ::setsockopt(one.stream.native_handle(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof on);
}

void Relay::corrupt_next_page(std::uint64_t which_bit) { state_->flip_bit = which_bit; }

ChannelSight Relay::sight() const {
  const State& s = *state_;
  ChannelSight sight;
  sight.open = s.source.connected && s.destination.connected;
  for (const auto& hold : s.holds)
    if (hold.noted && !hold.released) sight.held.push_back(hold.trigger);
  sight.holding = !sight.held.empty();
  sight.received = s.forth.received;
  sight.forwarded = s.forth.forwarded;
  sight.back_received = s.back.received;
  sight.back_forwarded = s.back.forwarded;
  sight.eof_forwarded = s.eof_offset != 0 && s.forth.forwarded >= s.eof_offset;
  sight.source_closed = s.source.read_ended;
  sight.destination_closed = s.destination.read_ended;
  if (s.parser.failed()) sight.failure = s.parser.failure();
  if (s.back_parser.failed()) sight.failure = s.back_parser.failure();
  sight.pace = s.forth.pacing.pace(Clock::now());
  sight.back_pace = s.back.pacing.pace(Clock::now());
  return sight;
}

std::optional<Flip> Relay::flip() const {
  auto flip = state_->flipped;
  if (flip) flip->forwarded = state_->flip_applied && state_->forth.forwarded > flip->offset;
  return flip;
}

std::optional<FrameFlip> Relay::frame_flip() const {
  auto flip = state_->frame_flipped;
  if (flip) flip->forwarded = state_->frame_applied && state_->forth.forwarded > flip->offset;
  return flip;
}

std::uint64_t Relay::unacknowledged_bytes(Side host) const {
  const Peer& peer = host == Side::source ? state_->source : state_->destination;
  int bytes = 0;
  if (peer.stream.is_open())
    ::ioctl(const_cast<Peer&>(peer).stream.native_handle(), SIOCOUTQ, &bytes);
  return static_cast<std::uint64_t>(bytes);
}

std::uint16_t Relay::local_port(Side host) const {
  return host == Side::source ? state_->source.local_port : state_->destination.local_port;
}

Clock::time_point Relay::last_byte() const { return state_->last_byte; }

}  // namespace migfuzz::io
