#include "harness/hypervisors/storage.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "harness/core/error.h"
#include "harness/hypervisors/storage_server.h"
#include "harness/io/listener.h"
#include "harness/io/child.h"
#include "harness/io/files.h"
#include "harness/io/image_lock.h"
#include "harness/io/small_volume.h"

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

DiskAttachment file_disk(int image_fd, const std::string& format, bool direct) {
  const auto* cache = direct ? ",cache.direct=on" : "";
  return {{fmt::format("driver=file,node-name=image0,filename={}{}", io::path_of(image_fd), cache),
           fmt::format("driver={},node-name=disk0,file=image0{}", format, cache)},
          {image_fd}};
}

struct Disk::State {
  io::Loop& loop;
  const std::string kind;
  const std::uint64_t size_bytes;
  io::MemoryFile image;
  const bool own = false;
  std::unique_ptr<io::SmallVolume> volume{};       // the destination's own image…
  std::unique_ptr<io::MemoryFile> daemons_image{};  // …or that of its own daemon
  bool direct = false;
  io::Listener source_listener{}, destination_listener{};
  std::unique_ptr<StorageServer> source{}, destination{};
  std::unique_ptr<io::ImageLock> third_party{};
  struct Read {
    io::MemoryFile output{"storage-read"};
    std::unique_ptr<io::Child> tool{};
  };
  std::unique_ptr<Read> source_read{}, destination_read{};

  int image_of(Side side) const {
    if (!own || side == Side::source) return image.fd();
    return volume ? volume->fd() : daemons_image->fd();
  }

  void create(int fd, Clock::time_point deadline) const {
    if (kind != "qcow2") return;
    run_tool(loop, "qemu-img",
             {"create", "-q", "-f", "qcow2", io::path_of(fd), std::to_string(size_bytes)}, {fd},
             deadline);
  }

  void begin_with(int content, Clock::time_point deadline) const {
    if (kind == "none") return;
    if (kind != "qcow2") return io::copy_data(image.fd(), content);
    run_tool(loop, "qemu-img",
             {"convert", "-q", "-n", "-f", "raw", "-O", "qcow2", io::path_of(content),
              io::path_of(image.fd())},
             {content, image.fd()}, deadline);
  }

  void make_destinations(Clock::time_point deadline) {
    const auto bytes = kind == "qcow2" ? 0 : size_bytes;
    if (kind == "nbd") {
      daemons_image = std::make_unique<io::MemoryFile>("disk-2", bytes);
      return;
    }
    volume = std::make_unique<io::SmallVolume>(bytes);
    create(volume->fd(), deadline);
  }

  // Written, not only sized: a mirror of holes would be done at once, and could not be met.
  void write_zeroes() const {
    const std::vector<char> zeroes(size_bytes);
    if (::pwrite(image.fd(), zeroes.data(), zeroes.size(), 0) !=
        static_cast<ssize_t>(zeroes.size()))
      io::fail("writing the disk");
  }

