#include "harness/io/relay.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "harness/core/error.h"
#include "harness/io/relay_lane.h"

namespace migfuzz::io {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

// MultiFDInit_t of QEMU's migration/multifd.c: be32 magic, be32 version, uuid, u8 id, unused.
constexpr std::size_t kHelloBytes = 64, kHelloIdAt = 24;
constexpr std::array<std::byte, 4> kHelloMagic{std::byte{0x11}, std::byte{0x22}, std::byte{0x33},
                                               std::byte{0x44}};

sockaddr_in address_of(const std::string& address, std::uint16_t port) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1)
    throw InfraError("relay: bad address " + address);
  return where;
}

bool may_be_hello(Bytes first) {
  const auto count = std::min(first.size(), kHelloMagic.size());
  return std::equal(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(count),
                    kHelloMagic.begin());
}

bool is_multifd(const std::string& lane) { return lane.starts_with("multifd:"); }

struct Entry {
  std::string name;
  bool certain = false;  // the name is its own, not only the first that was free
  bool opened = false;   // the connection onward was made, or refused
  std::unique_ptr<Lane> lane;
};

}  // namespace

struct Relay::State : std::enable_shared_from_this<Relay::State> {
  // A recovered channel has no header: its parser knows what the broken one's knew.
  State(Loop& l, Handlers h, const State* broken)
      : loop(l),
        handlers(std::move(h)),
        listener(loop.context()),
        parser(broken ? broken->parser->next_channel() : std::make_unique<stream::Parser>()),
        back_parser(std::make_shared<stream::ReturnPathParser>(
            broken ? broken->back_parser->requests() : 0)) {
    runs = broken != nullptr && broken->runs;
    auto& entry = add("", broken ? Phase::recover : Phase::prepare);
    entry.certain = true;
  }

  Loop& loop;
  Handlers handlers;
  Descriptor listener;
  const std::shared_ptr<stream::Parser> parser;
  const std::shared_ptr<stream::ReturnPathParser> back_parser;
  std::vector<std::unique_ptr<Entry>> entries;  // the main channel first
  std::vector<std::string> side;                // the names of side channels that may come
  std::vector<std::pair<Trigger, std::string>> armed;  // on lanes that are not certain yet
  std::vector<std::pair<std::string, std::function<void(Lane&)>>> later;  // likewise
  bool ended = false, sealed = false, encrypted = false, allowed = false;
  bool runs = false;  // the destination of a post-copy
  std::uint32_t main_address = 0;
  sockaddr_in destination{};
  std::function<UniqueFd()> socket_in_switch;

  Lane& main() { return *entries.front()->lane; }
  const Lane& main() const { return *entries.front()->lane; }

  Entry* find(const std::string& name) {
    for (auto& entry : entries)
      if (entry->name == name) return entry.get();
    return nullptr;
  }
  const Lane* lane(const std::string& name) const {
    for (const auto& entry : entries)
      if (entry->name == name) return entry->lane.get();
    return nullptr;
  }

  // Now, or once a lane is connected that is certain to bear that name.
  void act(const std::string& name, std::function<void(Lane&)> what) {
    later.emplace_back(name, std::move(what));
    if (auto* entry = find(name)) act_now(*entry);
  }

  void act_now(Entry& entry) {
    const bool is_main = entry.name.empty();
    if (!is_main && !(entry.certain && entry.opened)) return;
    std::vector<std::function<void(Lane&)>> due;
    for (auto& [name, what] : later)
      if (name == entry.name) due.push_back(std::move(what));
    std::erase_if(later, [&](const auto& one) { return one.first == entry.name; });
    for (const auto& what : due) what(*entry.lane);
  }

  Entry& add(const std::string& name, std::optional<Phase> connected) {
    auto& entry = *entries.emplace_back(std::make_unique<Entry>());
    entry.name = name;
    Lane::Handlers h;
    h.point = [this, &entry](Phase phase, const std::string& point, std::uint64_t offset) {
      if (handlers.point) handlers.point(entry.name, phase, point, offset);
    };
    h.note = [this, &entry](const std::string& what, const std::string& words) {
      note(entry.name, what, words);
    };
    h.opened = [this, &entry] {
      entry.opened = true;
      act_now(entry);
      accept_on();
    };
    if (connected) {
      h.entered = handlers.entered;
      h.owned = handlers.owned;
    } else {
      h.recognise = [this, &entry](Bytes first, bool over) { recognise(entry, first, over); };
    }
    entry.lane = std::make_unique<Lane>(loop, std::move(h), connected);
    return entry;
  }

