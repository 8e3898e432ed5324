#include "harness/io/qmp.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstring>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"

namespace migfuzz::io {
namespace {
constexpr std::size_t kLineBytesMax = 4 << 20;  // query-qmp-schema, the longest reply, is 0.2 MiB
}

struct Qmp::State : std::enable_shared_from_this<Qmp::State> {
  State(Loop& loop_, UniqueFd socket, Handlers handlers_)
      : loop(loop_), stream(loop_.context(), socket.release()), handlers(std::move(handlers_)) {
    stream.non_blocking(true);
  }

  struct Waiting {
    Clock::time_point since;
    Reply reply;
  };
  struct Outgoing {
    std::string text;
    UniqueFd passed;
  };

  Loop& loop;
  boost::asio::posix::stream_descriptor stream;
  Handlers handlers;
  std::string incoming;
  std::deque<Outgoing> outgoing, behind;  // behind: until the capabilities are negotiated
  bool reading = false, writing = false, held = false, negotiating = false;
  std::function<void()> greeted;
  bool open = true;
  std::string broken;
  std::optional<std::string> version;
  std::uint64_t next_id = 1;
  std::map<std::uint64_t, Waiting> waiting;

  void read_on() {
    if (reading || held) return;
    reading = true;
    stream.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        self->reading = false;
                        if (error || !self->open || self->held) return;
                        self->read_now();
                        if (self->open) self->read_on();
                      });
  }

  void read_now() {
    char chunk[65536];
    for (;;) {
      const auto n = ::recv(stream.native_handle(), chunk, sizeof chunk, MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (n <= 0) return end("connection closed");
      incoming.append(chunk, static_cast<std::size_t>(n));
      if (!take_lines()) return;
    }
  }

  bool take_lines() {
    std::size_t begin = 0;
    for (;;) {
      const auto end_of_line = incoming.find('\n', begin);
      if (end_of_line == std::string::npos) break;
      auto line = std::string_view(incoming).substr(begin, end_of_line - begin);
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      begin = end_of_line + 1;
      if (!line.empty()) take_line(line);
      if (!open) return false;
    }
    incoming.erase(0, begin);
    if (incoming.size() > kLineBytesMax) end("a QMP line is longer than 4 MiB");
    return open;
  }

  void take_line(std::string_view line) {
    if (handlers.line) handlers.line('<', line);
    try {
      take_message(nlohmann::json::parse(line));
    } catch (const nlohmann::json::exception&) {  // not JSON, or a member of a wrong type
      end("not a QMP message");
    }
  }

  void take_message(const nlohmann::json& message) {
    if (!message.is_object()) return end("not a QMP message");
    if (message.contains("QMP")) {
      const auto& qemu = message["QMP"].value("version", nlohmann::json::object());
      const auto numbers = qemu.value("qemu", nlohmann::json::object());
      version = fmt::format("{}.{}.{}", numbers.value("major", 0), numbers.value("minor", 0),
                            numbers.value("micro", 0));
      if (greeted) std::exchange(greeted, nullptr)();
    } else if (message.contains("event")) {
      if (handlers.event)
        handlers.event(message["event"].get<std::string>(),
                       message.value("data", nlohmann::json::object()));
    } else if (message.contains("id") && message["id"].is_number_unsigned()) {
      answer(message["id"].get<std::uint64_t>(), message);
    }
  }

  void answer(std::uint64_t id, const nlohmann::json& message) {
    const auto found = waiting.find(id);
    if (found == waiting.end()) return;
    const auto reply = std::move(found->second.reply);
    waiting.erase(found);
    if (!reply) return;
    if (message.contains("error")) {
      const QmpError error{message["error"].value("class", ""), message["error"].value("desc", "")};
      reply(nlohmann::json(), &error);
    } else {
      reply(message.value("return", nlohmann::json::object()), nullptr);
    }
  }

  void end(const std::string& why) {
    if (!open) return;
    open = false;
    broken = why;
    boost::system::error_code ignored;
    stream.close(ignored);
    auto lost = std::move(waiting);
    waiting.clear();
    const QmpError error{QmpError::kUnanswered, why};
    for (auto& [id, one] : lost)
      if (one.reply) one.reply(nlohmann::json(), &error);
    if (handlers.closed) handlers.closed();
  }

  void write_now() {
    while (!outgoing.empty() && open && !held) {
      auto& first = outgoing.front();
      iovec part{first.text.data(), first.text.size()};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
      if (first.passed) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        const int fd = first.passed.get();
        std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
      }
      const auto n = ::sendmsg(stream.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) return wait_to_write();
      if (n < 0) return end("connection closed");
      first.passed.reset();
      first.text.erase(0, static_cast<std::size_t>(n));
      if (first.text.empty()) outgoing.pop_front();
    }
  }

  void wait_to_write() {
    if (writing) return;
    writing = true;
    stream.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        self->writing = false;
                        if (!error && self->open) self->write_now();
                      });
  }
};

