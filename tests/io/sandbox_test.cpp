// Workers: talk by lines, namespaces of their own, and nothing of them survives any end.
//
// Processes are found from outside by an argument that nobody else has. Skipped with a warning
// where there are no namespaces. Run alone: io_tests "[sandbox]".
#include "harness/io/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "harness/io/child.h"
#include "tests/io/inside.h"

namespace migfuzz {
namespace {

using io::Line;
using io::Loop;
using io::Worker;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Numbers of all processes that have `argument` on their command line, as seen from here.
std::vector<int> processes_with(const std::string& argument) {
  std::vector<int> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != name.npos) continue;
    if (text_of(entry.path() / "cmdline").find('\0' + argument) != std::string::npos)
      found.push_back(std::stoi(name));
  }
  return found;
}

int parent_of(int pid) {
  const auto stat = text_of("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string state;
  int parent = 0;
  fields >> state >> parent;
  return parent;
}

bool wait_for(const std::function<bool()>& done) {
  const auto deadline = Clock::now() + Milliseconds(3000);
  while (!done() && Clock::now() < deadline) ::poll(nullptr, 0, 2);
  return done();
}

// A worker that has started `sleep SECONDS` and then waits for orders.
struct Sleeper {
  explicit Sleeper(const std::string& seconds_) : seconds(seconds_) {
    Worker::Handlers handlers;
    handlers.line = [this](const std::string& line) { lines.push_back(line); };
    handlers.ended = [this] { ended = true; };
    worker = std::make_unique<Worker>(
        loop,
        [seconds = seconds](Line& line) {
          Loop inner;
          io::Launch launch;
          launch.binary = "sleep";
          launch.arguments = {seconds};
          const io::Child child(inner, launch, nullptr);
          line.write("started");
          while (const auto text = line.read()) line.write("echo " + *text);
          return 0;
        },
        std::move(handlers));
    loop.run_until([&] { return !lines.empty() || ended; }, Clock::now() + Milliseconds(5000));
  }
  bool runs() {
    if (!lines.empty() && lines[0] == "started")
      return wait_for([&] { return processes_with(seconds).size() == 1; });
    WARN("skipped, no namespaces here: " << (lines.empty() ? "no answer" : lines[0]));
    return false;
  }
  bool all_gone() const {
    return wait_for([&] { return processes_with(seconds).empty(); });
  }
  Loop loop;
  std::string seconds;
  std::vector<std::string> lines;
  bool ended = false;
  std::unique_ptr<Worker> worker;
};

TEST_CASE("A worker answers line by line until its line is closed", "[sandbox]") {
  Sleeper one("315360001");
  if (!one.runs()) return;
  const std::string big(300000, 'x');
  one.worker->send("first");
  one.worker->send(big);
  REQUIRE(
      one.loop.run_until([&] { return one.lines.size() == 3; }, Clock::now() + Milliseconds(5000)));
  CHECK(one.lines[1] == "echo first");
  CHECK(one.lines[2] == "echo " + big);
  CHECK(one.worker->alive());
  one.worker.reset();
  CHECK(one.all_gone());
}

TEST_CASE("When a worker is killed, its children are gone, and the harness is told", "[sandbox]") {
  Sleeper one("315360002");
  if (!one.runs()) return;
  const auto sleeper = processes_with(one.seconds).at(0);
  const auto worker = parent_of(sleeper);
  const auto middle = parent_of(worker);
  REQUIRE(parent_of(middle) == ::getpid());
  SECTION("process 1 of its namespace") { ::kill(worker, SIGKILL); }
  SECTION("the process in the middle") { ::kill(middle, SIGKILL); }
  CHECK(one.all_gone());
  CHECK(one.loop.run_until([&] { return one.ended; }, Clock::now() + Milliseconds(3000)));
  CHECK_FALSE(one.worker->alive());
}

TEST_CASE("When the harness dies, its workers and their children die with it", "[sandbox]") {
  const int harness = ::fork();
  REQUIRE(harness >= 0);
  if (harness == 0) {
    Sleeper one("315360003");
    ::_exit(one.lines.empty() || one.lines[0] != "started" ? 1 : (::pause(), 0));
  }
  const bool started = wait_for([] { return processes_with("315360003").size() == 1; });
  ::kill(harness, SIGKILL);
  int status = 0;
  ::waitpid(harness, &status, 0);
  if (!started) {
    WARN("skipped, no worker came up here");
    return;
  }
  CHECK(wait_for([] { return processes_with("315360003").empty(); }));
}

TEST_CASE("A worker sees processes, network and mounts of its own only", "[sandbox]") {
  fakes::check_inside([](const fakes::Report& report) {
    report(::getpid() == 1, "process 1");
    report(std::filesystem::exists("/proc/1/stat"), "a /proc of its own");
    std::size_t others = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const auto name = entry.path().filename().string();
      others += name.find_first_not_of("0123456789") == name.npos && name != "1" ? 1 : 0;
    }
    report(others == 0, "no other process");
    std::ifstream devices("/proc/net/dev");
    std::size_t count = 0;
    for (std::string line; std::getline(devices, line);)
      count += line.find(':') != line.npos && line.find("lo:") == line.npos ? 1 : 0;
    report(count == 0, "no network device besides lo");
  });
}

TEST_CASE("A worker holds none of the harness's descriptors", "[sandbox]") {
  // Deliberately without close-on-exec, at a number that the worker itself has no use for.
  const int secret = ::fcntl(STDERR_FILENO, F_DUPFD, 77);
  fakes::check_inside([secret](const fakes::Report& report) {
    report(::fcntl(secret, F_GETFD) < 0, "the descriptor is closed");
  });
  ::close(secret);
}

TEST_CASE("A worker that returns ends with its line", "[sandbox]") {
  Loop loop;
  bool ended = false;
  Worker::Handlers handlers;
  handlers.ended = [&] { ended = true; };
  Worker worker(
      loop, [](Line&) { return 0; }, std::move(handlers));
  CHECK(loop.run_until([&] { return ended; }, Clock::now() + Milliseconds(5000)));
  CHECK_FALSE(worker.alive());
}

TEST_CASE("Signals are handed over instead of ending the process", "[sandbox]") {
  Loop loop;
  int seen = 0;
  const io::Signals signals(loop, [&](int number) { seen = number; });
  ::raise(SIGTERM);
  CHECK(loop.run_until([&] { return seen != 0; }, Clock::now() + Milliseconds(2000)));
  CHECK(seen == SIGTERM);
}

}  // namespace
}  // namespace migfuzz
