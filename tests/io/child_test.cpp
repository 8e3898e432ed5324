// Children: how they start, how they end, and that nothing of them stays. Run alone: io_tests
// "[child]".
#include "harness/io/child.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "harness/core/error.h"
#include "harness/io/fork.h"
#include "tests/io/temporary.h"

namespace migfuzz {
namespace {

using io::Child;
using io::Launch;

Launch shell(const std::string& script, int output_fd = -1) {
  Launch launch;
  launch.binary = "sh";
  launch.arguments = {"-c", script};
  launch.output_fd = output_fd;
  return launch;
}

Clock::time_point soon(int ms = 5000) { return Clock::now() + Milliseconds(ms); }
bool exists(int pid) { return std::filesystem::exists("/proc/" + std::to_string(pid)); }
char state_of(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string stat((std::istreambuf_iterator<char>(in)), {});
  const auto name_end = stat.rfind(") ");
  return name_end == stat.npos ? '?' : stat[name_end + 2];
}
bool no_children_left() { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }
// What another test may have left: this one speaks of its own.
void start_clean() {
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

TEST_CASE("An exit status is told once, as a status and not as a signal", "[child]") {
  start_clean();
  io::Loop loop;
  std::vector<Ending> endings;
  {
    Child child(loop, shell("exit 7"), [&](const Ending& ending) { endings.push_back(ending); });
    REQUIRE(loop.run_until([&] { return !endings.empty(); }, soon()));
    loop.poll();
    CHECK_FALSE(child.alive());
    CHECK(child.ending() == Ending{7, 0});
  }
  CHECK(endings == std::vector<Ending>{{7, 0}});
  CHECK(no_children_left());
}

TEST_CASE("A signal is told as a signal: SIGKILL is not exit status 9", "[child]") {
  start_clean();
  io::Loop loop;
  for (const int number : {SIGKILL, SIGTERM}) {
    std::optional<Ending> seen;
    Child child(loop, shell("exec sleep 100"), [&](const Ending& ending) { seen = ending; });
    CHECK(child.alive());
    child.signal(number);
    REQUIRE(loop.run_until([&] { return seen.has_value(); }, soon()));
    CHECK(*seen == Ending{0, number});
    child.signal(SIGKILL);  // to a process that is gone: nothing happens
  }
  CHECK(no_children_left());
}

TEST_CASE("A missing binary is an InfraError that names it and leaves nothing", "[child]") {
  start_clean();
  io::Loop loop;
  Launch launch;
  for (const auto* binary : {"no-such-program-anywhere", "/no/such/file", "/tmp", "/etc/passwd"}) {
    launch.binary = binary;
    try {
      Child child(loop, launch, nullptr);
      FAIL("it was started: " << binary);
    } catch (const InfraError& error) {
      CHECK(std::string(error.what()).find(binary) == 0);
    }
  }
  CHECK(no_children_left());
}

TEST_CASE("A file that cannot be executed ends with status 127 and says so", "[child]") {
  const fakes::TemporaryFolder folder;
  const auto path = folder / "not-a-program";
  std::ofstream(path) << "\x7f"
                         "ELF nonsense";
  ::chmod(path.c_str(), 0755);
  io::Loop loop;
  io::MemoryFile output("output");
  Launch launch;
  launch.binary = path;
  launch.output_fd = output.fd();
  Child child(loop, launch, nullptr);
  REQUIRE(loop.run_until([&] { return !child.alive(); }, soon()));
  CHECK(child.ending() == Ending{127, 0});
  CHECK(output.text() == "cannot be executed\n");
}

TEST_CASE("A child that is let go is reaped", "[child]") {
  start_clean();
  io::Loop loop;
  { const Child child(loop, shell("exec sleep 100"), nullptr); }
  CHECK(no_children_left());
}

TEST_CASE("A child that is let go is killed, and nobody is told", "[child]") {
  io::Loop loop;
  int pid = 0;
  bool told = false;
  {
    Child child(loop, shell("exec sleep 100"), [&](const Ending&) { told = true; });
    pid = child.pid();
    CHECK(exists(pid));
  }
  // Gone, or at most waiting to be reaped.
  const io::Ticker look(loop, Milliseconds(1), [] {});
  CHECK(loop.run_until([&] { return !exists(pid) || state_of(pid) == 'Z'; }, soon()));
  CHECK_FALSE(told);
}

TEST_CASE("After SIGSTOP every thread stands still, after SIGCONT not", "[child]") {
  io::Loop loop;
  Child child(loop, shell("while :; do :; done"), nullptr);
  CHECK_FALSE(child.all_threads_stopped());
  child.signal(SIGSTOP);
  const auto stopped = [&] { return child.all_threads_stopped(); };
  const io::Ticker look(loop, Milliseconds(1), [] {});
  REQUIRE(loop.run_until(stopped, soon()));
  const auto ticks = child.cpu_ticks();
  loop.run_until([] { return false; }, soon(40));
  CHECK(child.cpu_ticks() == ticks);
  CHECK(child.alive());
  child.signal(SIGCONT);
  CHECK(loop.run_until([&] { return child.cpu_ticks() > ticks + 1; }, soon()));
  CHECK_FALSE(child.all_threads_stopped());
}

TEST_CASE("A dead child has no stopped threads", "[child]") {
  io::Loop loop;
  Child child(loop, shell("exit 0"), nullptr);
  REQUIRE(loop.run_until([&] { return !child.alive(); }, soon()));
  CHECK_FALSE(child.all_threads_stopped());
  CHECK(child.cpu_ticks() == 0);
}

TEST_CASE("Only the named descriptors are inherited, stdin is empty", "[child]") {
  io::Loop loop;
  io::MemoryFile given("given"), kept("kept"), output("output");
  const auto open = [](int fd) {
    return "[ -e /proc/$$/fd/" + std::to_string(fd) + " ] && echo open || echo closed; ";
  };
  auto launch = shell(
      "cat; " + open(given.fd()) + open(kept.fd()) + "echo hello > " + io::path_of(given.fd()),
      output.fd());
  launch.inherit = {given.fd()};
  Child child(loop, launch, nullptr);
  REQUIRE(loop.run_until([&] { return !child.alive(); }, soon()));
  CHECK(given.text() == "hello\n");
  CHECK(output.text() == "open\nclosed\n");
}

TEST_CASE("A part that runs apart says what it has to in shared memory, and ends", "[child]") {
  start_clean();
  const io::SharedMemory memory(sizeof(int));
  int& said = *new (memory.address()) int(0);
  CHECK(io::wait_for_end(io::run_apart([&] { said = 7; }), soon()));
  CHECK(said == 7);
  CHECK(no_children_left());
}

TEST_CASE("A part that does not end in time is ended, and that is said", "[child]") {
  start_clean();
  const pid_t pid = io::run_apart([] { ::pause(); });
  CHECK_FALSE(io::wait_for_end(pid, soon(20)));
  CHECK_FALSE(exists(pid));
  CHECK(no_children_left());
}

TEST_CASE("Executables are looked up on PATH unless they have a slash", "[child]") {
  CHECK(io::find_executable("sh").has_value());
  CHECK(io::find_executable("/bin/sh") == "/bin/sh");
  CHECK_FALSE(io::find_executable("./sh").has_value());
  CHECK_FALSE(io::find_executable("").has_value());
}

}  // namespace
}  // namespace migfuzz
