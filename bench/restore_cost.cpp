// What it costs to have a warm guest: restored from where it was saved, until its first heartbeat.
//
//   restore_cost [GUEST [QEMU [RUNS]]]      default: linux, qemu-system-x86_64 of PATH, 200 runs
//
// One after the other: QEMU started, RAM copied, devices loaded, guest woken, first step told. The
// first run may boot and save the guest; it is not counted. Prints median, 99th percentile and
// maximum, and how many gave no sign of life within 20 s. Exit status 1 when any did not, 77 where
// the guest cannot be started here.
#include <fmt/format.h>

#include <algorithm>

#include "guests/catalog.h"
#include "harness/core/error.h"
#include "harness/hypervisors/saved_vm.h"
#include "harness/io/files.h"

namespace migfuzz {
namespace {

constexpr Milliseconds kLimit{20000};

// Milliseconds until the first heartbeat; nothing: it never came.
std::optional<double> restore_once(io::Loop& loop, QemuHostSpec spec, std::uint64_t seed) {
  spec.shape.seed = seed;
  const auto saved = saved_vm(loop, spec);
  const io::MemoryFile disk("disk", spec.guest->disk_bytes());
  io::copy_data(disk.fd(), saved.disk.get());
  spec.disk = file_disk(disk.fd());
  spec.incoming = spec.paused = true;
  History history;
  const auto begun = Clock::now();
  QemuHost host(loop, spec, history, [] {});
  host.connect(begun + kLimit);
  go_on_from(saved, host, *spec.guest->wake(spec.shape), begun + kLimit);
  const io::Ticker look(loop, Milliseconds(1), [] {});
  if (!loop.run_until([&] { return host.last_step() > 0; }, begun + kLimit)) return std::nullopt;
  return std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
}

int run(const std::string& name, const std::string& binary, int runs) {
  const auto guests = all_guests();
  const auto found = std::find_if(guests.begin(), guests.end(),
                                  [&](const auto& one) { return one->name() == name; });
  if (found == guests.end()) {
    fmt::print(stderr, "restore_cost: no guest `{}`; see `migfuzz list guests`\n", name);
    return 2;
  }
  const Guest& guest = **found;
  QemuHostSpec spec;
  spec.binary = binary;
  spec.guest = &guest;
  spec.shape.name = name;
  spec.shape.memory_bytes = guest.least_memory_bytes() + (8 << 10);  // docs/memory-size.md
  if (const auto why = guest.unavailable(); !why.empty() || !guest.wake(spec.shape)) {
    fmt::print("SKIPPED: {}\n", why.empty() ? "this guest boots by itself" : why);
    return 77;
  }
  io::Loop loop;
  restore_once(loop, spec, 1);
  std::vector<double> times;
  int hung = 0;
  for (int i = 0; i < runs; ++i) {
    const auto took = restore_once(loop, spec, static_cast<std::uint64_t>(i) + 2);
    took ? times.push_back(*took) : void(++hung);
  }
  std::sort(times.begin(), times.end());
  if (!times.empty())
    fmt::print("{} restores of {}: median {:.0f} ms, 99th percentile {:.0f} ms, most {:.0f} ms\n",
               times.size(), name, times[times.size() / 2],
               times[(times.size() * 99 + 99) / 100 - 1], times.back());
  fmt::print("{} of {} gave no sign of life within {} s\n", hung, runs, kLimit.count() / 1000);
  return hung == 0 ? 0 : 1;
}

}  // namespace
}  // namespace migfuzz

int main(int count, char** words) {
  try {
    return migfuzz::run(count > 1 ? words[1] : "linux", count > 2 ? words[2] : "",
                        count > 3 ? std::atoi(words[3]) : 200);
  } catch (const std::exception& error) {
    fmt::print(stderr, "restore_cost: {}\n", error.what());
    return 4;
  }
}
