// single-owner: no two hosts execute the guest at overlapping times; nobody runs after being
// fenced.
//
// Judged by the guest's own heartbeats in both evidence files, on one clock: the hosts overlap when
// the source's record grows after the destination's first record and the destination's grows again
// after that. A host that only resumes later, when the other is dead, is a rollback, not an
// overlap.
#include <fmt/format.h>

#include <algorithm>

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
    auto what = overlap(history, "source", "destination");
    // A second migration's destination must not meet the source, nor the first destination.
    for (const auto* before : {"source", "destination"})
      if (!what) what = overlap(history, before, "destination-2");
    if (!what)
      return {checkers::good(name(), history.first("destination", "heartbeat") == nullptr
                                         ? "the destination never executed the guest"
                                         : "the source stood still from the destination's first "
                                           "step on")};
    if (e.expected.expect == Expect::double_run)
      return {{std::string(name()), Verdict::hazard, *what, "double-run",
               std::string(e.expected.reason)}};
    return {checkers::broken(name(), "double-run", *what)};
  }

 private:
  // In words, when host `before` makes steps between the first and the last step of `after`.
  static std::optional<std::string> overlap(const History& history, std::string_view before,
                                            std::string_view after) {
    const auto* first = history.first(after, "heartbeat");
    const auto* last = history.last(after, "heartbeat");
    if (first == nullptr) return std::nullopt;
    std::uint64_t beats = 0;
    std::int64_t beats_first = 0, beats_last = 0;
    for (const auto& event : history.events())
      if (event.actor == before && event.kind == "heartbeat" && event.seq > first->seq) {
        // The first look at a file may come after the other file's; its bytes are what counts.
        if (beats++ == 0) beats_first = event.at_ns;
        beats_last = event.at_ns;
      }
    if (beats < 2 || beats_first >= last->at_ns) return std::nullopt;
    return fmt::format(
        "both hosts executed the guest for {:.1f} ms",
        double(std::min(beats_last, last->at_ns) - std::max(beats_first, first->at_ns)) / 1e6);
  }
};

}  // namespace

std::unique_ptr<Checker> make_single_owner() { return std::make_unique<SingleOwner>(); }

}  // namespace migfuzz
