#include "harness/io/relay_lane.h"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <limits>
#include <vector>

#include "harness/core/pacing.h"
#include "harness/io/relay_flip.h"
#include "harness/io/relay_holds.h"

namespace migfuzz::io {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;
constexpr std::size_t kChunkBytes = 256 << 10;   // one read: large, so that the copy stays cheap
constexpr std::size_t kAheadBytesMax = 1 << 20;  // read ahead of the writer at most this far…
constexpr std::size_t kLookAheadBytesMax = 80
                                           << 20;  // …unless the parser waits for a section's end

// One of the relay's two sockets.
struct Peer {
  explicit Peer(boost::asio::io_context& context) : stream(context) {}
  Descriptor stream;
  bool connected = false;
  bool read_ended = false;   // its FIN or RST was seen
  bool write_ended = false;  // we sent FIN, or writing failed
  bool waiting_read = false, waiting_write = false;
  // TCP: remembered, because the peer outlives a reset of our end.
  std::uint16_t local_port = 0, peer_port = 0;
};

// One direction: what was read from one peer and not yet written to the other.
struct Flow {
  explicit Flow(boost::asio::io_context& context) : timer(context) {}
  Pacing pacing;
  std::unique_ptr<Reader> reader;
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

struct Lane::State : std::enable_shared_from_this<Lane::State> {
  State(Loop& loop, Handlers h, std::optional<Phase> c)
      : handlers(std::move(h)),
        connected(c),
        source(loop.context()),
        destination(loop.context()),
        forth(loop.context()),
        back(loop.context()) {}

  Handlers handlers;
  const std::optional<Phase> connected;
  Peer source, destination;
  Flow forth, back;
  std::vector<std::byte> chunk = std::vector<std::byte>(kChunkBytes);
  Holds holds;
  Flips flips;
  std::optional<std::uint64_t> seal;  // where the source was sealed
  bool sealed = false, cut_begun = false, cut_done = false, ended = false, existed = false;
  Peer* orphan = nullptr;  // the other end was reset; it learns so when it writes
  Clock::time_point last_byte = Clock::now();
  std::vector<std::pair<std::uint64_t, Phase>> phases;  // where each begins, as far as known
  std::size_t entered = 0;

  void note(const std::string& name, const std::string& what) {
    if (handlers.note) handlers.note(name, what);
  }
  bool is_forth(const Flow& flow) const { return &flow == &forth; }
  Peer& in(const Flow& flow) { return is_forth(flow) ? source : destination; }
  Peer& out(const Flow& flow) { return is_forth(flow) ? destination : source; }

  // --- the connection --------------------------------------------------------------------------

  void connect(UniqueFd from_source, UniqueFd fd, const sockaddr_in& where) {
    no_delay(from_source.get());
    source.stream.assign(from_source.release());
    source.connected = existed = true;
    note("connected", "source");
    no_delay(fd.get());
    const int rc = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
    if (rc != 0 && errno != EINPROGRESS) {
      note("connect-failed", "destination");
      return opened();
    }
    destination.stream.assign(fd.release());
    destination.stream.async_wait(
        Descriptor::wait_write,
        [self = shared_from_this()](const boost::system::error_code& error) {
          if (error || self->ended) return;
          self->connect_ended();
        });
  }

  void connect_ended() {
    int status = 0;
    socklen_t size = sizeof status;
    ::getsockopt(destination.stream.native_handle(), SOL_SOCKET, SO_ERROR, &status, &size);
    if (status == 0) {
      start();
    } else {
      note("connect-failed", "destination");
      reset_peer(source);
    }
    opened();
  }

  void opened() {
    if (handlers.opened) handlers.opened();
  }

