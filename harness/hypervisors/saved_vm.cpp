#include "harness/hypervisors/saved_vm.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "harness/core/cache_folder.h"
#include "harness/core/error.h"
#include "harness/io/digest.h"
#include "harness/io/files.h"

namespace migfuzz {
namespace {

using nlohmann::json;
// TCG: 3 to 5 s on an idle machine. Once in some dozen boots it never comes.
constexpr Milliseconds kBootLimit{60000};
constexpr Milliseconds kAnswerLimit{20000};

std::string made_of(const QemuHostSpec& like) {
  const auto binary = io::find_executable(like.binary.empty() ? default_qemu_binary()
                                                              : like.binary);
  std::string text = fmt::format("saved VM, format 1\nqemu: {}\n",
                                 binary ? io::identity_of(*binary) : like.binary);
  text += fmt::format("accelerator: {}\nmachine: {}\nmemory: {}\nnetwork device: {}\n", like.accel,
                      like.machine, like.shape.memory_bytes, like.network_device);
  text += fmt::format("guest: {} {:016x}\n", like.guest->name(), like.guest->payload_hash());
  for (const auto& word : like.guest->arguments(like.shape, "PAYLOAD"))
    text += "  " + (word.starts_with('/') ? io::identity_of(word) : word) + "\n";
  return text;
}

class Boot {
 public:
  Boot(io::Loop& loop, const QemuHostSpec& like)
      : loop_(loop), disk_("disk", like.guest->disk_bytes()), host_(loop, spec(like), history_,
                                                                    [] {}) {}

  /// False when the guest gives no sign of life for so long that it will not.
  bool waits(const Guest& guest) {
    host_.connect(Clock::now() + kAnswerLimit);
    const io::Ticker look(loop_, Milliseconds(5), [] {});
    const auto ready = [&] {
      if (guest.waits(host_.guest_text())) return true;  // or throws, with its last words
      if (!host_.process().alive())
        throw InfraError(fmt::format("QEMU ended while the guest booted: {}", host_.messages()));
      return false;
    };
    return loop_.run_until(ready, Clock::now() + kBootLimit);
  }

  void save(const std::string& folder) {
    const auto deadline = Clock::now() + kAnswerLimit;
    auto& monitor = host_.monitor();
    monitor.call("stop", json::object(), deadline);
    ignore_shared(monitor, true, deadline);
    const io::MemoryFile devices("devices");
    monitor.call("getfd", {{"fdname", "devices"}}, deadline, devices.fd());
    monitor.call("migrate", {{"uri", "fd:devices"}}, deadline);
    wait_for_migration(loop_, host_, deadline);
    io::write_data(folder + "/ram", host_.ram_file()->fd());
    io::write_data(folder + "/disk", disk_.fd());
    io::write_data(folder + "/devices", devices.fd());
  }

 private:
  QemuHostSpec spec(const QemuHostSpec& like) const {
    QemuHostSpec spec;
    spec.binary = like.binary;
    spec.accel = like.accel;
    spec.machine = like.machine;
    spec.shape = like.shape;
    spec.guest = like.guest;
    spec.network_device = like.network_device;
    spec.disk = file_disk(disk_.fd());
    return spec;
  }

  io::Loop& loop_;
  History history_;
  io::MemoryFile disk_;
  QemuHost host_;
};

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error)
    throw InfraError(fmt::format("{}: {}; set XDG_CACHE_HOME to a folder that can be written to",
                                 path, error.message()));
}

SavedVm open_saved(const std::string& folder) {
  return {io::open_for_reading(folder + "/ram"), io::open_for_reading(folder + "/disk"),
          io::open_for_reading(folder + "/devices")};
}

}  // namespace

SavedVm saved_vm(io::Loop& loop, const QemuHostSpec& like) {
  const auto text = made_of(like);  // CannotRun, where there is none
  const auto all = cache_folder() + "/saved";
  const auto key = io::sha256(std::as_bytes(std::span(text))).substr(0, 16);
  const auto folder = all + "/" + key;
  if (io::is_there(folder + "/made-of")) return open_saved(folder);
  make_folder(all);
  const io::WaitingLock lock(folder + ".lock");
  if (io::is_there(folder + "/made-of")) return open_saved(folder);
  for (unsigned boots = 1; boots <= kBootsMost; ++boots) {
    Boot boot(loop, like);
    if (!boot.waits(*like.guest)) continue;
    const auto half = folder + ".new";  // ours alone, under the lock
    std::filesystem::remove_all(half);
    make_folder(half);
    boot.save(half);
    io::MemoryFile words("made-of");
    words.write(std::as_bytes(std::span(text)));
    io::write_data(half + "/made-of", words.fd());
    std::filesystem::remove_all(folder);
    std::filesystem::rename(half, folder);
    auto saved = open_saved(folder);
    saved.boots = boots;
    return saved;
  }
  throw InfraError(fmt::format("the guest {} did not boot within {} s, {} times",
                               like.guest->name(), kBootLimit.count() / 1000, kBootsMost));
}

void go_on_from(const SavedVm& saved, QemuHost& host, const Guest::RamWrite& wake,
                Clock::time_point deadline) {
  io::copy_data(host.ram_file()->fd(), saved.ram.get());
  // A descriptor of its own: QEMU reads on from where the last one stopped.
  host.restore(io::reopen_for_reading(saved.devices.get()).get(), deadline);
  host.poke(wake.gpa, wake.bytes);
  host.monitor().call("cont", json::object(), deadline);
}

}  // namespace migfuzz
