// A relay between two socket pairs whose outer ends the test holds: what goes in, what comes out.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <vector>

#include "harness/io/relay.h"
#include "tests/fakes/stream_builder.h"

namespace migfuzz::fakes {

/// A stream with everything that has a point: two passes, devices, VMDESC.
inline StreamShape full_shape(bool qemu_10 = true) {
  using Record = StreamShape::Record;
  StreamShape shape;
  shape.qemu_10 = qemu_10;
  shape.parts = {{{0, 1, Record::Kind::content, 7},
                  {0, 2, Record::Kind::zero, 0},
                  {0, 9, Record::Kind::content, 8}},
                 {{0, 1, Record::Kind::content, 9}, {0, 3, Record::Kind::xbzrle, 20}}};
  shape.last = {{0, 4, Record::Kind::content, 3}, {0, 5, Record::Kind::content, 4}};
  for (const auto* name : {"timer", "cpu", "0000:00:02.0/virtio-blk", "0000:00:03.0/virtio-net"})
    shape.devices.push_back({name, ByteVector(300, std::byte{0x21}), 0});
  return shape;
}

/// PONG 1 and SHUT 0, as a good destination sends them.
inline ByteVector good_return_path() {
  return StreamBuilder().be(2, 2).be(4, 2).be(1, 4).be(1, 2).be(4, 2).be(0, 4).take();
}

struct Channel {
  explicit Channel(bool tight = false) : relay(loop, handlers()) {
    auto [source_outer, towards_source] = io::socket_pair();
    auto [destination_outer, towards_destination] = io::socket_pair();
    if (tight)
      for (const int fd : {source_outer.get(), towards_source.get(), destination_outer.get(),
                           towards_destination.get()})
        io::make_tight(fd);
    source = std::move(source_outer);
    destination = std::move(destination_outer);
    relay.adopt(std::move(towards_source), std::move(towards_destination));
  }

  /// Writes what fits; true while the peer is there.
  static bool write(const io::UniqueFd& end, const ByteVector& bytes, std::size_t& done,
                    std::size_t most = SIZE_MAX) {
    if (done == bytes.size()) return true;
    const auto n = ::send(end.get(), bytes.data() + done, std::min(most, bytes.size() - done),
                          MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN;
    done += static_cast<std::size_t>(n);
    return true;
  }

  enum class End { none, closed, reset };
  /// Reads what is there, at most `most` bytes.
  static End read(const io::UniqueFd& end, ByteVector& into, std::size_t most = SIZE_MAX) {
    while (most > 0) {
      std::byte chunk[65536];
      const auto n = ::recv(end.get(), chunk, std::min(most, sizeof chunk), MSG_DONTWAIT);
      if (n == 0) return End::closed;
      if (n < 0) return errno == EAGAIN ? End::none : End::reset;
      into.insert(into.end(), chunk, chunk + n);
      most -= static_cast<std::size_t>(n);
    }
    return End::none;
  }

  /// Sends `forth` and `backwards` and moves everything until nothing moves any more.
  void run(const ByteVector& forth, const ByteVector& backwards = {}) {
    std::size_t forth_done = 0, back_done = 0;
    for (int idle = 0; idle < 3;) {
      const auto before = forth_done + back_done + arrived.size() + back_arrived.size();
      source_writes = write(source, forth, forth_done) && source_writes;
      destination_writes = write(destination, backwards, back_done) && destination_writes;
      settle();
      idle = forth_done + back_done + arrived.size() + back_arrived.size() == before ? idle + 1 : 0;
    }
    sent = forth_done;
  }
  void settle() {
    for (int i = 0; i < 4; ++i) loop.poll();
    if (destination && destination_end == End::none) destination_end = read(destination, arrived);
    if (source && source_end == End::none) source_end = read(source, back_arrived);
    for (int i = 0; i < 4; ++i) loop.poll();
  }

  io::Relay::Handlers handlers() {
    io::Relay::Handlers h;
    h.point = [this](const std::string&, Phase phase, const std::string& name, std::uint64_t) {
      points.push_back(std::string(to_string(phase)) + "/" + name);
    };
    h.entered = [this](Phase phase) { entered.push_back(phase); };
    h.back = [this](const stream::ReturnMessage& message) { back.push_back(message.name); };
    h.note = [this](const std::string&, const std::string& name, const std::string&) {
      notes.push_back(name);
    };
    h.owned = [this](const std::string& block, std::uint64_t address) {
      return owned ? owned(block, address) : true;
    };
    return h;
  }

  io::Loop loop;
  std::vector<std::string> points, back, notes;
  std::vector<Phase> entered;
  std::function<bool(const std::string&, std::uint64_t)> owned;
  io::Relay relay;
  io::UniqueFd source, destination;
  ByteVector arrived, back_arrived;  // at the destination, at the source
  End source_end = End::none, destination_end = End::none;
  bool source_writes = true, destination_writes = true;
  std::size_t sent = 0;
};

}  // namespace migfuzz::fakes
