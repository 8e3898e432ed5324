// What a case reached inside both QEMUs and on the channel: the coverage that steers a search.
//
// One item is one readable name, so that a list of them needs no table to be understood:
//   source/event/NAME        a trace event; NAME(STATE) where its text names a state
//   source/pair/A>B          B came next after A in one thread; A is `begin` for its first
//   source/status/A>B        migration status, as the monitor told it
//   source/run/A>B           run state, likewise
//   channel/item/NAME        an item of the stream, a device's section with the device's name
//   channel/point/PHASE/NAME a point that was passed
//   channel/back/NAME        a message of the return path
// `destination` likewise; a second destination counts as one. Values only, and pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/core/history.h"
#include "harness/core/types.h"

namespace migfuzz {

/// One trace event as a host's process told it.
struct Traced {
  std::uint64_t thread = 0;  // 0 where the log names none
  std::string event;         // "savevm_state_begin", "migrate_set_state(active)"
  bool operator==(const Traced&) const = default;
};

/// Everything that one host's process traced.
struct HostTrace {
  std::string text;  // as it was written, perhaps cut
  std::vector<Traced> events;
};

/// No case may say more: a hostile log must not fill the store.
inline constexpr std::size_t kReachedMost = 5000;

/// The items of one case, sorted, each once. `traces` has one entry for each process.
std::vector<std::string> reached_by(const History& history,
                                    const std::vector<std::pair<Side, HostTrace>>& traces);

/// "source/pair/a>b" is {source, pair, a>b}; parts that are missing are empty.
struct ReachedItem {
  std::string_view where, kind, name;
};
ReachedItem reached_item(std::string_view item);

/// What a run reached in one host's process.
struct HostReach {
  std::string host;
  std::uint64_t known = 0;                          // events about migration that its binary has
  std::uint64_t events = 0, pairs = 0, states = 0;  // reached; states: transitions of both kinds
  std::vector<std::string> never;                   // known events that no case reached
};

/// What a run had reached after so many cases.
struct Growth {
  std::uint64_t cases = 0, events = 0, pairs = 0;  // of both hosts
};

/// What a run reached, for summary.json and the reports.
struct RunReach {
  std::string mode = "off";  // off, watch, on
  std::string why;           // of that mode, one line
  std::vector<HostReach> hosts;
  std::uint64_t channel = 0;            // items, points and messages of the channel
  std::uint64_t kept = 0, mutated = 0;  // interesting plans; cases drawn from one of them
  std::vector<Growth> growth;           // some of the cases in order, the last one among them
};

nlohmann::json to_json(const RunReach& reach);
RunReach run_reach_from_json(const nlohmann::json& json);

}  // namespace migfuzz
