// The mirror of a disk between two hosts that share no storage, as libvirt makes it: NBD and
// blockdev-mirror (docs/interop/live-block-operations.rst, libvirt's qemu_migration.c).
//
//   destination  nbd-server-start, block-export-add (writable) of its own empty disk
//   source       blockdev-add nbd, blockdev-mirror sync=full (background: writes follow later)
//   source       READY; memory migrates up to `pre-switchover`, where the guest stands still
//   source       block-job-cancel force=false: copies what is left, flushes, ends
//   destination  block-export-del, nbd-server-stop, cont
//
// What the job is now is always asked (query-jobs, auto-dismiss=false): an event only says when to
// ask, so that one that was not heard is not missed. Limits: one disk; no reconnecting
// (reconnect-delay=0, as libvirt leaves it): a connection that ends fails the mirror.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "harness/core/history.h"
#include "harness/core/failures.h"
#include "harness/hypervisors/qemu_host.h"
#include "harness/io/network.h"

namespace migfuzz {

class Mirror {
 public:
  /// One attempt; `attempt` makes its names unlike an earlier one's. Everything named outlives it.
  Mirror(io::Loop& loop, const io::Network& network, History& history, int attempt,
         std::function<void()> changed);
  ~Mirror();
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  /// The destination serves its disk, the way to it is open. Throws InfraError.
  void prepare(QemuHost& source, QemuHost& destination, Clock::time_point deadline);
  void start();
  void hurry();
  void end();
  /// Out of band as well: a source that drains into a silent connection has no other ear.
  void abandon();
  /// Closes the connection to the destination's disk out of band.
  void yank();
  void end_export();
  /// Somebody else's nbd-server-stop.
  void stop_server();
  /// To be told of every event of the source.
  void heard(const std::string& event, const nlohmann::json& data);
  /// Asks for the job.
  void look();

  void cut();
  void stall(bool stalled);
  MirrorSight sight() const;
  MirrorPathSight path() const;
  Clock::time_point last_byte() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace migfuzz
