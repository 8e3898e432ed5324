// Where the threads of a process stand, of real processes. Run alone: io_tests "[stacks]".
#include "harness/io/stacks.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "harness/io/child.h"

namespace migfuzz {
namespace {

using Catch::Contains;

// A child of this very program, so that its functions have names, that waits for ever.
class Waiting {
 public:
  Waiting() : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) ::pause();
    }
  }
  ~Waiting() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

// The state is read before the frames: a look in between may see it run and stand in pause().
bool waits(const std::string& text) {
  return text.find("state S") != std::string::npos && text.find("pause") != std::string::npos;
}

std::string until_it_waits(pid_t pid) {
  std::string text;
  const auto limit = Clock::now() + Milliseconds(10000);
  do
    text = io::stacks_of(pid);
  while (!waits(text) && Clock::now() < limit);
  return text;
}

TEST_CASE("the stacks of a process say where it waits, and it goes on afterwards", "[stacks]") {
  Waiting child;
  const auto text = until_it_waits(child.pid());
  CHECK_THAT(text, Contains("thread " + std::to_string(child.pid()) + " "));
  CHECK_THAT(text, Contains("state S"));
  CHECK_THAT(text, Contains("#0 ") && Contains("pause in libc.so"));
  // Nobody traces it any more, and it still ends like any process.
  CHECK_THAT(until_it_waits(child.pid()), Contains("pause in libc.so"));
}

TEST_CASE("a process that is stopped is looked at and stays stopped", "[stacks]") {
  Waiting child;
  until_it_waits(child.pid());
  REQUIRE(::kill(child.pid(), SIGSTOP) == 0);
  int status = 0;
  REQUIRE(::waitpid(child.pid(), &status, WUNTRACED) == child.pid());
  CHECK_THAT(io::stacks_of(child.pid()), Contains("pause in libc.so") && Contains("state T"));
  CHECK_THAT(io::stacks_of(child.pid()), Contains("state T"));
}

TEST_CASE("of a process that has ended there is no stack, and the words say so", "[stacks]") {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  siginfo_t ended{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT) == 0);
  CHECK_THAT(io::stacks_of(pid), Contains("no frames") && Contains("state Z"));
  REQUIRE(::waitpid(pid, nullptr, 0) == pid);
  CHECK_THAT(io::stacks_of(pid), Contains("has no threads any more"));
}

}  // namespace
}  // namespace migfuzz
