#include "harness/hypervisors/storage_server.h"

#include <fmt/format.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/io/child.h"
#include "harness/io/fd.h"
#include "harness/io/qmp.h"

namespace migfuzz {
namespace {

using nlohmann::json;
/// Seconds for which a client's requests wait for a server that is gone before they fail: longer
/// than every heal, as a cloud sets it.
constexpr int kReconnectSeconds = 30;

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

struct StorageServer::State {
  io::Loop& loop;
  const int image_fd, namespace_fd;
  const std::string name;
  const int listener_fd;
  io::MemoryFile output{"storage-daemon"};
  std::unique_ptr<io::Child> daemon{};
  std::unique_ptr<io::Qmp> monitor{};
  // A third client, which reads one sector while errors are wanted.
  std::unique_ptr<io::MemoryFile> probe_output{};
  std::unique_ptr<io::Child> probe{};
  bool broken = false;

  void start() {
    auto [here, there] = io::socket_pair();
    io::Launch launch;
    launch.binary = "qemu-storage-daemon";
    launch.arguments = {
        "--chardev", fmt::format("socket,id=qmp,fd={}", there.get()), "--monitor", "chardev=qmp",
        "--blockdev", fmt::format("driver=file,node-name=image,filename={}", io::path_of(image_fd)),
        "--blockdev", "driver=raw,node-name=disk,file=image", "--blockdev",
        // Every kind of request, flushes too: what a client is told by an array that is gone.
        "driver=blkdebug,node-name=broken,image=image,inject-error.0.event=none,"
        "inject-error.0.errno=5,inject-error.1.event=none,inject-error.1.errno=5,"
        "inject-error.1.iotype=block-status",
        "--nbd-server", fmt::format("addr.type=fd,addr.str={}", listener_fd), "--export",
        "type=nbd,id=disk,node-name=disk,name=disk,writable=on"};
    launch.inherit = {image_fd, there.get(), listener_fd};
    launch.network_namespace_fd = namespace_fd;
    launch.output_fd = output.fd();
    daemon = std::make_unique<io::Child>(loop, launch, [](const Ending&) {});
    monitor = std::make_unique<io::Qmp>(loop, std::move(here), io::Qmp::Handlers{});
    broken = false;
  }

  void answer_errors() {
    monitor->send("blockdev-reopen",
                  {{"options", {{{"driver", "raw"}, {"node-name", "disk"}, {"file", "broken"}}}}},
                  [this](const json&, const io::QmpError* error) {
                    if (error == nullptr) start_probe();
                  });
    broken = true;
  }

  void start_probe() {
    probe_output = std::make_unique<io::MemoryFile>("storage-probe");
    io::Launch launch;
    launch.binary = "qemu-io";
    launch.arguments = {"-r", "--image-opts", client_options(), "-c", "read 0 512"};
    launch.network_namespace_fd = namespace_fd;
    launch.output_fd = probe_output->fd();
    probe = std::make_unique<io::Child>(loop, launch, [](const Ending&) {});
  }

  std::string client_options() const {
    return fmt::format(
        "driver=nbd,server.type=unix,server.path={},server.abstract=on,export=disk,"
        "reconnect-delay={}",
        name, kReconnectSeconds);
  }
};

StorageServer::StorageServer(io::Loop& loop, int image_fd, int network_namespace_fd,
                             std::string listener_name, int listener_fd)
    : state_(
          new State{loop, image_fd, network_namespace_fd, std::move(listener_name), listener_fd}) {
  state_->start();
}

StorageServer::~StorageServer() = default;

void StorageServer::connect(Clock::time_point deadline) {
  try {
    state_->monitor->negotiate(false, deadline);
  } catch (const InfraError& error) {
    throw InfraError(fmt::format("qemu-storage-daemon: {}; it printed: {}", error.what(),
                                 trimmed(state_->output.text())));
  }
}

void StorageServer::fail(StorageFailure how) {
  switch (how) {
    case StorageFailure::errors:
      return state_->answer_errors();
    case StorageFailure::hangs:
      return state_->daemon->signal(SIGSTOP);
    case StorageFailure::crashes:
      return state_->daemon->signal(SIGKILL);
  }
}

void StorageServer::heal() {
  state_->daemon->signal(SIGCONT);
  state_->probe.reset();  // what it saw proves nothing of a later failure
  if (state_->daemon->alive() && !state_->broken) return;
  state_->monitor.reset();
  state_->daemon.reset();  // ends it where it lives
  state_->start();
  state_->monitor->begin(false, [] {});  // it may be told to fail again
}

StorageSight StorageServer::sight() const {
  StorageSight sight;
  sight.ended = state_->daemon->ending();
  sight.frozen = !sight.ended && state_->daemon->all_threads_stopped();
  if (state_->probe && state_->probe->ending()) sight.probe = trimmed(state_->probe_output->text());
  return sight;
}

std::string StorageServer::client_options() const { return state_->client_options(); }

}  // namespace migfuzz
