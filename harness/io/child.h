// A child process: started by Boost.Process v2, watched by its pidfd, never outliving its owner.
//
// Boost's own async_wait ends in a blocking waitpid and reports SIGKILL as exit status 9; so the
// launch is Boost's and the end is ours: pidfd_open(2), waitid(P_PIDFD). PR_SET_PDEATHSIG covers
// the case that this process is killed; the destructor covers every other.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/world.h"
#include "harness/io/fd.h"
#include "harness/io/loop.h"

namespace migfuzz::io {

struct Launch {
  std::string binary;  // looked up on PATH unless it has a slash
  std::vector<std::string> arguments;
  std::vector<int> inherit;       // fds that stay open in the child, same numbers
  int network_namespace_fd = -1;  // entered before exec when >= 0
  int output_fd = -1;             // stdout and stderr; stdin is /dev/null
};

class Child {
 public:
  /// Throws InfraError when the binary cannot be started.
  Child(Loop& loop, const Launch& launch, std::function<void(const Ending&)> on_end);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int pid() const;
  bool alive() const;
  std::optional<Ending> ending() const;
  /// Sends a signal through the pidfd: never to another process that took the number.
  void signal(int number);
  /// Every thread is stopped, read from /proc/PID/task/*/stat.
  bool all_threads_stopped() const;
  /// CPU time of all threads so far, clock ticks.
  std::uint64_t cpu_ticks() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// For how long in all that process's main thread was ready to run and had no processor
/// (/proc/PID/schedstat, Documentation/scheduler/sched-stats.rst); zero where the kernel does not
/// count it, or the process is gone.
Clock::duration waited_for_processor(int pid);

/// A second descriptor of the socket `inode` that this process holds, for as long as the caller
/// keeps it; none where the kernel does not let us have it (pidfd_getfd(2)) or it has no such one.
UniqueFd borrow_socket(int pid, std::uint64_t inode);

/// The full path of `binary`, or nothing when it is not an executable file.
std::optional<std::string> find_executable(const std::string& binary);

}  // namespace migfuzz::io
