// A promise: what a known system says about its live migration, as something that the evidence of a
// finished case keeps or breaks.
//
// Pure, like a checker, but of one scenario: a promise is looked at in the cases that the scenario
// has drawn, and in no other. A case of which the promise says nothing (a VM that is lost has no
// longest silence) is not counted for it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/checker.h"
#include "harness/core/result.h"

namespace migfuzz {

/// A finished case. `measured`: blackout, brownout, the gaps and what the checkers found.
struct Looked {
  const Plan& plan;
  const History& history;
  const Evidence& evidence;
  const CaseResult& measured;
};

struct Kept {
  bool held = false;
  std::string what;  // one sentence, with its numbers
};

struct Promise {
  std::string_view name;    // what a broken one is called in signatures: "one-ping-lost"
  std::string_view claim;   // what is checked, with its bound
  std::string_view source;  // whose words it follows, and where they stand
  /// Nothing: it says nothing about this case.
  std::function<std::optional<Kept>(const Looked&)> look;
  /// The checkers that look at the same thing: where a known issue is what one of them found, the
  /// promise was broken by it. No other known issue of the case excuses it.
  std::vector<std::string_view> restates{};
  bool of_the_lost = false;  // it says what becomes of a lost VM: that loss excuses nothing
};

/// One finding for each promise that says something, of the checker `promise`. A broken promise of
/// a VM that is lost as expected is an expected loss; one broken where the protocol is known to let
/// both hosts run, and a checker that it restates found that, is its hazard: both with the rule's
/// reason.
std::vector<Finding> look_at(const std::vector<Promise>& promises, const Looked& looked);

}  // namespace migfuzz
