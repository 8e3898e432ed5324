#include "harness/io/sandbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstring>
#include <fstream>

#include "harness/core/error.h"
#include "harness/io/fd.h"
#include "harness/io/stacks.h"

namespace migfuzz::io {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

void write_file(const char* path, const std::string& text) {
  const UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    fail(path);
}

// Maps this user to root inside, so that it may make and change namespaces there.
void enter_user_namespace(unsigned uid, unsigned gid) {
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", fmt::format("0 {} 1", uid));
  write_file("/proc/self/gid_map", fmt::format("0 {} 1", gid));
}

void enter_namespaces() {
  const unsigned uid = ::geteuid(), gid = ::getegid();
  int kinds = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC;
  if (uid != 0) kinds |= CLONE_NEWUSER;
  if (::unshare(kinds) != 0)
    fail(uid != 0 ? "unprivileged user namespaces are not allowed here (unshare)" : "unshare");
  if (uid != 0) enter_user_namespace(uid, gid);
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) fail("private mounts");
}

// Its process numbers are those of its own namespace only when /proc is its own too.
void mount_proc() {
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    fail("a /proc of the worker's own (mount)");
}

void die_with_parent() { ::prctl(PR_SET_PDEATHSIG, SIGKILL); }

[[noreturn]] void cannot(int fd, const std::string& why) {
  Line line(fd);
  std::string text = R"({"cannot":")";
  for (const char c : why) text += c == '"' || c == '\\' || c == '\n' ? ' ' : c;
  line.write(text + "\"}");
  ::_exit(4);
}

[[noreturn]] void run_worker(int fd, const std::function<int(Line&)>& work) {
  die_with_parent();
  try {
    mount_proc();
  } catch (const InfraError& error) {
    cannot(fd, error.what());
  }
  Line line(fd);
  try {
    ::_exit(work(line));
  } catch (const std::exception& error) {
    static const std::string head = "migfuzz: a worker failed: ";
    const auto text = head + error.what() + "\n";
    [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, text.data(), text.size());
    ::_exit(1);
  }
}

// The process between the harness and the worker: only a child of one that has unshared its PID
// namespace is process 1 there. It holds nothing and waits.
[[noreturn]] void run_middle(int fd, const std::function<int(Line&)>& work) {
  die_with_parent();
  ::setsid();  // Ctrl-C at the terminal is for the harness
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, SIG_DFL);
  ::signal(SIGPIPE, SIG_IGN);
  // Everything of the harness's is closed, above all the other workers' lines: their end must be
  // seen.
  if (fd != 3) {
    ::dup2(fd, 3);
    fd = 3;
  }
  ::syscall(SYS_close_range, 4u, ~0u, 0u);
  try {
    enter_namespaces();
  } catch (const InfraError& error) {
    cannot(fd, error.what());
  }
  const pid_t worker = ::fork();
  if (worker < 0) cannot(fd, "fork failed");
  if (worker == 0) run_worker(fd, work);
  ::close(fd);
  int status = 0;
  while (::waitpid(worker, &status, 0) < 0 && errno == EINTR) {
  }
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

}  // namespace

std::optional<std::string> Line::read() {
  for (;;) {
    const auto end = buffer_.find('\n');
    if (end != std::string::npos) {
      auto text = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return text;
    }
    char chunk[65536];
    const auto n = ::recv(fd_, chunk, sizeof chunk, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    buffer_.append(chunk, static_cast<std::size_t>(n));
  }
}

void Line::write(const std::string& text) {
  const auto whole = text + "\n";
  for (std::size_t done = 0; done < whole.size();) {
    const auto n = ::send(fd_, whole.data() + done, whole.size() - done, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) ::_exit(1);  // the harness is gone: nobody is left to tell
    done += static_cast<std::size_t>(n);
  }
}

struct Worker::State : std::enable_shared_from_this<Worker::State> {
  explicit State(Loop& loop) : stream(loop.context()) {}
  Descriptor stream;
  pid_t middle = -1;
  Handlers handlers;
  std::string incoming, outgoing;
  bool writing = false, alive = true;

  void read_on() {
    stream.async_wait(Descriptor::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        if (error || !self->alive) return;
                        self->read_now();
                        if (self->alive) self->read_on();
                      });
  }

  void read_now() {
    std::string chunk(1 << 20, '\0');
    const auto n = ::recv(stream.native_handle(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return end();
    incoming.append(chunk.data(), static_cast<std::size_t>(n));
    std::size_t begin = 0;
    for (std::size_t stop; (stop = incoming.find('\n', begin)) != std::string::npos;
         begin = stop + 1) {
      const auto line = incoming.substr(begin, stop - begin);
      if (handlers.line) handlers.line(line);
      if (!alive) return;
    }
    incoming.erase(0, begin);
  }

  void write_now() {
    while (!outgoing.empty()) {
      const auto n = ::send(stream.native_handle(), outgoing.data(), outgoing.size(),
                            MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) break;
      if (n < 0) return;  // its end is seen by the reader
      outgoing.erase(0, static_cast<std::size_t>(n));
    }
    if (outgoing.empty() || writing) return;
    writing = true;
    stream.async_wait(Descriptor::wait_write,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        self->writing = false;
                        if (!error && self->alive) self->write_now();
                      });
  }

  void end() {
    if (!alive) return;
    alive = false;
    boost::system::error_code ignored;
    stream.close(ignored);
    if (middle > 0) {
      ::kill(middle, SIGKILL);  // ours and not yet reaped: the number cannot be another's
      int status = 0;
      while (::waitpid(middle, &status, 0) < 0 && errno == EINTR) {
      }
      middle = -1;
    }
    if (handlers.ended) handlers.ended();
  }
};

Worker::Worker(Loop& loop, const std::function<int(Line&)>& work, Handlers handlers)
    : state_(std::make_shared<State>(loop)) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair");
  const pid_t middle = ::fork();
  if (middle < 0) fail("fork");
  if (middle == 0) run_middle(ends[1], work);
  ::close(ends[1]);
  state_->middle = middle;
  state_->handlers = std::move(handlers);
  state_->stream.assign(ends[0]);
  state_->read_on();
}

Worker::~Worker() {
  state_->handlers = {};
  state_->end();
}

void Worker::send(const std::string& text) {
  state_->outgoing += text + "\n";
  state_->write_now();
}

bool Worker::alive() const { return state_->alive; }

std::string Worker::stacks() const {
  // The process between is only there to be in both PID namespaces.
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", state_->middle));
  pid_t inside = 0;
  return children >> inside ? stacks_of(inside) : "the worker has ended\n";
}

struct Signals::State {
  State(Loop& loop, std::function<void(int)> act_)
      : set(loop.context(), SIGINT, SIGTERM, SIGHUP), act(std::move(act_)) {}
  boost::asio::signal_set set;
  std::function<void(int)> act;
  void wait() {
    set.async_wait([this](const boost::system::error_code& error, int number) {
      if (error) return;
      act(number);
      wait();
    });
  }
};

Signals::Signals(Loop& loop, std::function<void(int)> act)
    : state_(std::make_unique<State>(loop, std::move(act))) {
  state_->wait();
}
Signals::~Signals() = default;

}  // namespace migfuzz::io
