// Rate: how often a failure showed itself in so many runs, and what that says about the plan.
//
// A value, to and from JSON. The interval is Wilson's score interval at 95 %: E. B. Wilson,
// "Probable inference, the law of succession, and statistical inference", JASA 22 (1927) 209-212,
// which keeps its promise at few runs and at 0 of n and n of n, where the usual one (k/n ± 1.96
// deviations) does not: Brown, Cai, DasGupta, "Interval estimation for a binomial proportion",
// Statistical Science 16 (2001) 101-133. It supposes runs that do not influence each other.
#pragma once

#include <cstdint>
#include <string>

namespace migfuzz {

struct Rate {
  std::uint64_t shown = 0;
  std::uint64_t runs = 0;  // that told anything; 0: nobody looked

  /// Ends of the 95 % interval, from 0 to 1; of no runs at all 0 and 1.
  double least() const;
  double most() const;
  /// Some runs showed it and some did not.
  bool flaky() const { return shown > 0 && shown < runs; }
  bool operator==(const Rate&) const = default;
};

/// "9 of 30, 30 % (95 %: 17-48 %)"; "not measured" for no runs.
std::string to_string(const Rate& rate);

/// How often a plan must be run so that one which fails at this rate shows its failure at least
/// `wanted` times in all but 5 % of all tries. The rate is taken as the smaller one of what was
/// seen and the interval's centre: 10 of 10 does not promise that the next one fails. 0 when the
/// failure was never seen.
std::uint64_t runs_needed(const Rate& rate, std::uint64_t wanted);

}  // namespace migfuzz
