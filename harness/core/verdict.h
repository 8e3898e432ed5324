// Verdicts, findings and their signatures: what a case is said to have shown.
//
// A verdict is earned: the worst statement wins, and "nothing was checked" is never a pass.
// A signature is the stable name of a kind of failure: equal across runs and machines.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/types.h"

namespace migfuzz {

/// Worst first, so that the minimum of a set is its verdict.
enum class Verdict { fail, infra, not_delivered, known_issue, hazard, expected_loss, pass };

std::string_view to_string(Verdict verdict);  // "fail", "infra", "not-delivered", …
std::optional<Verdict> verdict_from(std::string_view word);
/// One plain sentence for reports and help: what this verdict means.
std::string_view describe(Verdict verdict);
/// All verdicts, worst first.
std::span<const Verdict> all_verdicts();

/// One thing a checker has to say about a case. `pass` findings carry the proof.
struct Finding {
  std::string checker;  // "memory", "single-owner", …
  Verdict verdict = Verdict::pass;
  std::string what;     // one sentence, with the numbers of this case
  std::string symptom;  // stable word for the signature: "double-run", "stale-page"; empty: none
  std::string reason;   // the expected-outcome rule that says so, where one does
  bool operator==(const Finding&) const = default;
};

}  // namespace migfuzz