  void note(const std::string& name, const std::string& what, const std::string& words) {
    if (handlers.note) handlers.note(name, what, words);
  }

  void understand_main() {
    if (main().understood()) return;
    if (encrypted) return main().understand(records_reader(), opaque_reader());
    const auto said = [this](const stream::ReturnMessage& message) {
      if (message.number != 0) parser->expect_page(message.block, message.start, message.number);
      if (handlers.back) handlers.back(message);
    };
    main().understand(main_reader(parser, handlers.item, runs),
                      return_reader(back_parser, said, runs));
  }

  // --- who connects ----------------------------------------------------------------------------

  void accept_on() {
    if (ended || !listener.is_open()) return;
    listener.async_wait(Descriptor::wait_read,
                        [self = shared_from_this()](const boost::system::error_code& error) {
                          if (!error && !self->ended) self->accept_now();
                        });
  }

  void accept_now() {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    UniqueFd fd(::accept4(listener.native_handle(), reinterpret_cast<sockaddr*>(&from), &size,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return accept_on();
    Entry* entry = nullptr;
    if (!main().exists()) {
      main_address = from.sin_addr.s_addr;
      understand_main();
      entry = entries.front().get();
    } else if (const auto why = stranger(from); !why.empty()) {
      note("", "refused", why);
      return accept_on();
    } else {
      entry = &add_side();
    }
    entry->lane->open(std::move(fd), socket_in_switch(), destination);
  }

  std::optional<std::string> free_name() const {
    for (const auto& name : side)
      if (lane(name) == nullptr) return name;
    return std::nullopt;
  }

  // Why that connection is none of the migration's; empty: it is one.
  std::string stranger(const sockaddr_in& from) const {
    if (from.sin_addr.s_addr != main_address) return "a connection from another address";
    if (!free_name()) return "a connection too many";
    return sealed ? "a connection of a source that is gone" : "";
  }

  Entry& add_side() {
    auto& entry = add(*free_name(), std::nullopt);
    if (encrypted || !is_multifd(entry.name)) make_certain(entry);
    return entry;
  }

  // --- whose name it is ------------------------------------------------------------------------

  void recognise(Entry& entry, Bytes first, bool over) {
    const bool hello = may_be_hello(first);
    if (hello && first.size() < kHelloBytes && !over) return;
    if (hello && first.size() >= kHelloBytes)
      rename(entry, fmt::format("multifd:{}", std::to_integer<unsigned>(first[kHelloIdAt])));
    else if (!hello)
      rename(entry, "preempt");
    make_certain(entry);
  }

  // A name that was not announced, or is another's for certain, is not taken.
  void rename(Entry& entry, const std::string& name) {
    if (name == entry.name || std::find(side.begin(), side.end(), name) == side.end()) return;
    auto* other = find(name);
    if (other != nullptr && other->certain) return;
    if (other != nullptr) other->name = entry.name;
    entry.name = name;
    note(name, "recognised", "by its first bytes");
  }

  void make_certain(Entry& entry) {
    entry.certain = true;
    for (const auto& [trigger, name] : armed)
      if (name == entry.name) entry.lane->arm(trigger);
    std::erase_if(armed, [&](const auto& one) { return one.second == entry.name; });
    auto reader = encrypted ? records_reader() : side_reader(entry.name);
    if (allowed) reader->switchover_allowed();
    if (runs) reader->destination_runs();
    entry.lane->understand(std::move(reader), opaque_reader());
    act_now(entry);
  }
};

Relay::Relay(Loop& loop, Handlers handlers, const Relay* continued)
    : state_(std::make_shared<State>(loop, std::move(handlers),
                                     continued ? continued->state_.get() : nullptr)) {}

Relay::~Relay() {
  state_->ended = true;
  state_->handlers = {};
  state_->entries.clear();
  boost::system::error_code ignored;
  state_->listener.close(ignored);
}

void Relay::expect_side_channels(std::vector<std::string> names) {
  state_->side = std::move(names);
}

void Relay::set_encrypted() { state_->encrypted = true; }

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
  state_->destination = address_of(address, port);
  state_->socket_in_switch = std::move(socket_in_switch);
}

void Relay::adopt(UniqueFd towards_source, UniqueFd towards_destination) {
  if (!state_->side.empty())
    throw InfraError("relay: a mode with side channels needs the transport tcp");
  state_->understand_main();
  state_->main().adopt(std::move(towards_source), std::move(towards_destination));
}

std::optional<PagesAfterSwitch> Relay::pages_after_switch() const {
  return state_->main().pages_after_switch();
}

void Relay::set_send_buffers(int bytes) { state_->main().set_send_buffers(bytes); }

void Relay::arm(const Trigger& trigger, const std::string& lane) {
  auto* entry = state_->find(lane);
  if (entry != nullptr && entry->certain) return entry->lane->arm(trigger);
  const std::pair one{trigger, lane};
  auto& armed = state_->armed;
  if (std::find(armed.begin(), armed.end(), one) == armed.end()) armed.push_back(one);
}

void Relay::release() {
  state_->armed.clear();
  for (const auto& entry : state_->entries) entry->lane->release();
}

void Relay::release(const Trigger& trigger, const std::string& lane) {
  std::erase(state_->armed, std::pair{trigger, lane});
  auto* entry = state_->find(lane);
  if (entry != nullptr) entry->lane->release(trigger);
}

void Relay::switchover_allowed() {
  if (std::exchange(state_->allowed, true)) return;
  for (const auto& entry : state_->entries) entry->lane->switchover_allowed();
}

void Relay::destination_runs() {
  if (std::exchange(state_->runs, true)) return;
  for (const auto& entry : state_->entries) entry->lane->destination_runs();
}

void Relay::seal_source() {
  state_->sealed = true;
  for (const auto& entry : state_->entries) entry->lane->seal_source();
}

void Relay::cut(Cut how, Side towards, const std::string& lane) {
  state_->act(lane, [=](Lane& one) { one.cut(how, towards); });
}

void Relay::set_stage(Side towards, const Stage& stage, const std::string& lane) {
  state_->act(lane, [=](Lane& one) { one.set_stage(towards, stage); });
}

void Relay::corrupt_next_page(std::uint64_t which_bit) {
  state_->main().corrupt_next_page(which_bit);
}

void Relay::corrupt_next_byte(unsigned bit, const std::string& lane) {
  corrupt_later_byte(0, bit, lane);
}

void Relay::corrupt_later_byte(std::uint64_t bytes_later, unsigned bit, const std::string& lane) {
  state_->act(lane, [=](Lane& one) { one.corrupt_byte(bytes_later, bit); });
}

void Relay::probe(Side peer) {
  for (const auto& entry : state_->entries) entry->lane->probe(peer);
}

ChannelSight Relay::sight(const std::string& lane) const {
  const auto* one = state_->lane(lane);
  return one == nullptr ? ChannelSight() : one->sight();
}

std::vector<std::string> Relay::lanes() const {
  std::vector<std::string> names;
  for (const auto& entry : state_->entries) names.push_back(entry->name);
  return names;
}

std::vector<std::pair<Trigger, std::string>> Relay::waiting() const {
  auto all = state_->armed;
  for (const auto& entry : state_->entries)
    for (const auto& trigger : entry->lane->waiting()) all.emplace_back(trigger, entry->name);
  return all;
}

std::optional<Flip> Relay::flip() const { return state_->main().flip(); }

std::optional<FrameFlip> Relay::frame_flip() const {
  for (const auto& entry : state_->entries)
    if (const auto flip = entry->lane->frame_flip()) return flip;
  return std::nullopt;
}

std::uint64_t Relay::unacknowledged_bytes(Side host) const {
  std::uint64_t sum = 0;
  for (const auto& entry : state_->entries) sum += entry->lane->unacknowledged_bytes(host);
  return sum;
}

std::uint16_t Relay::local_port(Side host, const std::string& lane) const {
  const auto* one = state_->lane(lane);
  return one == nullptr ? std::uint16_t{0} : one->local_port(host);
}

std::uint16_t Relay::peer_port(Side host, const std::string& lane) const {
  const auto* one = state_->lane(lane);
  return one == nullptr ? std::uint16_t{0} : one->peer_port(host);
}

Clock::time_point Relay::last_byte() const {
  Clock::time_point latest{};
  for (const auto& entry : state_->entries)
    latest = std::max(latest, entry->lane->last_byte());
  return latest;
}

}  // namespace migfuzz::io
