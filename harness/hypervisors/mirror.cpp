#include "harness/hypervisors/mirror.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/io/forwarder.h"
#include "harness/io/qmp.h"

namespace migfuzz {
namespace {

using nlohmann::json;
using MirrorState = MirrorSight::State;
constexpr const char* kDisk = "disk0";  // the node that is mirrored, and its export's name
// NBD's registered port; the destination's namespace holds nothing else that could listen there.
constexpr std::uint16_t kNbdPort = 10809;
// One piece at a time, a few a second: a mirror that is not done when somebody wants to meet it.
constexpr std::uint64_t kPieceBytes = 64 << 10, kSlowBytesPerS = 4 * kPieceBytes;

}  // namespace

struct Mirror::State : std::enable_shared_from_this<State> {
  State(io::Loop& loop, const io::Network& n, History& h, int attempt, std::function<void()> c)
      : network(n),
        history(h),
        changed(std::move(c)),
        job(fmt::format("mirror-{}", attempt)),
        node(fmt::format("mirror-{}-disk", attempt)),
        path(loop, [this](const std::string& what) {
          history.add("channel", "mirror", "connection", {{"what", what}});
          changed();
        }) {}

  const io::Network& network;
  History& history;
  std::function<void()> changed;
  const std::string job, node;
  io::Forwarder path;
  QemuHost* source = nullptr;
  QemuHost* destination = nullptr;
  MirrorSight seen;
  bool asked = false, ask_again = false, abandoned = false;
  bool has_node = false;  // the source has, or is making, or is deleting the node of the connection

  void become(MirrorState stage, const std::string& why = "") {
    if (seen.state == stage || over()) return;
    seen.state = stage;
    seen.why = why;
    Fields fields;
    if (!why.empty()) fields.emplace_back("why", why);
    history.add("source", "mirror", to_string(stage), std::move(fields));
    changed();
  }

  // A command of the mirror; `then` is called when it was accepted.
  void tell(Side side, const std::string& command, const json& arguments,
            std::function<void(const io::QmpError*)> then) {
    history.add(to_string(side), "qmp-command", command);
    auto& host = side == Side::source ? *source : *destination;
    host.monitor().send(command, arguments,
                        [self = shared_from_this(), side, command, then = std::move(then)](
                            const json&, const io::QmpError* error) {
                          Fields fields;
                          if (error != nullptr) fields.emplace_back("error", error->text);
                          self->history.add(to_string(side), "qmp-reply", command,
                                            std::move(fields));
                          then(error);
                          self->changed();
                        });
    changed();
  }

  void connect() {
    has_node = true;
    const json server{
        {"type", "inet"}, {"host", io::kSwitchAddress}, {"port", std::to_string(path.port())}};
    tell(Side::source, "blockdev-add",
         {{"driver", "nbd"}, {"node-name", node}, {"server", server}, {"export", kDisk}},
         [this](const io::QmpError* error) {
           has_node = error == nullptr;
           has_node ? copy() : become(MirrorState::failed, error->text);
         });
  }

  void copy() {
    if (abandoned) return;
    tell(Side::source, "blockdev-mirror",
         {{"job-id", job},
          {"device", kDisk},
          {"target", node},
          {"sync", "full"},
          {"speed", kSlowBytesPerS},
          {"buf-size", kPieceBytes},
          {"auto-dismiss", false}},
         [this](const io::QmpError* error) {
           error == nullptr ? look() : become(MirrorState::failed, error->text);
         });
  }

  void look() {
    if (source == nullptr || seen.state == MirrorState::none || !source->monitor().open()) return;
    ask_again = asked;
    if (std::exchange(asked, true)) return;
    source->monitor().send("query-jobs", {},
                           [self = shared_from_this()](const json& jobs,
                                                       const io::QmpError* error) {
                             self->asked = false;
                             if (error == nullptr) self->take(jobs);
                             if (std::exchange(self->ask_again, false)) self->look();
                           });
  }

  void take(const json& jobs) {
    for (const auto& one : jobs)
      if (one.value("id", "") == job) take_one(one);
  }

  void take_one(const json& one) {
    const auto status = one.value("status", "");
    if (status == "concluded") return conclude(one.value("error", ""));
    if (seen.state == MirrorState::ending) return;
    if (status == "running" || status == "paused") become(MirrorState::running);
    if (status == "ready" || status == "standby") become(MirrorState::ready);
  }

  void conclude(const std::string& error) {
    if (!error.empty())
      become(MirrorState::failed, error);
    else if (seen.state == MirrorState::ending)
      become(MirrorState::ended);
    else
      become(MirrorState::failed, "it ended before it was told to");
    // The job is gone only now, and its target with it.
    tell(Side::source, "job-dismiss", {{"id", job}}, [](const io::QmpError*) {});
    // It waits for the server to close, in the main loop: a silent one needs the yank here, too.
    tell(Side::source, "blockdev-del", {{"node-name", node}},
         [this](const io::QmpError*) { has_node = false; });
  }

