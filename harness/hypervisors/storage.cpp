#include "harness/hypervisors/storage.h"

#include <fmt/format.h>

#include <span>

#include "harness/core/error.h"
#include "harness/hypervisors/storage_server.h"
#include "harness/io/listener.h"
#include "harness/io/child.h"
#include "harness/io/image_lock.h"

namespace migfuzz {
namespace {

// Runs a tool to its end; throws InfraError with what it printed when that is not success.
void run_tool(io::Loop& loop, const std::string& binary, std::vector<std::string> arguments,
              std::vector<int> inherit, Clock::time_point deadline) {
  const io::MemoryFile output("tool");
  io::Launch launch;
  launch.binary = binary;
  launch.arguments = std::move(arguments);
  launch.inherit = std::move(inherit);
  launch.output_fd = output.fd();
  io::Child child(loop, launch, [](const Ending&) {});
  if (!loop.run_until([&] { return child.ending().has_value(); }, deadline))
    throw InfraError(fmt::format("{} {}: not done in time", binary, launch.arguments.front()));
  if (child.ending() != Ending{0, 0})
    throw InfraError(fmt::format("{} {}: {}", binary, launch.arguments.front(), output.text()));
}

}  // namespace

DiskAttachment null_disk(std::uint64_t size_bytes) {
  return {{fmt::format("driver=null-co,node-name=disk0,size={},read-zeroes=on", size_bytes)}, {}};
}

struct Disk::State {
  io::Loop& loop;
  const std::string kind;
  const std::uint64_t size_bytes;
  io::MemoryFile image;
  bool direct = false;
  io::Listener source_listener{}, destination_listener{};
  std::unique_ptr<StorageServer> source{}, destination{};
  std::unique_ptr<io::ImageLock> third_party{};

  void serve(const io::Network& network, Side side, Clock::time_point deadline) {
    auto& listener = side == Side::source ? source_listener : destination_listener;
    auto& server = side == Side::source ? source : destination;
    network.inside(side, [&] { listener = io::listen_unix(); });
    server = std::make_unique<StorageServer>(loop, image.fd(), network.namespace_fd(side),
                                             listener.name.substr(1), listener.socket.get());
    server->connect(deadline);
  }

  StorageServer& server(Side side) const {
    const auto& one = side == Side::source ? source : destination;
    if (!one) throw InfraError(fmt::format("the disk `{}` has no server that could fail", kind));
    return *one;
  }
};

Disk::Disk(io::Loop& loop, const std::string& kind, std::uint64_t size_bytes,
           const io::Network& network, Clock::time_point deadline)
    : state_(new State{loop, kind, size_bytes,
                       io::MemoryFile("disk", kind == "qcow2" ? 0 : size_bytes)}) {
  state_->direct = io::allows_direct(state_->image.fd());
  if (kind == "qcow2")
    run_tool(loop, "qemu-img",
             {"create", "-q", "-f", "qcow2", io::path_of(state_->image.fd()),
              std::to_string(size_bytes)},
             {state_->image.fd()}, deadline);
  if (kind == "nbd")
    for (const auto side : {Side::source, Side::destination})
      state_->serve(network, side, deadline);
}

Disk::~Disk() = default;

void Disk::follow_destination(const io::Network& network, Clock::time_point deadline) {
  if (state_->destination) state_->serve(network, Side::destination, deadline);
}

DiskAttachment Disk::attachment(Side host) const {
  const auto& s = *state_;
  if (s.kind == "none") return null_disk(s.size_bytes);
  if (s.kind == "nbd")
    return {{s.server(host).client_options() + ",node-name=image0",
             "driver=raw,node-name=disk0,file=image0"},
            {}};
  const auto* cache = s.direct ? ",cache.direct=on" : "";
  return {
      {fmt::format("driver=file,node-name=image0,filename={}{}", io::path_of(s.image.fd()), cache),
       fmt::format("driver={},node-name=disk0,file=image0{}", s.kind, cache)},
      {s.image.fd()}};
}

std::string Disk::words() const {
  const bool file = state_->kind == "raw" || state_->kind == "qcow2";
  return file ? fmt::format("{}, cache.direct={}", state_->kind, state_->direct ? "on" : "off")
              : state_->kind;
}

void Disk::fail(Side host, StorageFailure how) { state_->server(host).fail(how); }
void Disk::heal(Side host) { state_->server(host).heal(); }

void Disk::lock(bool locked) {
  if (state_->kind != "raw" && state_->kind != "qcow2")
    throw InfraError(fmt::format("the disk `{}` has no image that could be locked", state_->kind));
  if (!state_->third_party)
    state_->third_party = std::make_unique<io::ImageLock>(state_->image.fd());
  if (locked)
    state_->third_party->take();
  else
    state_->third_party->give_back();
}

StorageSight Disk::sight(Side host) const {
  auto sight = state_->kind == "nbd" ? state_->server(host).sight() : StorageSight{};
  sight.locked = state_->third_party && state_->third_party->held();
  return sight;
}

std::optional<std::vector<std::byte>> Disk::content(Clock::time_point deadline) const {
  if (state_->kind == "none") return std::nullopt;
  const auto bytes = [](const io::MemoryFile& file) {
    const auto text = file.text();
    const auto all = std::as_bytes(std::span(text));
    return std::vector<std::byte>(all.begin(), all.end());
  };
  if (state_->kind != "qcow2") return bytes(state_->image);
  const io::MemoryFile raw("disk-content", state_->size_bytes);
  run_tool(state_->loop, "qemu-img",
           {"convert", "-q", "-f", "qcow2", "-O", "raw", io::path_of(state_->image.fd()),
            io::path_of(raw.fd())},
           {state_->image.fd(), raw.fd()}, deadline);
  return bytes(raw);
}

}  // namespace migfuzz
