// The small vocabulary every other file speaks: which host, which phase, and what time it is.
//
// Values only. Words are the design's and QEMU's own, so that a report, a plan and the code say the
// same thing. Every enum has exactly one spelling, used in JSON, on the command line and on screen.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace migfuzz {

using Bytes = std::span<const std::byte>;
using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC: one time line for all processes here
using Milliseconds = std::chrono::milliseconds;

/// The two ends of a migration. A fault on the path between them has side `channel`.
enum class Side { source, destination, channel };

/// The stages of Clark et al. (NSDI'05) and those of newer modes, in the order in which a migration
/// passes them. Which of them a migration has is its mode's to say (mode.h).
enum class Phase {
  storage,
  prepare,
  reserve,
  precopy,
  stopcopy,
  postcopy,
  recover,
  commit,
  activate
};

/// How migration bytes travel. `tcp` crosses the namespaces' network. `unix_tight` is an AF_UNIX
/// pair with minimal buffers, so that a held source stands within its own buffer of the point.
enum class Transport { tcp, unix_tight };

std::string_view to_string(Side side);
std::string_view to_string(Phase phase);
std::string_view to_string(Transport transport);
std::optional<Side> side_from(std::string_view word);
std::optional<Phase> phase_from(std::string_view word);
std::optional<Transport> transport_from(std::string_view word);

/// All phases in order, for help texts, lists and phase bands.
std::span<const Phase> all_phases();
/// One line that says where the phase begins and ends.
std::string_view describe(Phase phase);

/// The words nearest to `word` (edit distance <= 3 or a shared prefix), best first, at most three.
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

/// FNV-1a, 64 bits: stable over machines and releases, which std::hash does not promise.
std::uint64_t stable_hash(std::string_view text);

}  // namespace migfuzz
