// The storage path of one host: a real qemu-storage-daemon that exports the shared disk over NBD.
//
// Each host has a daemon of its own, as a cluster has a gateway on every node, so that the storage
// of one host or of both can fail. Both daemons write the same memory file; an NBD export lets
// everybody write (it shares all permissions), so no lock stands between two clients.
// The listening socket belongs to this process and outlives the daemon: a client that reconnects
// while nobody serves waits in the backlog and is served by the next daemon.
// heal() starts a new daemon where the old one is dead or answers errors: `blockdev-reopen` cannot
// take the failing node away again, because it flushes through it first.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "harness/core/failures.h"
#include "harness/core/types.h"
#include "harness/io/loop.h"

namespace migfuzz {

class StorageServer {
 public:
  /// Starts the daemon in the network namespace; clients of that namespace alone can connect.
  /// `image_fd` and the namespace must outlive it.
  StorageServer(io::Loop& loop, int image_fd, int network_namespace_fd, std::string listener_name,
                int listener_fd);
  ~StorageServer();
  StorageServer(const StorageServer&) = delete;
  StorageServer& operator=(const StorageServer&) = delete;

  /// Waits for its monitor; throws InfraError with what the daemon printed.
  void connect(Clock::time_point deadline);
  void fail(StorageFailure how);
  void heal();
  /// guest_errors and locked are not its to say.
  StorageSight sight() const;
  /// QEMU's block options for a client, without node-name.
  std::string client_options() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace migfuzz
