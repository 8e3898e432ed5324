#include "harness/core/promise.h"

#include <fmt/format.h>

#include <algorithm>

namespace migfuzz {
namespace {

// A checker that looks at the same thing found the hazard that the protocol is known for.
bool is_hazard(const Promise& promise, const Looked& looked) {
  const auto& found = looked.measured.findings;
  const auto& restated = promise.restates;
  return looked.evidence.expected.expect == Expect::double_run &&
         std::any_of(found.begin(), found.end(), [&](const Finding& one) {
           return one.verdict == Verdict::hazard &&
                  std::find(restated.begin(), restated.end(), one.checker) != restated.end();
         });
}

}  // namespace

std::vector<Finding> look_at(const std::vector<Promise>& promises, const Looked& looked) {
  std::vector<Finding> findings;
  for (const auto& promise : promises) {
    const auto kept = promise.look(looked);
    if (!kept) continue;
    const auto& expected = looked.evidence.expected;
    const bool lost = looked.measured.survivor == "none";
    const bool as_expected =
        lost && !promise.of_the_lost &&
        (expected.expect == Expect::loss || expected.expect == Expect::at_most_one);
    const auto verdict = kept->held    ? Verdict::pass
                         : as_expected ? Verdict::expected_loss
                         : is_hazard(promise, looked) ? Verdict::hazard
                                                      : Verdict::fail;
    findings.push_back({"promise", verdict, fmt::format("{}: {}", promise.name, kept->what),
                        std::string(promise.name),
                        std::string(kept->held ? promise.source : expected.reason)});
  }
  return findings;
}

}  // namespace migfuzz
