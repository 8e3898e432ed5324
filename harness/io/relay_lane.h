// One connection of the migration through the relay: two directions, each with its own pacing,
// holds and end.
//
// Contract: bytes are forwarded in order, unchanged, each exactly once, unless a fault was told to
// drop or change some; nothing past a hold is forwarded before it is released. A held point stands
// with exactly its offset's bytes written. Reading stops soon after a hold, so a source on tight
// buffers stands within its own buffer of the point. What happens to one lane happens to no other.
#pragma once

#include <netinet/in.h>

#include <functional>
#include <memory>
#include <string>

#include "harness/core/failures.h"
#include "harness/core/sight.h"
#include "harness/io/fd.h"
#include "harness/io/loop.h"
#include "harness/io/relay_reader.h"

namespace migfuzz::io {

class Lane {
 public:
  struct Handlers {
    std::function<void(Phase, const std::string& name, std::uint64_t offset)> point;
    std::function<void(Phase)> entered;
    std::function<void(const std::string& name, const std::string& what)> note;
    std::function<bool(const std::string& block, std::uint64_t address)> owned;
    /// The connection onward stands, or has failed.
    std::function<void()> opened;
    /// While nothing understands the lane's bytes: these are the first of them, and whether the
    /// source has ended. It may call understand(); until then none of them passes.
    std::function<void(Bytes first, bool ended)> recognise;
  };
  /// `connected`: the phase of its point `connected`, of a lane that has one.
  Lane(Loop& loop, Handlers handlers, std::optional<Phase> connected);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// What understands the bytes towards the destination, from the first one on; and the others.
  void understand(std::unique_ptr<Reader> forth, std::unique_ptr<Reader> back);
  bool understood() const;
  /// The switch-over was allowed: side channels count anew.
  void switchover_allowed();
  void destination_runs();
  /// Two connected sockets.
  void adopt(UniqueFd towards_source, UniqueFd towards_destination);
  std::optional<PagesAfterSwitch> pages_after_switch() const;
  /// Of its own ends; see set_send_buffer() in io/fd.h.
  void set_send_buffers(int bytes);
  /// The source's connection, and a socket to be connected there.
  void open(UniqueFd towards_source, UniqueFd socket, const sockaddr_in& destination);

  void arm(const Trigger& trigger);
  void release(const Trigger& trigger);
  void release();
  void seal_source();
  void cut(Cut how, Side towards);
  void set_stage(Side towards, const Stage& stage);
  void corrupt_next_page(std::uint64_t which_bit);
  void corrupt_byte(std::uint64_t bytes_later, unsigned bit);
  void probe(Side peer);

  bool exists() const;  // the source has connected
  ChannelSight sight() const;
  std::vector<Trigger> waiting() const;
  std::optional<Flip> flip() const;
  std::optional<FrameFlip> frame_flip() const;
  std::uint64_t unacknowledged_bytes(Side host) const;
  /// Of the connection to that host: the relay's port and the host's own. 0: not TCP.
  std::uint16_t local_port(Side host) const;
  std::uint16_t peer_port(Side host) const;
  Clock::time_point last_byte() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace migfuzz::io