Qmp::Qmp(Loop& loop, UniqueFd socket, Handlers handlers)
    : state_(std::make_shared<State>(loop, std::move(socket), std::move(handlers))) {
  state_->read_on();
}

Qmp::~Qmp() {
  state_->handlers = {};
  state_->greeted = nullptr;
  for (auto& [id, one] : state_->waiting) one.reply = nullptr;
  state_->end("ended by the harness");
}

std::string Qmp::negotiate(bool out_of_band, Clock::time_point deadline) {
  if (!state_->loop.run_until([&] { return state_->version || !state_->open; }, deadline))
    throw InfraError("QEMU sent no QMP greeting in time");
  if (!state_->version)
    throw InfraError(fmt::format("QEMU ended before its QMP greeting ({})", state_->broken));
  auto arguments = nlohmann::json::object();
  if (out_of_band) arguments["enable"] = {"oob"};
  call("qmp_capabilities", arguments, deadline);
  return *state_->version;
}

void Qmp::begin(bool out_of_band, std::function<void()> ready) {
  state_->negotiating = true;
  auto negotiate = [this, out_of_band, ready = std::move(ready)] {
    auto arguments = nlohmann::json::object();
    if (out_of_band) arguments["enable"] = {"oob"};
    state_->negotiating = false;
    send("qmp_capabilities", arguments,
         [state = state_.get(), ready](const nlohmann::json&, const QmpError* error) {
           if (error != nullptr) return state->end("capabilities were refused");
           state->negotiating = false;
           for (auto& one : state->behind) state->outgoing.push_back(std::move(one));
           state->behind.clear();
           state->write_now();
           ready();
         });
    state_->negotiating = true;
  };
  if (state_->version)
    negotiate();
  else
    state_->greeted = std::move(negotiate);
}

bool Qmp::greeted() const { return state_->version.has_value(); }

void Qmp::send(const std::string& command, const nlohmann::json& arguments, Reply reply,
               bool out_of_band, int passed_fd) {
  if (!state_->open) {
    const QmpError error{QmpError::kUnanswered, state_->broken};
    if (reply) reply(nlohmann::json(), &error);
    return;
  }
  const auto id = state_->next_id++;
  nlohmann::json message{{out_of_band ? "exec-oob" : "execute", command}, {"id", id}};
  if (!arguments.is_null() && !arguments.empty()) message["arguments"] = arguments;
  state_->waiting.emplace(id, State::Waiting{Clock::now(), std::move(reply)});
  const auto text = message.dump();
  if (state_->handlers.line) state_->handlers.line('>', text);
  State::Outgoing out{text + "\n", {}};
  if (passed_fd >= 0) out.passed = UniqueFd(::dup(passed_fd));
  if (state_->negotiating) return state_->behind.push_back(std::move(out));
  state_->outgoing.push_back(std::move(out));
  state_->write_now();
}

nlohmann::json Qmp::call(const std::string& command, const nlohmann::json& arguments,
                         Clock::time_point deadline, int passed_fd) {
  struct Slot {
    bool done = false;
    nlohmann::json value;
    std::optional<QmpError> error;
  };
  // Shared with the handler, which may still be called after a deadline has thrown from here.
  const auto slot = std::make_shared<Slot>();
  send(
      command, arguments,
      [slot](const nlohmann::json& value, const QmpError* error) {
        slot->done = true;
        slot->value = value;
        if (error != nullptr) slot->error = *error;
      },
      false, passed_fd);
  if (!state_->loop.run_until([&] { return slot->done; }, deadline))
    throw InfraError(fmt::format("no reply to QMP command {} in time", command));
  if (slot->error)
    throw InfraError(fmt::format("QMP command {} was refused: {}", command, slot->error->text));
  return slot->value;
}

bool Qmp::open() const { return state_->open; }
void Qmp::close() { state_->end("closed by the manager"); }

void Qmp::hold(bool held) {
  state_->held = held;
  if (held || !state_->open) return;
  state_->read_on();
  state_->write_now();
}

std::optional<Clock::time_point> Qmp::waiting_since() const {
  std::optional<Clock::time_point> oldest;
  for (const auto& [id, one] : state_->waiting)
    if (!oldest || one.since < *oldest) oldest = one.since;
  return oldest;
}

}  // namespace migfuzz::io
