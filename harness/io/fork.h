// A part of this program as a process of its own, and memory that both see.
//
// For work that has an event loop and a wait of its own beside another's. What runs there shares
// the worker's namespaces and ends with it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>

#include "harness/core/types.h"

namespace migfuzz::io {

/// Runs `body` in a process of its own, which ends when it returns or throws; returns its pid.
/// Throws InfraError when the kernel gives none.
pid_t run_apart(const std::function<void()>& body);
/// Waits for its end, and ends it when the deadline passes: then false.
bool wait_for_end(pid_t pid, Clock::time_point deadline);

/// Zeroed memory that processes made later share.
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t bytes);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  void* address() const { return address_; }

 private:
  void* address_;
  std::size_t bytes_;
};

}  // namespace migfuzz::io
