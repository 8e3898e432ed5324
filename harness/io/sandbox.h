// A worker: a process of its own in its own PID, mount and network namespaces, and in a user
// namespace where the harness does not run as root.
//
// It is process 1 of its PID namespace: when it ends, however that happens, the kernel ends every
// process in it and every namespace those held. When the harness ends, PR_SET_PDEATHSIG ends it. So
// nothing survives, without any clean-up code having to run.
// Talk is one JSON text per line, both ways, over a socket pair.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "harness/io/loop.h"

namespace migfuzz::io {

/// The worker's end of the line: blocking, for a process that has nothing else to do between cases.
class Line {
 public:
  explicit Line(int fd) : fd_(fd) {}
  /// Nothing when the other end is gone.
  std::optional<std::string> read();
  void write(const std::string& text);

 private:
  int fd_;
  std::string buffer_;
};

class Worker {
 public:
  struct Handlers {
    std::function<void(const std::string&)> line;
    /// It is gone; its last words (stderr goes to the harness's own) are not collected.
    std::function<void()> ended;
  };
  /// Forks; `work` runs inside the namespaces and its return value is the exit status. The caller
  /// must be single-threaded. Exit status 4 with a line {"cannot": reason}: no namespaces here.
  Worker(Loop& loop, const std::function<int(Line&)>& work, Handlers handlers);
  ~Worker();  // kills it
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  void send(const std::string& text);
  bool alive() const;
  /// Where its threads stand (stacks.h), of one that does not answer.
  std::string stacks() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Runs `act` when one of these signals arrives, instead of ending the process.
class Signals {
 public:
  Signals(Loop& loop, std::function<void(int)> act);
  ~Signals();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace migfuzz::io
