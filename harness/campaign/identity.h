// Which case is which: the key that makes a case the same one in another session, shard or machine.
//
// A key is a hash of the plan and its number among equal plans, "4f2a…-1". What the machine chose
// (accelerator, RAM size, machine type) is left out of the hash: a shard that runs again on another
// machine runs the same cases, and counts once. Two plans that differ in nothing else are told
// apart by their number, so that a collision can cost no case.
#pragma once

#include <map>
#include <string>

#include "harness/core/plan.h"

namespace migfuzz {

/// Begins the keys of results that were met while another case was shrunk: nobody drew them.
inline constexpr const char* kMetOnTheWay = "shrink-";

/// Gives the plans of one run their keys, in the order in which they are drawn.
class CaseKeys {
 public:
  std::string next(const Plan& plan);

 private:
  std::map<std::uint64_t, std::uint64_t> seen_;
};

/// One part of a campaign that several machines share: "2/12" is the second of twelve.
struct Shard {
  std::uint64_t number = 1;
  std::uint64_t of = 1;
  /// Each key is held by exactly one of the shards 1/N … N/N, whatever else is drawn beside it.
  bool holds(const std::string& key) const;
  bool operator==(const Shard&) const = default;
};

/// "2/12"; empty for all of it.
std::string to_string(const Shard& shard);
/// Throws UsageError: `text` is not I/N with 1 <= I <= N <= 100000. Empty: all of it.
Shard shard_from(const std::string& text);

}  // namespace migfuzz
