#include "harness/hypervisors/management.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"

namespace migfuzz {
namespace {

// One listening socket of QEMU's, our connection to it, and who else wants to be served.
struct Line {
  std::string_view word;  // "qmp" or "oob": QEMU's chardev id and the transcript's name
  bool out_of_band = false;
  io::Listener listener;
  std::unique_ptr<io::Qmp> open;      // the manager's
  std::unique_ptr<io::Qmp> stranger;  // holds the monitor, so that the manager is shut out
  std::unique_ptr<io::Qmp> attempt;   // the manager's, waiting behind the stranger
};

}  // namespace

struct Management::State : std::enable_shared_from_this<Management::State> {
  State(io::Loop& loop_, Handlers handlers_) : loop(loop_), handlers(std::move(handlers_)) {}

  io::Loop& loop;
  Handlers handlers;
  std::array<Line, 2> lines;
  std::optional<Clock::time_point> closed_at;
  bool broken = false, silent = false;

  Line& in_band() { return lines[0]; }

  std::unique_ptr<io::Qmp> dial(Line& line) {
    auto socket = io::connect_unix(line.listener.name);
    if (!socket) return nullptr;
    io::Qmp::Handlers qmp;
    qmp.line = [this, word = line.word](char way, std::string_view text) {
      if (handlers.line) handlers.line(word, way, text);
    };
    // The second monitor delivers every event again: only its replies are of interest.
    if (!line.out_of_band) {
      qmp.event = [this](const std::string& name, const nlohmann::json& data) {
        if (handlers.event) handlers.event(name, data);
      };
      qmp.closed = [this] {
        if (!closed_at) closed_at = Clock::now();
        if (handlers.lost) handlers.lost();
      };
    }
    return std::make_unique<io::Qmp>(loop, std::move(socket), std::move(qmp));
  }

  void listen() {
    lines[0].word = "qmp";
    lines[1].word = "oob";
    lines[1].out_of_band = true;
    for (auto& line : lines) {
      line.listener = io::listen_unix();
      line.open = dial(line);
    }
  }

  void close() {
    if (broken) return;
    broken = true;
    for (auto& line : lines) {
      // In this order QEMU's queue is: the stranger, then the manager's next attempt.
      if (auto socket = io::connect_unix(line.listener.name))
        line.stranger = std::make_unique<io::Qmp>(loop, std::move(socket), io::Qmp::Handlers{});
      line.attempt = dial(line);
      line.open->close();
    }
  }

  void restore() {
    for (auto& line : lines) line.open->hold(false);
    if (std::exchange(silent, false) && handlers.regained) handlers.regained();
    if (!std::exchange(broken, false)) return;
    for (auto& line : lines) {
      line.stranger.reset();
      if (line.attempt == nullptr) continue;  // QEMU had ended: there is nobody to talk to
      line.open = std::move(line.attempt);
      line.open->begin(line.out_of_band, [this, &line] {
        if (line.out_of_band) return;
        closed_at.reset();
        if (handlers.regained) handlers.regained();
      });
    }
  }
};

Management::Management(io::Loop& loop, Handlers handlers)
    : state_(std::make_shared<State>(loop, std::move(handlers))) {
  state_->listen();
}

Management::~Management() { state_->handlers = {}; }

std::vector<std::string> Management::arguments() const {
  std::vector<std::string> list;
  for (const auto& line : state_->lines) {
    list.insert(list.end(), {"-chardev",
                             fmt::format("socket,id={},fd={},server=on,wait=off", line.word,
                                         line.listener.socket.get()),
                             "-mon", fmt::format("chardev={},mode=control", line.word)});
  }
  return list;
}

std::vector<int> Management::inherited() const {
  return {state_->lines[0].listener.socket.get(), state_->lines[1].listener.socket.get()};
}

void Management::launched() {
  for (auto& line : state_->lines) line.listener.socket.reset();
}

std::string Management::connect(Clock::time_point deadline) {
  auto version = state_->lines[0].open->negotiate(false, deadline);
  state_->lines[1].open->negotiate(true, deadline);
  return version;
}

io::Qmp& Management::monitor() { return *state_->lines[0].open; }
io::Qmp& Management::out_of_band() { return *state_->lines[1].open; }

bool Management::answers(Milliseconds patience) const {
  if (state_->closed_at) return Clock::now() - *state_->closed_at <= patience;
  return unanswered() <= patience;
}

void Management::close() { state_->close(); }

std::optional<std::string> Management::shut_out() const {
  if (!state_->broken) return std::nullopt;
  for (const auto& line : state_->lines) {
    const auto all = io::connections_of(line.listener.name);
    // The chardev takes the next client only after it has closed the one before.
    const bool stranger_served = line.stranger && line.stranger->greeted() && all.accepted == 1;
    const bool waits =
        line.attempt && line.attempt->open() && !line.attempt->greeted() && all.queued >= 1;
    if (!stranger_served || !waits) return std::nullopt;
  }
  return "QEMU closed both connections and serves another client; a new one gets no greeting";
}

bool Management::restored() const {
  return !state_->broken &&
         std::all_of(state_->lines.begin(), state_->lines.end(),
                     [](const Line& line) { return line.open->greeted() || !line.open->open(); });
}

void Management::silence() {
  state_->silent = true;
  for (auto& line : state_->lines) line.open->hold(true);
}

Milliseconds Management::unanswered() const {
  const auto since = state_->in_band().open->waiting_since();
  if (!since) return Milliseconds(0);
  return std::chrono::duration_cast<Milliseconds>(Clock::now() - *since);
}

void Management::restore() { state_->restore(); }

}  // namespace migfuzz
