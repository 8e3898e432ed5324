// The words of the verdicts and the sentence that explains each of them.
//
// The table is in the order of the enum, which is the order of badness; the report's legend, the
// help text and every JSON file take their words from here.
#include "harness/core/verdict.h"

#include <array>

namespace migfuzz {
namespace {

struct Row {
  Verdict verdict;
  std::string_view word;
  std::string_view sentence;
};

constexpr std::array<Row, 7> kRows{{
    {Verdict::fail, "fail", "A promise of live migration was broken; the case can be replayed."},
    {Verdict::infra, "infra",
     "The harness or this machine failed, so the case shows nothing about QEMU."},
    {Verdict::not_delivered, "not-delivered",
     "The fault was never seen to take effect, so nothing was tested."},
    {Verdict::known_issue, "known-issue",
     "A promise was broken in a way that the known-issues list already names."},
    {Verdict::hazard, "hazard",
     "The weakness that the chosen protocol is known for showed itself; it does not fail the run."},
    {Verdict::expected_loss, "expected-loss",
     "The VM was lost exactly where the design of live migration says it must be."},
    {Verdict::pass, "pass", "Every promise that was checked was kept, and the proof is on record."},
}};

constexpr std::array<Verdict, kRows.size()> kAll = [] {
  std::array<Verdict, kRows.size()> all{};
  for (std::size_t i = 0; i < kRows.size(); ++i) all[i] = kRows[i].verdict;
  return all;
}();

constexpr bool rows_are_in_enum_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].verdict) != i) return false;
  }
  return true;
}
static_assert(rows_are_in_enum_order(), "to_string() and describe() index by the enum's value");

}  // namespace

std::string_view to_string(Verdict verdict) {
  return kRows.at(static_cast<std::size_t>(verdict)).word;
}

std::optional<Verdict> verdict_from(std::string_view word) {
  for (const Row& row : kRows) {
    if (row.word == word) return row.verdict;
  }
  return std::nullopt;
}

std::string_view describe(Verdict verdict) {
  return kRows.at(static_cast<std::size_t>(verdict)).sentence;
}

std::span<const Verdict> all_verdicts() { return kAll; }

}  // namespace migfuzz
