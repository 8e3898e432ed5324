// single-owner: no two hosts execute the guest at overlapping times; nobody runs after being
// fenced.
//
// Judged by the guest's own heartbeats in both evidence files, on one clock: the hosts overlap when
// the source's record grows after the destination's first record and the destination's grows again
// after that. A host that only resumes later, when the other is dead, is a rollback, not an
// overlap.
#include <fmt/format.h>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

class SingleOwner final : public Checker {
 public:
  std::string_view name() const override { return "single-owner"; }
  std::string_view claim() const override {
    return "no two hosts execute the guest at overlapping times";
  }

  std::vector<Finding> check(const Plan&, const History& history,
                             const Evidence& e) const override {
    const auto* first = history.first("destination", "heartbeat");
    const auto* last = history.last("destination", "heartbeat");
    if (first == nullptr)
      return {checkers::good(name(), "the destination never executed the guest")};
    std::uint64_t source_beats = 0;
    std::int64_t source_first = 0, source_last = 0;
    for (const auto& event : history.events())
      if (event.actor == "source" && event.kind == "heartbeat" && event.seq > first->seq) {
        // The first look at a file may come after the other file's; its bytes are what counts.
        if (source_beats++ == 0) source_first = event.at_ns;
        source_last = event.at_ns;
      }
    const bool overlap = source_beats > 1 && source_first < last->at_ns;
    if (!overlap)
      return {
          checkers::good(name(), "the source stood still from the destination's first step on")};
    const auto what = fmt::format(
        "both hosts executed the guest for {:.1f} ms",
        double(std::min(source_last, last->at_ns) - std::max(source_first, first->at_ns)) / 1e6);
    if (e.expected.expect == Expect::double_run)
      return {{std::string(name()), Verdict::hazard, what, "double-run",
               std::string(e.expected.reason)}};
    return {checkers::broken(name(), "double-run", what)};
  }
};

}  // namespace

std::unique_ptr<Checker> make_single_owner() { return std::make_unique<SingleOwner>(); }

}  // namespace migfuzz