  static void no_delay(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  void start() {
    source.connected = destination.connected = existed = true;
    for (auto* peer : {&source, &destination}) {
      peer->local_port = port_of(*peer, ::getsockname);
      peer->peer_port = port_of(*peer, ::getpeername);
      peer->stream.non_blocking(true);
    }
    note("connected", "both");
    // A pair of sockets is connected from the start: there the first byte tells.
    if (connected && source.local_port != 0) seen_point(forth, {*connected, "connected", 0});
    pump(forth);
    pump(back);
  }

  static std::uint16_t port_of(Peer& peer, int (*ask)(int, sockaddr*, socklen_t*)) {
    sockaddr_in where{};
    socklen_t size = sizeof where;
    const bool known =
        ask(peer.stream.native_handle(), reinterpret_cast<sockaddr*>(&where), &size) == 0;
    return known && where.sin_family == AF_INET ? ntohs(where.sin_port) : std::uint16_t{0};
  }

  // --- the two flows ---------------------------------------------------------------------------

  std::uint64_t allowed(Flow& flow) {
    std::uint64_t limit = std::min(flow.received, flow.pacing.limit(Clock::now()));
    // Bytes whose points are not known yet wait; when the sender has ended there is nothing to wait
    // for, and a stream that cannot be parsed is forwarded as it is.
    if (!flow.reader) return flow.forwarded;
    if (flow.reader->failure().empty() && !in(flow).read_ended)
      limit = std::min(limit, flow.reader->settled());
    return std::min(limit, barrier(flow));
  }

  // The first byte that may not pass.
  std::uint64_t barrier(const Flow& flow) const {
    const auto first = holds.barrier(is_forth(flow));
    return seal && is_forth(flow) ? std::min(first, *seal) : first;
  }
  bool held(const Flow& flow) const { return holds.any(is_forth(flow)); }

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
    const bool looking_ahead = !flow.reader || flow.reader->settled() < flow.received;
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
    if (connected && is_forth(flow) && flow.received == 0 && source.local_port == 0)
      seen_point(forth, {*connected, "connected", 0});
    flow.buffer.insert(flow.buffer.end(), fresh.begin(), fresh.end());
    flow.received += static_cast<std::uint64_t>(n);
    flow.pacing.arrived(flow.received, last_byte);
    parse(flow, fresh);
  }

