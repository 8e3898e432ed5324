// Expected outcomes: one reviewed table that says, for every cell, who must survive and why.
//
// A disagreement with the table is a finding, in either direction. Rules are tried from the top;
// the first that matches a plan decides. A plan that no rule matches has no expectation, and such
// a case can never pass.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "harness/core/plan.h"

namespace migfuzz {

/// What must be left of the VM.
enum class Expect {
  source,       // the source runs on, untouched
  destination,  // the destination's image runs
  one,          // exactly one of them: which depends on a race that is nobody's mistake
  loss,         // the VM is lost, as this kind of migration is known to lose it
  seen,         // data was damaged on purpose: the memory checker must name the page
  double_run    // both may run: a weakness the protocol is known for
};
std::string_view to_string(Expect expect);

struct Expectation {
  Expect expect = Expect::one;
  std::string_view rule;    // stable short name
  std::string_view reason;  // why, with its source
};

/// One row. Empty strings and nothing match everything.
struct OutcomeRule {
  std::string_view rule;
  std::string_view protocol;
  std::string_view faults;  // space-separated kinds
  std::optional<Side> side;
  bool before_eof = true;  // matches points before QEMU_VM_EOF has been delivered
  bool after_eof = true;   // matches points from there on
  std::optional<bool> healed;
  Expect expect = Expect::one;
  std::string_view reason;
};

std::span<const OutcomeRule> outcome_table();
std::optional<Expectation> expected_outcome(const Plan& plan);

}  // namespace migfuzz
