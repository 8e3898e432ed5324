// What a search gets for its time: how often a case like this one reached something new, and how
// long such cases take.
//
// Both are learned for each fault on its side, for each fault on its side in its phase, and for
// each number of faults; of a plan the means over all of these count. What was tried seldom is
// taken for usual, so that nothing is given up after one case, and what is long ago counts less
// than what was last, because news dry up. Pure: no clock, the times are those of the results.
#pragma once

#include <map>
#include <string>

#include "harness/core/plan.h"

namespace migfuzz {

class Yield {
 public:
  /// A case of this plan has ended: whether it reached what none before it had reached, and how
  /// long it took.
  void learn(const Plan& plan, bool news, double seconds);
  /// News to be expected per second; above 0.
  double of(const Plan& plan) const;

 private:
  struct Seen {
    double news = 0, seconds = 0, cases = 0;
  };
  std::map<std::string, Seen> seen_;
  Seen all_;
};

}  // namespace migfuzz
