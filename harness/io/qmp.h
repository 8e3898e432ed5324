// One QMP connection (docs/interop/qmp-spec): greeting, capabilities, commands with ids, events.
//
// Events that arrive between a command and its reply are kept in order and reported before it.
// A line over 4 MiB or one that is not JSON ends the connection with an InfraError at the next
// call. JSON travels as text through this header; qmp.cpp parses it once. One object is one
// connection: whoever reconnects makes a new one, and what happened in between was not heard.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "harness/io/fd.h"
#include "harness/io/loop.h"

namespace migfuzz::io {

struct QmpError {
  std::string kind;  // QMP's "class": GenericError, CommandNotFound, DeviceNotActive, …
  std::string text;

  /// The connection ended before the reply: QEMU may have done it or not, and did not refuse.
  bool unanswered() const { return kind == kUnanswered; }
  static constexpr const char* kUnanswered = "ConnectionClosed";
};

class Qmp {
 public:
  struct Handlers {
    /// name, data object.
    std::function<void(const std::string&, const nlohmann::json&)> event;
    /// The peer closed the connection.
    std::function<void()> closed;
    /// Every line, '>' sent or '<' received, for the transcript.
    std::function<void(char, std::string_view)> line;
  };
  /// Error is set when QEMU refused the command or the connection ended before the reply.
  using Reply = std::function<void(const nlohmann::json& value, const QmpError* error)>;

  Qmp(Loop& loop, UniqueFd socket, Handlers handlers);
  ~Qmp();
  Qmp(const Qmp&) = delete;
  Qmp& operator=(const Qmp&) = delete;

  /// Waits for the greeting and negotiates; throws InfraError when the peer ends or is late.
  /// Returns QEMU's version as "MAJOR.MINOR.MICRO".
  std::string negotiate(bool out_of_band, Clock::time_point deadline);
  /// The same without waiting: commands sent from here on follow the negotiation; `ready` is called
  /// once QEMU has accepted it, never when the connection ends before.
  void begin(bool out_of_band, std::function<void()> ready);
  /// QEMU has greeted.
  bool greeted() const;
  /// Sends a command; `reply` is called exactly once, unless this object ends first.
  /// With `passed_fd` >= 0 that descriptor travels along (SCM_RIGHTS), for getfd.
  void send(const std::string& command, const nlohmann::json& arguments, Reply reply,
            bool out_of_band = false, int passed_fd = -1);
  /// Sends and waits; throws InfraError on refusal, on a closed connection and at the deadline.
  nlohmann::json call(const std::string& command, const nlohmann::json& arguments,
                      Clock::time_point deadline, int passed_fd = -1);
  bool open() const;
  /// Closes the connection from this end; open commands fail as when the peer closes it.
  void close();
  /// While held, nothing is read or written and the connection stays open; then everything is.
  void hold(bool held);
  /// Since when the oldest unanswered command waits; nothing when none does.
  std::optional<Clock::time_point> waiting_since() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace migfuzz::io
