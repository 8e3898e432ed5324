// Where the pool's next case comes from: a drawn list, or whoever draws while the run goes on.
//
// The pool asks when a worker is free, and tells what each case came to, in the order in which the
// cases end. A source that takes no notice of learn() gives one sequence, whatever the results and
// their timing; that is what makes a run with one seed the same run again.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "harness/core/result.h"
#include "harness/core/scenario.h"

namespace migfuzz {

class CaseSource {
 public:
  virtual ~CaseSource() = default;
  /// The next case to start. Nothing: exhausted, and not asked again.
  virtual std::optional<PlannedCase> next() = 0;
  /// Called after each case that ended, with the result as it was kept; may steer next().
  virtual void learn(const PlannedCase&, const CaseResult&) {}
};

/// The cases of a list, in its order.
class ListSource : public CaseSource {
 public:
  explicit ListSource(std::vector<PlannedCase> cases) : cases_(std::move(cases)) {}
  std::optional<PlannedCase> next() override {
    if (next_ == cases_.size()) return std::nullopt;
    return std::move(cases_[next_++]);
  }

 private:
  std::vector<PlannedCase> cases_;
  std::size_t next_ = 0;
};

/// One source after the other, each of which outlives it; each learns from the cases of all.
class ChainedSource : public CaseSource {
 public:
  explicit ChainedSource(std::vector<CaseSource*> sources) : sources_(std::move(sources)) {}
  std::optional<PlannedCase> next() override {
    for (; at_ < sources_.size(); ++at_)
      if (auto one = sources_[at_]->next()) return one;
    return std::nullopt;
  }
  void learn(const PlannedCase& planned, const CaseResult& result) override {
    for (auto* source : sources_) source->learn(planned, result);
  }

 private:
  std::vector<CaseSource*> sources_;
  std::size_t at_ = 0;
};

}  // namespace migfuzz