  void serve(const io::Network& network, Side side, Clock::time_point deadline) {
    auto& listener = side == Side::source ? source_listener : destination_listener;
    auto& server = side == Side::source ? source : destination;
    network.inside(side, [&] { listener = io::listen_unix(); });
    server = std::make_unique<StorageServer>(loop, image_of(side), network.namespace_fd(side),
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
           const io::Network& network, bool own, int content, Clock::time_point deadline)
    : state_(new State{loop, kind, size_bytes,
                       io::MemoryFile("disk", kind == "qcow2" ? 0 : size_bytes), own}) {
  state_->create(state_->image.fd(), deadline);
  if (own && kind == "none") throw InfraError("the disk `none` cannot be mirrored");
  if (own && kind != "qcow2") state_->write_zeroes();
  if (content >= 0) state_->begin_with(content, deadline);
  if (own) state_->make_destinations(deadline);
  state_->direct = io::allows_direct(state_->image.fd()) &&
                   (!state_->volume || io::allows_direct(state_->volume->fd()));
  if (kind == "nbd")
    for (const auto side : {Side::source, Side::destination})
      state_->serve(network, side, deadline);
}

Disk::~Disk() = default;

void Disk::follow_destination(const io::Network& network, Clock::time_point deadline) {
  if (state_->destination) state_->serve(network, Side::destination, deadline);
}

void Disk::renew_destination(const io::Network& network, Clock::time_point deadline) {
  if (!state_->own) return;
  state_->destination.reset();
  state_->make_destinations(deadline);
  if (state_->kind == "nbd") state_->serve(network, Side::destination, deadline);
}

DiskAttachment Disk::attachment(Side host) const {
  const auto& s = *state_;
  if (s.kind == "none") return null_disk(s.size_bytes);
  if (s.kind == "nbd")
    return {{s.server(host).client_options() + ",node-name=image0",
             "driver=raw,node-name=disk0,file=image0"},
            {}};
  return file_disk(s.image_of(host), s.kind, s.direct);
}

std::string Disk::words() const {
  const bool file = state_->kind == "raw" || state_->kind == "qcow2";
  const auto* own = state_->own ? ", one for each host" : "";
  return file ? fmt::format("{}, cache.direct={}{}", state_->kind, state_->direct ? "on" : "off",
                            own)
              : state_->kind + own;
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

void Disk::begin_read(Side host, const io::Network& network) {
  auto& s = *state_;
  if (s.kind == "none") return;
  auto& read = host == Side::source ? s.source_read : s.destination_read;
  read = std::make_unique<State::Read>();
  io::Launch launch;
  launch.binary = "qemu-io";
  // -U: the VM's own QEMU has it open.
  launch.arguments = {"-r", "-U", "-c", "read 0 512"};
  if (s.kind == "nbd") {
    launch.arguments.insert(launch.arguments.end(),
                            {"--image-opts", s.server(host).client_options()});
  } else {
    launch.arguments.insert(launch.arguments.end(),
                            {"-f", s.kind, io::path_of(s.image_of(host))});
    launch.inherit = {s.image_of(host)};
  }
  launch.network_namespace_fd = network.namespace_fd(host);
  launch.output_fd = read->output.fd();
  read->tool = std::make_unique<io::Child>(s.loop, launch, [](const Ending&) {});
}

std::optional<std::string> Disk::read_answer(Side host) const {
  if (state_->kind == "none") return "";
  const auto& read = host == Side::source ? state_->source_read : state_->destination_read;
  if (!read || !read->tool->ending()) return std::nullopt;
  auto said = read->output.text();
  if (read->tool->ending() == Ending{0, 0}) return "";
  said.erase(std::min(said.find('\n'), said.size()));
  return said.empty() ? "reading it failed" : said;
}

void Disk::fill(bool full) {
  if (!state_->volume)
    throw InfraError(fmt::format("the disk `{}` has no volume that could be full", state_->kind));
  full ? state_->volume->fill() : state_->volume->make_room();
}

std::string Disk::refusal() const { return state_->volume ? state_->volume->refusal() : ""; }

std::optional<std::vector<std::byte>> Disk::content(Side host, Clock::time_point deadline) const {
  if (state_->kind == "none") return std::nullopt;
  const auto bytes = [](int fd, std::uint64_t size) {
    std::vector<std::byte> all(size);
    const auto n = ::pread(fd, all.data(), all.size(), 0);
    if (n != static_cast<ssize_t>(all.size())) io::fail("reading the disk");
    return all;
  };
  const int image = state_->image_of(host);
  if (state_->kind != "qcow2") return bytes(image, state_->size_bytes);
  const io::MemoryFile raw("disk-content", state_->size_bytes);
  // -U: a QEMU that stands still may have it open.
  run_tool(state_->loop, "qemu-img",
           {"convert", "-q", "-U", "-f", "qcow2", "-O", "raw", io::path_of(image),
            io::path_of(raw.fd())},
           {image, raw.fd()}, deadline);
  return bytes(raw.fd(), state_->size_bytes);
}

}  // namespace migfuzz
