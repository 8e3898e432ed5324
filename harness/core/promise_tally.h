// What became of one promise of a run's scenario (promise.h).
#pragma once

#include <cstdint>
#include <string>

namespace migfuzz {

struct PromiseTally {
  std::string name, claim, source;
  std::uint64_t held = 0, broken = 0;  // cases
  std::uint64_t known = 0;  // not held, and all that the checkers found is a known issue
  std::uint64_t lost = 0;  // not held by a VM whose loss the table of outcomes expects
  bool operator==(const PromiseTally&) const = default;
};

}  // namespace migfuzz
