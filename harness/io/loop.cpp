#include "harness/io/loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace migfuzz::io {

// Concurrency hint 1: one thread runs it, the scheduler may skip its locks.
Loop::Loop() : context_(std::make_unique<boost::asio::io_context>(1)) {}
Loop::~Loop() = default;

bool Loop::run_until(const std::function<bool()>& done, Clock::time_point deadline) {
  // The guard keeps a loop with nothing pending waiting for its deadline instead of returning.
  const auto guard = boost::asio::make_work_guard(*context_);
  while (!done()) {
    context_->restart();
    if (context_->run_one_until(deadline) == 0 && Clock::now() >= deadline) return done();
  }
  return true;
}

void Loop::poll() {
  context_->restart();
  context_->poll();
}

struct Ticker::State : std::enable_shared_from_this<Ticker::State> {
  State(Loop& loop, Milliseconds interval_, std::function<void()> act_)
      : timer(loop.context()), interval(interval_), act(std::move(act_)) {}
  boost::asio::steady_timer timer;
  Milliseconds interval;
  std::function<void()> act;

  void next() {
    timer.expires_after(interval);
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error || !self->act) return;
      self->act();
      self->next();
    });
  }
};

Ticker::Ticker(Loop& loop, Milliseconds interval, std::function<void()> act)
    : state_(std::make_shared<State>(loop, interval, std::move(act))) {
  state_->next();
}

Ticker::~Ticker() {
  state_->act = nullptr;
  state_->timer.cancel();
}

}  // namespace migfuzz::io
