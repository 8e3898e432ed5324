// Both monitors of one QEMU as a manager has them: connections that can be lost and opened again.
//
// QEMU inherits two listening sockets, one for commands in band and one for out-of-band ones. Its
// chardev takes one client at a time and lets the next wait, so a stranger that holds a monitor
// keeps the manager out: that is how a broken management channel is made, without a part of ours
// between manager and QEMU. Whoever connects again starts anew: greeting, capabilities, and states
// that must be asked for, because events are not repeated.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/io/listener.h"
#include "harness/io/qmp.h"

namespace migfuzz {

class Management {
 public:
  struct Handlers {
    std::function<void(const std::string&, const nlohmann::json&)> event;  // in-band monitor's
    /// The in-band connection was closed, by whichever end.
    std::function<void()> lost;
    /// It is open again and negotiated, or no longer silent.
    std::function<void()> regained;
    /// "qmp" or "oob", '>' or '<', the line.
    std::function<void(std::string_view, char, std::string_view)> line;
  };
  /// Listens and connects at once: QEMU greets as soon as it is up.
  Management(io::Loop& loop, Handlers handlers);
  ~Management();
  Management(const Management&) = delete;
  Management& operator=(const Management&) = delete;

  std::vector<std::string> arguments() const;  // for QEMU's command line
  std::vector<int> inherited() const;          // descriptors that it needs
  /// QEMU has them: from now on its end closes them.
  void launched();
  /// Greeting and capabilities on both; returns the version. Throws InfraError.
  std::string connect(Clock::time_point deadline);

  io::Qmp& monitor();
  io::Qmp& out_of_band();
  /// False when it is closed, or a question is open, for longer than that.
  bool answers(Milliseconds patience) const;

  /// Both connections end, and new ones are not greeted until restore().
  void close();
  /// QEMU itself has ended the lost connections, and the manager's new ones are not greeted.
  std::optional<std::string> shut_out() const;
  /// Both connections stay open, nothing passes either way until restore().
  void silence();
  /// For how long the oldest question has had no answer.
  Milliseconds unanswered() const;
  /// After a restore: QEMU has greeted the new connections, or has ended.
  bool restored() const;
  /// Undoes close() and silence(); harmless at any time.
  void restore();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace migfuzz
