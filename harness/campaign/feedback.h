// Feedback: what a campaign has reached so far, and a source of cases that goes where it was new.
//
// A plan whose case reached something that no case before it had reached (an event of QEMU, one
// event after another, a state, a place in the stream; core/reached.h) is kept and mutated: what is
// near it is likely to be new again. The rest of the cases is drawn as without feedback, so that
// nothing is given up. Pure: no clock, no file. Which plans are drawn depends on results and on
// the order in which they come; the store keeps that order, so that a run can be resumed and run
// again (remaining.h, `migfuzz replay`). docs/feedback.md.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "harness/campaign/source.h"
#include "harness/core/reached.h"

namespace migfuzz {

/// What is traced, and whether it steers. watch: traced and reported, and the plans are those of
/// `off`. automatic: on where the log backend is there and the scenario searches, but watch for a
/// shard, whose plans must be the same on every machine; off where the scenario does not search.
enum class Feedback { off, watch, on, automatic };
std::string_view to_string(Feedback feedback);
std::optional<Feedback> feedback_from(std::string_view word);  // off, watch, on, auto

/// Everything reached by the cases so far, each item once. Feeding it the results of a campaign in
/// their order, each with all that it reached or only with what was new, gives the same map.
class CoverageMap {
 public:
  /// Bounds the memory of a night: 200 bytes an item. Real ones were 3000 after 2000 cases.
  static constexpr std::size_t kItemsMost = 200'000;

  /// Only these trace events count, on the side named; none known: all do.
  void know(Side host, const std::vector<std::string>& events);
  /// Those of `reached` that are new.
  std::vector<std::string> fresh(const std::vector<std::string>& reached) const;
  /// One case has ended: its new items, which are known from now on.
  std::vector<std::string> add(const std::vector<std::string>& reached);
  std::size_t size() const { return items_.size(); }
  /// Hosts, channel and growth; mode and why are the caller's.
  RunReach reach() const;

 private:
  struct Counts {
    std::unordered_set<std::string> known;     // without states
    std::unordered_set<std::string> happened;  // likewise
    std::uint64_t events = 0, pairs = 0, states = 0;
  };
  bool counts(const ReachedItem& item) const;
  void count(const ReachedItem& item);
  void grow();

  std::unordered_set<std::string> items_;
  Counts source_, destination_;
  std::uint64_t channel_ = 0, cases_ = 0, stride_ = 1;
  std::vector<Growth> growth_;
};

/// Plans that reached something new, with a bound; the one that was tried least for what it
/// reached is the first to be taken and the last to go.
class InterestingPlans {
 public:
  explicit InterestingPlans(std::size_t most = 256) : most_(most) {}
  void keep(const PlannedCase& planned, std::size_t fresh_items);
  bool empty() const { return plans_.empty(); }
  std::size_t size() const { return plans_.size(); }
  /// Draws one with the next number of `random`; must not be empty.
  const PlannedCase& take(std::uint64_t& random);

 private:
  struct Entry {
    PlannedCase planned;
    double worth = 1;
    std::uint64_t taken = 0;
    double weight() const { return worth / double(1 + taken); }
  };
  std::size_t most_;
  std::vector<Entry> plans_;
};

class FeedbackSource : public CaseSource {
 public:
  /// Another plan near this one; nothing when it finds none that means something.
  using Mutate = std::function<std::optional<PlannedCase>(const PlannedCase&, std::uint64_t seed)>;
  struct Options {
    std::uint64_t seed = 1;
    unsigned mutated_of_100 = 20;
    std::uint64_t cases = 0;       // all together; 0: as many as `fresh` gives
  };

  /// `fresh` outlives it.
  FeedbackSource(CaseSource& fresh, Mutate mutate, const Options& options);
  std::optional<PlannedCase> next() override;
  /// `reached` of the result: what was new (CoverageMap::add).
  void learn(const PlannedCase& planned, const CaseResult& result) override;
  std::uint64_t kept() const { return kept_; }
  std::uint64_t mutated() const { return mutated_; }

 private:
  std::optional<PlannedCase> mutated_case();

  CaseSource& fresh_;
  Mutate mutate_;
  Options options_;
  std::uint64_t random_;
  std::uint64_t given_ = 0, kept_ = 0, mutated_ = 0;
  InterestingPlans plans_;
};

}  // namespace migfuzz
