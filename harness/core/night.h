// One run of an output folder as later runs see it: a night in numbers, and what it found.
//
// A folder's database holds every run (campaign/store.h). What a run shows is news only against
// those before it: what nobody had seen, what is back, and what the last one had and this one has
// not. "Gone" is a weak word, so it comes with the places that were tried again.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/verdict.h"

namespace migfuzz {

/// A finding in one night.
struct Sighting {
  std::string signature;
  Verdict verdict = Verdict::fail;
  std::uint64_t count = 0;
  std::vector<std::string> also{};   // the signatures of its cases, where they have others
  std::vector<std::string> cells{};  // the cells where it was seen; at most kCellsMax
  static constexpr std::size_t kCellsMax = 100;
  bool operator==(const Sighting&) const = default;
};

/// True when both are the same finding as far as signatures can tell.
bool same_finding(const Sighting& one, const Sighting& other);

struct Night {
  /// Of a distribution, milliseconds.
  struct Spread {
    double median = 0, p95 = 0;
    bool operator==(const Spread&) const = default;
  };
  std::uint64_t id = 0;  // of the run in its database; 0: not known
  std::string started;   // ISO 8601, UTC
  std::uint64_t seed = 0;
  std::string source_qemu, destination_qemu;
  double duration_s = 0;
  std::uint64_t cases = 0;
  std::map<Verdict, std::uint64_t> verdicts;
  std::vector<Sighting> findings;
  std::optional<Spread> blackout_ms;  // none: no case measured one
};

/// What earlier nights say about a finding of this run.
struct SeenBefore {
  /// "new": in no earlier night; "seen": in the last one; "back": earlier, not in the last one;
  /// empty: there is no earlier night.
  std::string state;
  std::uint64_t nights = 0;             // earlier ones that had it
  std::string first_night, last_night;  // when they were started
};

/// A finding of the last night that this run does not have.
struct Gone {
  Sighting then;
  std::string night;        // when that one was started
  std::uint64_t tried = 0;  // of the cells where it was seen, those that were delivered again
};

nlohmann::json to_json(const Night& night);
Night night_from_json(const nlohmann::json& json);
nlohmann::json to_json(const SeenBefore& seen);
SeenBefore seen_before_from_json(const nlohmann::json& json);
nlohmann::json to_json(const Gone& gone);
Gone gone_from_json(const nlohmann::json& json);

}  // namespace migfuzz
