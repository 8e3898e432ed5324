// Convoy: what a VM shares with others that leave the same host at the same time.
//
// The director of each VM asks it; who answers is shared by all of them (campaign/evacuation.h).
#pragma once

namespace migfuzz {

class Convoy {
 public:
  virtual ~Convoy() = default;
  /// This VM is the one at whose point the plan's faults strike; the others are met as they are.
  virtual bool leads() const = 0;
  /// Takes a place among the migrations under way; false: there is none now. A VM that has settled
  /// and is migrated once more takes one again.
  virtual bool begin() = 0;
  /// This VM has settled: its place is free.
  virtual void settled() = 0;
  virtual bool all_settled() const = 0;
  /// A fault of the leader has hit a whole host, with every VM on it.
  virtual void lose_host() = 0;
  virtual bool host_lost() const = 0;
};

}  // namespace migfuzz
