// What became of one promise of a run's scenario (promise.h).
#pragma once

#include <cstdint>
#include <string>

namespace migfuzz {

struct PromiseTally {
  std::string name, claim, source;
  std::uint64_t held = 0, broken = 0;  // cases
  std::uint64_t known = 0;  // not held, and what the checkers of the same thing found is known
  std::uint64_t lost = 0;  // not held by a VM whose loss the table of outcomes expects
  std::uint64_t hazard = 0;  // not held where the protocol is known to let both hosts run
  bool operator==(const PromiseTally&) const = default;
};

}  // namespace migfuzz