  void yank() {
    if (!has_node || !source->out_of_band().open()) return;
    history.add("source", "qmp-command", "yank", {{"node", node}});
    const auto instances = json::array({{{"type", "block-node"}, {"node-name", node}}});
    source->out_of_band().send(
        "yank", {{"instances", instances}}, [](const json&, const io::QmpError*) {}, true);
  }

  bool over() const {
    return seen.state == MirrorState::ended || seen.state == MirrorState::failed;
  }
};

Mirror::Mirror(io::Loop& loop, const io::Network& network, History& history, int attempt,
               std::function<void()> changed)
    : state_(std::make_shared<State>(loop, network, history, attempt, std::move(changed))) {}

Mirror::~Mirror() {
  state_->changed = [] {};
}

void Mirror::prepare(QemuHost& source, QemuHost& destination, Clock::time_point deadline) {
  auto& s = *state_;
  s.source = &source;
  s.destination = &destination;
  const json address{{"host", io::kDestinationAddress}, {"port", std::to_string(kNbdPort)}};
  destination.monitor().call("nbd-server-start",
                             {{"addr", {{"type", "inet"}, {"data", address}}}}, deadline);
  destination.monitor().call("block-export-add",
                             {{"type", "nbd"},
                              {"id", kDisk},
                              {"node-name", kDisk},
                              {"name", kDisk},
                              {"writable", true}},
                             deadline);
  s.network.inside(Side::channel, [&] { s.path.listen(io::kSwitchAddress); });
  s.path.forward_to(io::kDestinationAddress, kNbdPort, [&network = s.network] {
    int fd = -1;
    network.inside(Side::channel, [&] {
      fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    });
    if (fd < 0) io::fail("mirror: socket");
    return io::UniqueFd(fd);
  });
}

void Mirror::start() {
  if (state_->seen.state != MirrorState::none) return;
  state_->become(MirrorState::starting);
  state_->connect();
}

void Mirror::hurry() {
  state_->tell(Side::source, "block-job-set-speed", {{"device", state_->job}, {"speed", 0}},
               [](const io::QmpError*) {});
}

void Mirror::end() {
  if (state_->seen.state != MirrorState::ready) return;
  state_->become(MirrorState::ending);
  // Once it is ready, a cancel that is not forced is its completion without the switch to the
  // target (qapi/block-core.json).
  state_->tell(Side::source, "block-job-cancel", {{"device", state_->job}},
               [self = state_](const io::QmpError*) { self->look(); });
}

void Mirror::abandon() {
  auto& s = *state_;
  if (s.seen.state == MirrorState::none || s.abandoned) return;
  s.abandoned = true;
  s.yank();
  if (!s.over())
    s.tell(Side::source, "block-job-cancel", {{"device", s.job}, {"force", true}},
           [](const io::QmpError*) {});
  s.become(MirrorState::failed, "abandoned");
}

void Mirror::yank() { state_->yank(); }

void Mirror::end_export() {
  auto& s = *state_;
  s.tell(Side::destination, "block-export-del", {{"id", kDisk}, {"mode", "hard"}},
         [](const io::QmpError*) {});
  s.tell(Side::destination, "nbd-server-stop", json::object(), [](const io::QmpError*) {});
}

void Mirror::stop_server() {
  state_->tell(Side::destination, "nbd-server-stop", json::object(), [](const io::QmpError*) {});
}

void Mirror::heard(const std::string& event, const json& data) {
  if (event == "JOB_STATUS_CHANGE" && data.value("id", "") == state_->job) state_->look();
}

void Mirror::look() { state_->look(); }
void Mirror::cut() { state_->path.cut(); }
void Mirror::stall(bool stalled) { state_->path.stall(stalled); }
MirrorSight Mirror::sight() const { return state_->seen; }
Clock::time_point Mirror::last_byte() const { return state_->path.last_byte(); }

MirrorPathSight Mirror::path() const {
  constexpr int kEstablished = 1;  // TCP_ESTABLISHED, include/net/tcp_states.h
  auto sight = state_->path.sight();
  const auto established = [&](Side side, std::uint16_t remote) {
    for (const auto& socket : state_->network.tcp_sockets(side))
      if (remote != 0 && socket.remote_port == remote && socket.state == kEstablished) return true;
    return false;
  };
  sight.cut_seen = !established(Side::source, state_->path.port()) &&
                   !established(Side::destination, state_->path.local_port());
  return sight;
}

}  // namespace migfuzz
