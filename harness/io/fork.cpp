#include "harness/io/fork.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "harness/io/fd.h"

namespace migfuzz::io {

pid_t run_apart(const std::function<void()>& body) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) fail("starting a process");
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  int status = 1;
  try {
    body();
    status = 0;
  } catch (...) {  // whoever waits finds nothing said
  }
  ::_exit(status);  // no destructor of the parent's, and no buffer twice
}

bool wait_for_end(pid_t pid, Clock::time_point deadline) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) fail("pidfd_open");
  pollfd ends{process.get(), POLLIN, 0};
  for (;;) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now());
    const auto ms = static_cast<int>(std::max<Milliseconds::rep>(left.count(), 0));
    const int ready = ::poll(&ends, 1, ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) fail("poll");
    if (ready == 0) ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return ready > 0;
  }
}

SharedMemory::SharedMemory(std::size_t bytes)
    : address_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
      bytes_(bytes) {
  if (address_ == MAP_FAILED) fail("shared memory");
}

SharedMemory::~SharedMemory() { ::munmap(address_, bytes_); }

}  // namespace migfuzz::io
