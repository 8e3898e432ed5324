// The one event loop of a worker. Handlers record, whoever pumps acts.
//
// Single-threaded: no locks anywhere above it. The Asio type is only declared here.
#pragma once

#include <functional>
#include <memory>

#include "harness/core/types.h"

namespace boost::asio {
class io_context;
}

namespace migfuzz::io {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  boost::asio::io_context& context() { return *context_; }
  /// Runs handlers until `done()` or the deadline; true when done. `done` is asked after each
  /// handler.
  bool run_until(const std::function<bool()>& done, Clock::time_point deadline);
  /// Runs what is ready now, without waiting.
  void poll();

 private:
  std::unique_ptr<boost::asio::io_context> context_;
};

/// Calls `act` every `interval` while it lives: for what has no event, such as a file that grows.
class Ticker {
 public:
  Ticker(Loop& loop, Milliseconds interval, std::function<void()> act);
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace migfuzz::io
