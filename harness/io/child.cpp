#include "harness/io/child.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/process/v2/process.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "harness/core/error.h"

namespace migfuzz::io {
namespace process = boost::process::v2;

namespace {

// Runs in the child between fork and exec: only async-signal-safe calls. A failed exec must end
// with _exit, or the forked copy would flush our stdio a second time.
struct ChildSetup {
  const Launch& launch;
  int null_fd;

  template <typename Launcher>
  process::error_code on_exec_setup(Launcher& launcher, const process::filesystem::path& executable,
                                    const char* const*(&argv)) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setpgid(0, 0);  // Ctrl-C at the terminal is for the harness, which then ends its children
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (launch.network_namespace_fd >= 0 && ::setns(launch.network_namespace_fd, CLONE_NEWNET) != 0)
      ::_exit(126);
    ::dup2(null_fd, 0);
    ::dup2(launch.output_fd >= 0 ? launch.output_fd : null_fd, 1);
    ::dup2(launch.output_fd >= 0 ? launch.output_fd : null_fd, 2);
    for (const int fd : launch.inherit) ::fcntl(fd, F_SETFD, 0);
    ::execve(executable.c_str(), const_cast<char* const*>(argv),
             const_cast<char* const*>(launcher.env));
    static const char text[] = "cannot be executed\n";
    [[maybe_unused]] const auto ignored = ::write(2, text, sizeof text - 1);
    ::_exit(127);
  }
};

std::string read_text(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Calls `visit(state letter, user ticks + system ticks)` for each thread; see proc(5).
template <typename Visit>
bool each_thread(int pid, Visit visit) {
  const auto folder = fmt::format("/proc/{}/task", pid);
  DIR* dir = ::opendir(folder.c_str());
  if (dir == nullptr) return false;
  while (const dirent* entry = ::readdir(dir)) {
    if (entry->d_name[0] == '.') continue;
    const auto stat = read_text(fmt::format("{}/{}/stat", folder, entry->d_name));
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos) continue;
    std::istringstream fields(stat.substr(name_end + 1));
    std::string letter, skip;
    std::uint64_t user = 0, system = 0;
    fields >> letter;
    for (int i = 0; i < 10; ++i) fields >> skip;
    fields >> user >> system;
    visit(letter.empty() ? '?' : letter[0], user + system);
  }
  ::closedir(dir);
  return true;
}

}  // namespace

struct Child::State {
  explicit State(Loop& loop) : watch(loop.context()) {}
  int pid = -1;
  UniqueFd pidfd;
  boost::asio::posix::stream_descriptor watch;
  std::optional<Ending> ending;
  std::function<void(const Ending&)> on_end;

  // Reaps without blocking; true when the process is gone.
  bool reap() {
    if (ending) return true;
    siginfo_t info{};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG) != 0 ||
        info.si_pid == 0)
      return false;
    const bool by_signal = info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED;
    ending = Ending{by_signal ? 0 : info.si_status, by_signal ? info.si_status : 0};
    if (on_end) on_end(*ending);
    return true;
  }
};

Child::Child(Loop& loop, const Launch& launch, std::function<void(const Ending&)> on_end)
    : state_(std::make_shared<State>(loop)) {
  const auto path = find_executable(launch.binary);
  if (!path)
    throw InfraError(
        fmt::format("{}: not an executable file; install it or name another", launch.binary));
  UniqueFd null_fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null_fd) fail("/dev/null");
  process::process launched(loop.context().get_executor(), process::filesystem::path(*path),
                            launch.arguments, ChildSetup{launch, null_fd.get()});
  state_->pid = launched.id();
  launched.detach();
  state_->pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, state_->pid, 0)));
  if (!state_->pidfd) fail("pidfd_open");
  state_->on_end = std::move(on_end);
  state_->watch.assign(::dup(state_->pidfd.get()));
  state_->watch.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [state = state_](const boost::system::error_code& error) {
                             if (!error) state->reap();
                           });
}

Child::~Child() {
  state_->on_end = nullptr;
  if (!state_->reap()) {
    signal(SIGKILL);
    // By number, not by pidfd: Asio has made that non-blocking, and waitid would return EAGAIN. The
    // number is still ours, because nobody has reaped it.
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(state_->pid), &info, WEXITED) != 0 && errno == EINTR) {
    }
  }
  boost::system::error_code ignored;
  state_->watch.close(ignored);
}

int Child::pid() const { return state_->pid; }
bool Child::alive() const { return !state_->reap(); }
std::optional<Ending> Child::ending() const { return state_->ending; }

void Child::signal(int number) {
  if (!state_->ending) ::syscall(SYS_pidfd_send_signal, state_->pidfd.get(), number, nullptr, 0);
}

bool Child::all_threads_stopped() const {
  bool all = true, any = false;
  each_thread(state_->pid, [&](char letter, std::uint64_t) {
    any = true;
    all = all && (letter == 'T' || letter == 't');
  });
  return any && all;
}

std::uint64_t Child::cpu_ticks() const {
  std::uint64_t sum = 0;
  each_thread(state_->pid, [&](char, std::uint64_t ticks) { sum += ticks; });
  return sum;
}

Clock::duration waited_for_processor(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/schedstat");
  std::int64_t ran_ns = 0, waited_ns = 0;
  file >> ran_ns >> waited_ns;
  return std::chrono::nanoseconds(file ? waited_ns : 0);
}

UniqueFd borrow_socket(int pid, std::uint64_t inode) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const auto wanted = "socket:[" + std::to_string(inode) + "]";
  std::error_code gone;
  const auto folder = "/proc/" + std::to_string(pid) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(folder, gone)) {
    if (std::filesystem::read_symlink(entry.path(), gone) != wanted) continue;
    const int number = std::stoi(entry.path().filename().string());
    return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), number, 0)));
  }
  return UniqueFd();
}

std::optional<std::string> find_executable(const std::string& binary) {
  const auto usable = [](const std::string& path) {
    const process::filesystem::path file(path);
    boost::system::error_code error;
    return process::filesystem::is_regular_file(file, error) && ::access(path.c_str(), X_OK) == 0;
  };
  if (binary.find('/') != std::string::npos)
    return usable(binary) ? std::optional(binary) : std::nullopt;
  const char* path = ::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (usable(folder + "/" + binary)) return folder + "/" + binary;
  return std::nullopt;
}

}  // namespace migfuzz::io
