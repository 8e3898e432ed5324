#include "harness/core/promise.h"

#include <fmt/format.h>

namespace migfuzz {

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
    const bool hazard = expected.expect == Expect::double_run && !promise.of_the_lost;
    const auto verdict = kept->held    ? Verdict::pass
                         : as_expected ? Verdict::expected_loss
                         : hazard      ? Verdict::hazard
                                       : Verdict::fail;
    findings.push_back({"promise", verdict, fmt::format("{}: {}", promise.name, kept->what),
                        std::string(promise.name),
                        std::string(kept->held ? promise.source : expected.reason)});
  }
  return findings;
}

}  // namespace migfuzz
