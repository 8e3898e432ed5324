// The relay stands in the migration channel: it forwards every byte, finds the points on the fly,
// holds the channel at one of them, and does to the channel what a fault asks for.
//
// Contract: bytes are forwarded in order, unchanged, each exactly once, unless a fault was told to
// drop or change some; nothing past a hold is forwarded before release(). A held point stands with
// exactly its offset's bytes written towards the destination. Reading stops soon after a hold, so a
// source on tight buffers stands within its own buffer of the point.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "harness/core/point.h"
#include "harness/core/world.h"
#include "harness/io/fd.h"
#include "harness/io/loop.h"
#include "harness/stream/parser.h"
#include "harness/stream/return_path.h"

namespace migfuzz::io {

class Relay {
 public:
  struct Handlers {
    std::function<void(const stream::Item&)> item;
    /// Every point as its bytes become known (before they are forwarded).
    std::function<void(Phase, const std::string& name, std::uint64_t offset)> point;
    std::function<void(const stream::ReturnMessage&)> back;
    /// The first point of another phase has been forwarded: the channel is in that phase now.
    std::function<void(Phase)> entered;
    /// holding, released, peers closing, cuts: one line for the history.
    std::function<void(const std::string& name, const std::string& what)> note;
    /// Whether the page at this guest-physical address is owned by the guest (for corrupt).
    std::function<bool(const std::string& block, std::uint64_t address)> owned;
  };

  Relay(Loop& loop, Handlers handlers);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// TCP: listens in the calling thread's network namespace and returns the port. The connection to
  /// the destination is opened in the same namespace when the source connects.
  std::uint16_t listen_tcp(const std::string& address);
  void forward_to_tcp(const std::string& address, std::uint16_t port,
                      std::function<UniqueFd()> socket_in_switch);
  /// AF_UNIX: the relay's ends of two socket pairs.
  void adopt(UniqueFd towards_source, UniqueFd towards_destination);

  /// A place at which to stand, besides those armed before.
  void arm(const Trigger& trigger);
  /// Flows on past that place; past all of them.
  void release(const Trigger& trigger);
  void release();
  void seal_source();
  void cut(Cut how, Side towards);
  /// What happens from now on to the bytes that go towards that peer; no byte is lost by it.
  void set_stage(Side towards, const Stage& stage);
  void corrupt_next_page(std::uint64_t which_bit);
  /// Flips a bit of the byte that would be forwarded next.
  void corrupt_next_byte(unsigned bit);
  void corrupt_later_byte(std::uint64_t bytes_later, unsigned bit);
  /// TCP: its kernel sends a window probe to that peer, whose kernel answers. No byte of the
  /// stream.
  void probe(Side peer);

  ChannelSight sight() const;
  std::optional<Flip> flip() const;
  std::optional<FrameFlip> frame_flip() const;
  /// Bytes written towards that host which its kernel has not taken (SIOCOUTQ).
  std::uint64_t unacknowledged_bytes(Side host) const;
  /// The relay's port towards that host (TCP), for finding the peer's socket.
  std::uint16_t local_port(Side host) const;
  Clock::time_point last_byte() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace migfuzz::io
