// The spellings of the vocabulary, one table per enum, and the search for a mistyped word.
//
// Each table is in the order of its enum, which to_string() relies on. Phases and their limits are
// those of the design (Clark et al., NSDI'05).
#include "harness/core/types.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>
#include <utility>

namespace migfuzz {
namespace {

constexpr std::array<std::string_view, 3> kSides = {"source", "destination", "channel"};
constexpr std::array<std::string_view, 2> kTransports = {"tcp", "unix-tight"};
constexpr std::array kPhases = {Phase::storage,  Phase::prepare,  Phase::reserve,
                                Phase::precopy,  Phase::stopcopy, Phase::postcopy,
                                Phase::recover,  Phase::commit,   Phase::activate};

struct PhaseText {
  std::string_view name;
  std::string_view description;
};
constexpr std::array<PhaseText, kPhases.size()> kPhaseTexts = {{
    {"storage", "from the start of the disk's mirror until the destination's disk has taken over"},
    {"prepare", "from both hosts up to the first byte of the stream; the destination waits"},
    {"reserve", "from the first byte to the end of RAM's set-up (footer of its SECTION_START)"},
    {"precopy",
     "from the first RAM PART until the source stops: passes over memory, guest running"},
    {"stopcopy", "from the source's stop to the end mark (EOF): last pages, then every device"},
    {"postcopy",
     "from the switch-over package until the last page: the destination runs and fetches pages"},
    {"recover", "from a channel lost in post-copy until both hosts go on with it"},
    {"commit", "from the end mark until the source has the destination's acknowledgement"},
    {"activate", "from the acknowledgement until the destination runs and the source is discarded"},
}};

template <typename Enum, std::size_t N>
std::optional<Enum> enum_from(std::string_view word, const std::array<std::string_view, N>& names) {
  const auto found = std::find(names.begin(), names.end(), word);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

/// Levenshtein's distance: insertions, deletions and replacements that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view to_string(Side side) { return kSides.at(static_cast<std::size_t>(side)); }
std::string_view to_string(Phase phase) {
  return kPhaseTexts.at(static_cast<std::size_t>(phase)).name;
}
std::string_view to_string(Transport transport) {
  return kTransports.at(static_cast<std::size_t>(transport));
}

std::optional<Side> side_from(std::string_view word) { return enum_from<Side>(word, kSides); }
std::optional<Phase> phase_from(std::string_view word) {
  for (const Phase phase : kPhases)
    if (to_string(phase) == word) return phase;
  return std::nullopt;
}
std::optional<Transport> transport_from(std::string_view word) {
  return enum_from<Transport>(word, kTransports);
}

std::span<const Phase> all_phases() { return kPhases; }
std::string_view describe(Phase phase) {
  return kPhaseTexts.at(static_cast<std::size_t>(phase)).description;
}

std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
  constexpr std::size_t kFarthest = 3;
  constexpr std::size_t kMost = 3;
  constexpr std::size_t kLongestWord = 256;  // the search is quadratic and the word a user's
  if (word.empty() || word.size() > kLongestWord) return {};
  std::vector<std::tuple<std::size_t, std::string>> ranked;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    // Half of the letters must agree: "x" is no mistyped "tcp".
    const std::size_t longest = std::max(word.size(), candidate.size());
    const bool alike = distance <= kFarthest && distance * 2 <= longest;
    const bool shares_prefix = candidate.starts_with(word) || word.starts_with(candidate);
    if (alike || (shares_prefix && !candidate.empty())) ranked.emplace_back(distance, candidate);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::string> best;
  for (const auto& [distance, candidate] : ranked) {
    if (best.size() == kMost) break;
    if (best.empty() || best.back() != candidate) best.push_back(candidate);
  }
  return best;
}

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return hash;
}

}  // namespace migfuzz
