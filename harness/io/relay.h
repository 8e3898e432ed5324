// The relay stands in the migration channel: it forwards every byte, finds the points on the fly,
// holds the channel at one of them, and does to the channel what a fault asks for.
//
// It is a set of lanes (relay_lane.h), one for each connection of the source. The first connection
// is the main channel, lane "". The others are the side channels that were announced: "multifd:0",
// "multifd:1", "preempt". Anybody else is a stranger: one too many, or from another address than
// the main channel; he is refused. QEMU 7.2 tells its channels apart by the order in which they
// arrive, so the relay connects onward in the order in which it accepted, and begins no connection
// before the one before it stands.
//
// A multifd channel tells its id in its hello (64 bytes, migration/multifd.c), and no byte of it
// passes before they are read. Until then it bears the first name that is free; so does each
// channel of an encrypted migration for good. A lane that ends, or is cut, leaves the others alone.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/core/failures.h"
#include "harness/core/point.h"
#include "harness/core/sight.h"
#include "harness/io/fd.h"
#include "harness/io/loop.h"
#include "harness/stream/parser.h"
#include "harness/stream/return_path.h"

namespace migfuzz::io {

class Relay {
 public:
  struct Handlers {
    std::function<void(const stream::Item&)> item;
    /// Every point of that lane as its bytes become known (before they are forwarded).
    std::function<void(const std::string& lane, Phase, const std::string& name,
                       std::uint64_t offset)>
        point;
    std::function<void(const stream::ReturnMessage&)> back;
    /// The first point of another phase has been forwarded: the main channel is in it now.
    std::function<void(Phase)> entered;
    /// holding, released, peers closing, cuts: one line for the history.
    std::function<void(const std::string& lane, const std::string& name, const std::string& what)>
        note;
    /// Whether the page at this guest-physical address is owned by the guest (for corrupt).
    std::function<bool(const std::string& block, std::uint64_t address)> owned;
  };

  /// `continued`: the relay of the channel that broke, where this one is its post-copy recovery.
  Relay(Loop& loop, Handlers handlers, const Relay* continued = nullptr);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Mode::side_channels(), before anybody connects.
  void expect_side_channels(std::vector<std::string> names);
  /// TLS: only records can be told apart, towards the destination; before anybody connects.
  void set_encrypted();
  /// TCP: listens in the calling thread's network namespace and returns the port. Connections to
  /// the destination are opened by sockets that `socket_in_switch` makes.
  std::uint16_t listen_tcp(const std::string& address);
  void forward_to_tcp(const std::string& address, std::uint16_t port,
                      std::function<UniqueFd()> socket_in_switch);
  /// AF_UNIX: the relay's ends of two socket pairs. QEMU cannot open side channels over them
  /// (`fd:` names one connection): such a mode needs TCP.
  void adopt(UniqueFd towards_source, UniqueFd towards_destination);
  std::optional<PagesAfterSwitch> pages_after_switch() const;  // of the main channel
  /// Of its own ends of the main channel; see set_send_buffer() in io/fd.h.
  void set_send_buffers(int bytes);

  // What names a lane that has not connected, or not told its name, happens as soon as it has.
  /// A place at which to stand, besides those armed before: a side channel's point on that lane.
  void arm(const Trigger& trigger, const std::string& lane = "");
  /// Flows on past that place; past all of them.
  void release(const Trigger& trigger, const std::string& lane = "");
  void release();
  /// Points of side channels belong to `stopcopy` from now on.
  void switchover_allowed();
  /// Pages and requests of post-copy are counted from now on: the destination was told to run.
  void destination_runs();
  /// Of every lane; nobody is accepted any more.
  void seal_source();
  void cut(Cut how, Side towards, const std::string& lane = "");
  /// What happens from now on to the bytes that go towards that peer; no byte is lost by it.
  void set_stage(Side towards, const Stage& stage, const std::string& lane = "");
  void corrupt_next_page(std::uint64_t which_bit);
  /// Flips a bit of the byte that would be forwarded next.
  void corrupt_next_byte(unsigned bit, const std::string& lane = "");
  /// The same of a byte that comes so many later.
  void corrupt_later_byte(std::uint64_t bytes_later, unsigned bit, const std::string& lane = "");
  /// TCP: its kernel sends a window probe to that peer on every lane, whose kernel answers. No
  /// byte of the stream.
  void probe(Side peer);

  ChannelSight sight(const std::string& lane = "") const;
  /// The main channel, and the side channels that have connected.
  std::vector<std::string> lanes() const;
  /// What was armed, is still wanted, and whose point has not come.
  std::vector<std::pair<Trigger, std::string>> waiting() const;
  std::optional<Flip> flip() const;
  std::optional<FrameFlip> frame_flip() const;
  /// Bytes written towards that host which its kernel has not taken (SIOCOUTQ); of all lanes.
  std::uint64_t unacknowledged_bytes(Side host) const;
  /// The relay's port towards that host (TCP), and the host's own: together they find the socket.
  std::uint16_t local_port(Side host, const std::string& lane = "") const;
  std::uint16_t peer_port(Side host, const std::string& lane = "") const;
  Clock::time_point last_byte() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace migfuzz::io
