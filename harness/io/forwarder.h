// A second connection through the switch: forwards every byte both ways, and can be stalled or cut.
//
// What the mirror of a disk writes passes here, as the migration passes the relay: from host to
// host over both cables, so that a failure of the network hits both connections, and one of this
// connection alone can be made here. It knows nothing of what it carries and has no points.
// One connection in its life: a client that comes again after it has ended is reset.
// Alone: io_tests "[forwarder]".
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "harness/core/failures.h"
#include "harness/io/fd.h"
#include "harness/io/loop.h"

namespace migfuzz::io {

class Forwarder {
 public:
  /// `note`: connections and their ends, one line for the history.
  Forwarder(Loop& loop, std::function<void(const std::string&)> note);
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  /// Listens in the calling thread's network namespace; returns the port.
  std::uint16_t listen(const std::string& address);
  /// Where to connect when a client comes, with a socket that `make_socket` makes.
  void forward_to(const std::string& address, std::uint16_t port,
                  std::function<UniqueFd()> make_socket);
  /// RST to both; whoever comes later is reset, too.
  void cut();
  /// Nothing is read or written while it stands; both ends stay open.
  void stall(bool stalled);

  /// `cut_seen` is not its to say. `waiting`: bytes that it has read and not written, and those
  /// that its kernel holds for it to read.
  MirrorPathSight sight() const;
  std::uint16_t port() const;        // that of listen()
  std::uint16_t local_port() const;  // towards the server; 0: not connected yet
  Clock::time_point last_byte() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace migfuzz::io
