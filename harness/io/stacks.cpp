// Reads /proc/PID/task and unwinds with libdw; one pass, no state.
//
// In a child, because stopping a thread waits for it without a bound: who is late is ended, and the
// kernel lets go of what it held.
#include "harness/io/stacks.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cxxabi.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>
#include <vector>

#include "harness/core/types.h"
#include "harness/io/fd.h"

namespace migfuzz::io {
namespace {

constexpr int kMostFrames = 64;  // of one thread; QEMU's deepest seen has 25
constexpr Milliseconds kLimit{5000};  // QEMU's dozen threads take 20 to 60 ms

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// proc(5): the state follows the name, which is in parentheses and may hold anything.
char state_in(const std::string& stat) {
  const auto name_end = stat.rfind(')');
  return name_end == std::string::npos || name_end + 2 >= stat.size() ? '?' : stat[name_end + 2];
}

struct Thread {
  pid_t id;
  std::string name, wait, call;
  char state;
};

std::vector<Thread> threads_of(pid_t process) {
  std::vector<Thread> threads;
  std::error_code none;
  const auto tasks = fmt::format("/proc/{}/task", process);
  for (const auto& entry : std::filesystem::directory_iterator(tasks, none)) {
    const auto at = entry.path().string() + "/";
    threads.push_back({pid_t(std::stol(entry.path().filename())), first_line(at + "comm"),
                       first_line(at + "wchan"), first_line(at + "syscall"),
                       state_in(first_line(at + "stat"))});
  }
  std::sort(threads.begin(), threads.end(),
            [](const Thread& a, const Thread& b) { return a.id < b.id; });
  return threads;
}

// "A" of "A+0x12 [module]" lines is enough of the kernel's own stack, which only root may read.
std::string in_kernel(const Thread& thread) {
  std::string text = fmt::format("state {}", thread.state);
  if (!thread.wait.empty() && thread.wait != "0") text += ", waits in " + thread.wait;
  const auto number = thread.call.substr(0, thread.call.find(' '));
  if (!number.empty() && number != "running") text += ", system call " + number;
  return text;
}

std::string readable(const char* symbol) {
  if (!symbol) return "?";
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> plain(
      abi::__cxa_demangle(symbol, nullptr, nullptr, &status), std::free);
  return status == 0 ? plain.get() : symbol;
}

std::string base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

struct Walk {
  Dwfl* session;
  std::string text;
  int depth = 0;
};

int add_frame(Dwfl_Frame* frame, void* into) {
  auto& walk = *static_cast<Walk*>(into);
  Dwarf_Addr address = 0;
  bool exact = false;
  if (!dwfl_frame_pc(frame, &address, &exact)) return DWARF_CB_ABORT;
  // What a frame was called from is behind the call; the call itself is one byte earlier.
  const auto inside = exact ? address : address - 1;
  auto* module = dwfl_addrmodule(walk.session, inside);
  const char* symbol = module ? dwfl_module_addrname(module, inside) : nullptr;
  const char* file = nullptr;
  Dwarf_Addr start = 0;
  if (module)
    file = dwfl_module_info(module, nullptr, &start, nullptr, nullptr, nullptr, nullptr, nullptr);
  walk.text += fmt::format("  #{} {} in {}+{:#x}\n", walk.depth, readable(symbol),
                           file ? base_name(file) : "?", address - start);
  return ++walk.depth < kMostFrames ? DWARF_CB_OK : DWARF_CB_ABORT;
}

struct SessionEnd {
  void operator()(Dwfl* session) const { dwfl_end(session); }
};

class Unwinder {
 public:
  explicit Unwinder(pid_t process) {
    // By build id, in the file system: nobody is asked for symbols over a network.
    static const Dwfl_Callbacks callbacks{dwfl_linux_proc_find_elf, dwfl_build_id_find_debuginfo,
                                          nullptr, nullptr};
    session_.reset(dwfl_begin(&callbacks));
    const bool open = session_ && dwfl_linux_proc_report(session_.get(), process) == 0 &&
                      dwfl_report_end(session_.get(), nullptr, nullptr) == 0 &&
                      dwfl_linux_proc_attach(session_.get(), process, false) == 0;
    if (open) return;
    const auto* why = dwfl_errmsg(-1);
    failure_ = why ? why : "this process cannot be attached to";
  }

  const std::string& failure() const { return failure_; }

  std::string frames(pid_t thread) {
    Walk walk{session_.get(), {}};
    const int status = dwfl_getthread_frames(session_.get(), thread, add_frame, &walk);
    if (status < 0 && walk.depth == 0) return fmt::format("  no frames: {}\n", dwfl_errmsg(-1));
    return walk.text;
  }

 private:
  std::unique_ptr<Dwfl, SessionEnd> session_;
  std::string failure_;
};

std::string read_stacks(pid_t process) {
  const auto threads = threads_of(process);
  if (threads.empty()) return fmt::format("process {} has no threads any more\n", process);
  const bool stuck = std::any_of(threads.begin(), threads.end(), [](const Thread& thread) {
    return thread.state == 'D' || thread.state == 'Z' || thread.state == 'X';
  });
  std::unique_ptr<Unwinder> unwinder;
  std::string text;
  if (stuck)
    text += "no frames: a thread of it cannot be stopped\n";
  else if (unwinder = std::make_unique<Unwinder>(process); !unwinder->failure().empty()) {
    text += fmt::format("no frames: {}\n", unwinder->failure());
    unwinder.reset();
  }
  for (const auto& thread : threads) {
    text += fmt::format("thread {} \"{}\": {}\n", thread.id, thread.name, in_kernel(thread));
    if (unwinder) text += unwinder->frames(thread.id);
  }
  return text;
}

// What the child says until it closes its end; `late` when it did not in time.
std::string all_from(int fd, bool& late) {
  std::string text;
  const auto deadline = Clock::now() + kLimit;
  for (;;) {
    const auto left = std::chrono::duration_cast<Milliseconds>(deadline - Clock::now());
    pollfd waits{fd, POLLIN, 0};
    late = left <= Milliseconds(0) || ::poll(&waits, 1, int(left.count())) == 0;
    if (late) return text;
    char some[4096];
    const auto got = ::read(fd, some, sizeof some);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(some, std::size_t(got));
  }
}

}  // namespace

std::string stacks_of(pid_t process) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "no stacks: no pipe to read them from\n";
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t reader = ::fork();
  if (reader < 0) return "no stacks: no process to read them\n";
  if (reader == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto text = read_stacks(process);
    for (std::size_t at = 0; at < text.size();) {
      const auto put = ::write(theirs.get(), text.data() + at, text.size() - at);
      if (put <= 0) break;
      at += std::size_t(put);
    }
    ::_exit(0);
  }
  theirs = UniqueFd();
  bool late = false;
  auto text = all_from(ours.get(), late);
  ::kill(reader, SIGKILL);
  ::waitpid(reader, nullptr, 0);
  if (late) text += fmt::format("no stacks: not read within {} s\n", kLimit.count() / 1000);
  return text;
}

}  // namespace migfuzz::io
