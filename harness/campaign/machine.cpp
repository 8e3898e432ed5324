#include "harness/campaign/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "harness/core/error.h"
#include "harness/core/mode.h"

namespace migfuzz {
namespace {

using nlohmann::json;

// A tiny guest beats after 40-140 ms; a KVM that has not run it within 1 s is not KVM.
constexpr Milliseconds kKvmLimit{1000};
// TCG always runs it, however loaded the machine: the bound only catches a hang.
constexpr Milliseconds kTcgLimit{15000};
// A whole Linux, on a loaded machine, and once more after a boot that hangs.
constexpr Milliseconds kBootLimit{200000};
// What shows whether an accelerator works; another guest may need seconds, or files of its own.
constexpr const char* kProbe = "tiny";
// For both ends: QEMU answers within a tenth of a second, a hang is bounded by its own deadlines.
constexpr Milliseconds kModeLimit{50000};
constexpr std::uint64_t kDefaultMemory = std::uint64_t{16} << 20;
// See docs/memory-size.md: not a multiple of 256 KiB, so that QEMU < 9.0 under TCG is exact.
constexpr std::uint64_t kOdd = 8 << 10;

struct TrialAnswer {
  bool beats = false;
  std::string version, why;
  std::vector<std::string> machines, traced;
};

TrialAnswer try_one(Pool& pool, const std::string& binary, const std::string& accel,
                    const std::string& machine, const GuestShape& shape, Milliseconds limit,
                    bool trace = false) {
  const json request{{"job", "trial"},
                     {"binary", binary},
                     {"accel", accel},
                     {"machine", machine},
                     {"memory_bytes", shape.memory_bytes},
                     {"guest", shape.name},
                     {"limit_ms", limit.count()},
                     {"trace", trace}};
  const auto answer = json::parse(pool.trial(request.dump(), limit + Milliseconds(30000)));
  return {answer.at("beats"), answer.at("version"), answer.at("why"), answer.at("machines"),
          answer.at("traced")};
}

Milliseconds limit_of(const std::string& accel) {
  return accel == "kvm" ? kKvmLimit : kTcgLimit;
}

bool loses_dirty_pages(const std::string& version) {
  return std::atoi(version.c_str()) < 9;  // "7.2.22"; mended by 03bfc2188f in 9.0
}

// "pc-i440fx-7.2" is (7, 2); anything else is nothing.
std::optional<std::pair<int, int>> version_of(const std::string& machine) {
  std::pair<int, int> version;
  int length = 0;
  const bool fits = std::sscanf(machine.c_str(), "pc-i440fx-%d.%d%n", &version.first,
                                &version.second, &length) == 2;
  if (!fits || static_cast<std::size_t>(length) != machine.size()) return std::nullopt;
  return version;
}

}  // namespace

std::vector<std::string> traced_events(Pool& pool, const Plan& base, const std::string& binary) {
  return try_one(pool, binary, base.accel, base.machine, base.guest, limit_of(base.accel), true)
      .traced;
}

std::map<std::string, std::string> refused_modes(Pool& pool, const Plan& base,
                                                 const std::vector<std::string>& modes) {
  std::map<std::string, std::string> refused;
  // Plain pre-copy is what every QEMU can do; the trial has shown that it runs.
  if (std::all_of(modes.begin(), modes.end(),
                  [](const auto& mode) { return mode_from(mode).features.empty(); }))
    return refused;
  const auto ask = [&](const std::string& binary) {
    const json request{{"job", "trial"},
                       {"binary", binary},
                       {"accel", base.accel},
                       {"machine", base.machine},
                       {"memory_bytes", base.guest.memory_bytes},
                       {"guest", base.guest.name},
                       {"modes", modes}};
    const auto limit = kModeLimit * static_cast<int>(modes.size() + 1);
    const auto answer = json::parse(pool.trial(request.dump(), limit));
    for (const auto& [mode, why] : answer.items())
      refused.emplace(mode, fmt::format("{} {}", binary.empty() ? "qemu-system-x86_64" : binary,
                                        why.get<std::string>()));
  };
  ask(base.source.binary);
  if (base.destination.binary != base.source.binary) ask(base.destination.binary);
  return refused;
}

std::string newest_common_machine(const std::vector<std::string>& one,
                                  const std::vector<std::string>& other) {
  std::string newest;
  for (const auto& machine : one) {
    if (std::find(other.begin(), other.end(), machine) == other.end()) continue;
    if (version_of(machine) && (newest.empty() || version_of(newest) < version_of(machine)))
      newest = machine;
  }
  return newest;
}

std::string size_text(std::uint64_t bytes) {
  return bytes % (1 << 20) == 0 ? fmt::format("{} MiB", bytes >> 20)
                                : fmt::format("{} KiB", bytes >> 10);
}

Chosen choose(Pool& pool, const Plan& base, bool memory_given, const Guest& guest) {
  Chosen chosen;
  if (const auto why = guest.unavailable(); !why.empty()) throw CannotRun(why);
  auto shape = base.guest;
  const auto usual = std::max(kDefaultMemory, guest.least_memory_bytes());
  shape.memory_bytes = memory_given ? base.guest.memory_bytes : usual;
  if (shape.memory_bytes < guest.least_memory_bytes())
    throw UsageError(fmt::format("--memory: {} is too little for guest `{}`; give at least {}",
                                 size_text(shape.memory_bytes), guest.name(),
                                 size_text(guest.least_memory_bytes())));
  if (guest.wake(shape)) shape.name = kProbe;
  const bool same = base.source.binary == base.destination.binary;
  const auto both = [&](const std::string& accel) {
    auto source =
        try_one(pool, base.source.binary, accel, base.machine, shape, limit_of(accel));
    auto destination = same || !source.beats
                           ? source
                           : try_one(pool, base.destination.binary, accel, base.machine, shape,
                                     limit_of(accel));
    chosen.source_version = source.version;
    chosen.destination_version = destination.version;
    chosen.common_machine = newest_common_machine(source.machines, destination.machines);
    return source.beats ? destination : source;
  };
  if (base.accel != "tcg") {
    const auto kvm = both("kvm");
    if (kvm.beats) chosen.accel_why = "KVM ran the guest in the trial";
    if (!kvm.beats && base.accel == "kvm")
      throw CannotRun(fmt::format("--accel=kvm: {}; use --accel=tcg", kvm.why));
    chosen.accel = kvm.beats ? "kvm" : "tcg";
    if (!kvm.beats) chosen.accel_why = fmt::format("KVM did not run the guest ({})", kvm.why);
  }
  if (chosen.accel != "kvm") {
    chosen.accel = "tcg";
    if (base.accel == "tcg") chosen.accel_why = "asked for by --accel=tcg";
    const auto tcg = both("tcg");
    if (!tcg.beats && tcg.why.find("machine type") != std::string::npos)
      throw UsageError(fmt::format("--machine: {}", tcg.why));
    if (!tcg.beats) throw CannotRun(tcg.why);
  }
  const bool odd = chosen.accel == "tcg" && (loses_dirty_pages(chosen.source_version) ||
                                             loses_dirty_pages(chosen.destination_version));
  chosen.memory_bytes = memory_given ? base.guest.memory_bytes : odd ? usual + kOdd : usual;
  chosen.memory_why =
      memory_given ? "asked for by --memory"
      : odd ? "QEMU before 9.0 loses dirty pages under TCG at multiples of 256 KiB, so an odd size "
              "is used; --memory=64M --scenario=control shows the bug"
            : "the default";
  return chosen;
}

void boot_once(Pool& pool, const Plan& base, const Guest& guest) {
  if (!guest.wake(base.guest)) return;
  const auto trial =
      try_one(pool, base.source.binary, base.accel, base.machine, base.guest, kBootLimit);
  if (!trial.beats) throw CannotRun(fmt::format("guest {}: {}", guest.name(), trial.why));
}

}  // namespace migfuzz