  void read_finished(Flow& flow, bool by_reset) {
    Peer& peer = in(flow);
    peer.read_ended = true;
    note(by_reset ? "reset-seen" : "close-seen", is_forth(flow) ? "source" : "destination");
    if (by_reset) peer.write_ended = true;
    if (!flow.discard && !flow.reader) recognise(flow);
    if (!flow.discard && flow.reader) {
      flow.reader->finish();
      take(flow);
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

  // What has come so far goes to whoever understands it, once that is known.
  void recognise(Flow& flow) {
    if (!is_forth(flow) || !handlers.recognise) return;
    handlers.recognise(Bytes(flow.at(flow.forwarded), flow.pending()), source.read_ended);
  }

  void parse(Flow& flow, Bytes fresh) {
    if (!flow.reader) return recognise(flow);
    flow.reader->feed(fresh);
    take(flow);
  }

  void take(Flow& flow) {
    for (const auto& hit : flow.reader->take_points()) seen_point(flow, hit);
    if (!is_forth(flow)) return;
    flips.choose(flow.reader->take_pages(), flow.forwarded, handlers.owned);
    apply_flips();
  }

  void apply_flips() {
    if (forth.discard) return;
    flips.apply(forth.received, [this](std::uint64_t offset) { return forth.at(offset); });
  }

  void seen_point(Flow& flow, const Reader::Hit& hit) {
    if (handlers.point) handlers.point(hit.phase, hit.name, hit.offset);
    if (!is_forth(flow) && hit.name == "ack") flow.pacing.acknowledgement(hit.offset);
    const bool another =
        phases.empty() ? hit.phase != Phase::prepare : phases.back().second < hit.phase;
    if (is_forth(flow) && another) phases.emplace_back(hit.offset, hit.phase);
    const bool placed = holds.see(hit.phase, hit.name, hit.offset, is_forth(flow));
    if (!placed || !flips.wants_page()) return;
    holds.pass_last();  // corrupt does not hold: it changes the next page
    flips.arm(hit.offset);
  }

  void check_hold(Flow& flow) {
    for (const auto& trigger : holds.reached(is_forth(flow), flow.forwarded))
      note("holding", fmt::format("{} at byte {}", to_string(trigger), flow.forwarded));
  }

  // --- cuts ------------------------------------------------------------------------------------

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

Lane::Lane(Loop& loop, Handlers handlers, std::optional<Phase> connected)
    : state_(std::make_shared<State>(loop, std::move(handlers), connected)) {}

Lane::~Lane() {
  state_->ended = true;
  state_->handlers = {};
  // RST instead of FIN: a socket left with unacknowledged bytes would keep its namespace alive.
  state_->reset_peer(state_->source);
  state_->reset_peer(state_->destination);
  state_->forth.timer.cancel();
  state_->back.timer.cancel();
}

void Lane::understand(std::unique_ptr<Reader> forth, std::unique_ptr<Reader> back) {
  State& s = *state_;
  s.forth.reader = std::move(forth);
  if (back) s.back.reader = std::move(back);
  for (const auto& trigger : s.holds.waiting()) s.forth.reader->want(trigger.point);
  // Nothing has been forwarded: the reader begins with the first byte of the lane.
  s.parse(s.forth, Bytes(s.forth.at(s.forth.forwarded), s.forth.pending()));
}

bool Lane::understood() const { return state_->forth.reader != nullptr; }

void Lane::switchover_allowed() {
  if (state_->forth.reader) state_->forth.reader->switchover_allowed();
}

void Lane::destination_runs() {
  for (auto* one : {&state_->forth, &state_->back})
    if (one->reader) one->reader->destination_runs();
}

void Lane::adopt(UniqueFd towards_source, UniqueFd towards_destination) {
  state_->source.stream.assign(towards_source.release());
  state_->destination.stream.assign(towards_destination.release());
  state_->start();
}

std::optional<PagesAfterSwitch> Lane::pages_after_switch() const {
  return state_->forth.reader ? state_->forth.reader->pages_after_switch() : std::nullopt;
}

void Lane::set_send_buffers(int bytes) {
  for (auto* one : {&state_->source, &state_->destination})
    if (one->stream.is_open()) set_send_buffer(one->stream.native_handle(), bytes);
}

void Lane::open(UniqueFd towards_source, UniqueFd socket, const sockaddr_in& destination) {
  state_->connect(std::move(towards_source), std::move(socket), destination);
}

void Lane::arm(const Trigger& trigger) {
  state_->holds.arm(trigger);
  if (state_->forth.reader) state_->forth.reader->want(trigger.point);
}

void Lane::release() {
  for (const auto& trigger : state_->holds.unreleased()) release(trigger);
}

void Lane::release(const Trigger& trigger) {
  if (!state_->holds.release(trigger)) return;
  state_->note("released", "");
  state_->pump(state_->forth);
  state_->pump(state_->back);
}

void Lane::seal_source() {
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

void Lane::cut(Cut how, Side towards) {
  State& s = *state_;
  if (s.cut_begun) return;
  s.cut_begun = true;
  s.holds.release_all();
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

void Lane::set_stage(Side towards, const Stage& stage) {
  State& s = *state_;
  Flow& flow = towards == Side::source ? s.back : s.forth;
  flow.timer.cancel();
  flow.pacing.set(stage, flow.forwarded, flow.received, Clock::now());
  s.pump(flow);
}

void Lane::corrupt_byte(std::uint64_t bytes_later, unsigned bit) {
  state_->flips.want_byte(state_->forth.forwarded + bytes_later, bit);
  state_->apply_flips();
}

void Lane::probe(Side peer) {
  Peer& one = peer == Side::source ? state_->source : state_->destination;
  if (!one.stream.is_open()) return;
  // Leaving repair mode sends a window probe at once (net/ipv4/tcp.c, TCP_REPAIR_OFF); tcp(7) knows
  // no other way to make an idle connection send something.
  for (const int on : {TCP_REPAIR_ON, TCP_REPAIR_OFF})
    ::setsockopt(one.stream.native_handle(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof on);
}

void Lane::corrupt_next_page(std::uint64_t which_bit) { state_->flips.want_page(which_bit); }

bool Lane::exists() const { return state_->existed; }

ChannelSight Lane::sight() const {
  const State& s = *state_;
  ChannelSight sight;
  sight.open = s.source.connected && s.destination.connected;
  sight.held = s.holds.standing();
  sight.holding = !sight.held.empty();
  sight.received = s.forth.received;
  sight.forwarded = s.forth.forwarded;
  sight.back_received = s.back.received;
  sight.back_forwarded = s.back.forwarded;
  const auto eof = s.forth.reader ? s.forth.reader->eof() : 0;
  sight.eof_forwarded = eof != 0 && s.forth.forwarded >= eof;
  sight.source_closed = s.source.read_ended;
  sight.destination_closed = s.destination.read_ended;
  for (const auto* flow : {&s.forth, &s.back})
    if (flow->reader && !flow->reader->failure().empty()) sight.failure = flow->reader->failure();
  sight.pace = s.forth.pacing.pace(Clock::now());
  sight.back_pace = s.back.pacing.pace(Clock::now());
  return sight;
}

std::vector<Trigger> Lane::waiting() const { return state_->holds.waiting(); }

std::optional<Flip> Lane::flip() const { return state_->flips.page(state_->forth.forwarded); }
std::optional<FrameFlip> Lane::frame_flip() const {
  return state_->flips.byte(state_->forth.forwarded);
}

std::uint64_t Lane::unacknowledged_bytes(Side host) const {
  const Peer& peer = host == Side::source ? state_->source : state_->destination;
  int bytes = 0;
  if (peer.stream.is_open())
    ::ioctl(const_cast<Peer&>(peer).stream.native_handle(), SIOCOUTQ, &bytes);
  return static_cast<std::uint64_t>(bytes);
}

std::uint16_t Lane::local_port(Side host) const {
  return host == Side::source ? state_->source.local_port : state_->destination.local_port;
}

std::uint16_t Lane::peer_port(Side host) const {
  return host == Side::source ? state_->source.peer_port : state_->destination.peer_port;
}

Clock::time_point Lane::last_byte() const { return state_->last_byte; }

}  // namespace migfuzz::io
