// Cases of a search, one after the other: as many as were asked for, or without end.
//
// The plans are those of PlanGenerator. Without feedback only what was drawn steers what is drawn
// next, so that the sequence follows from seed and options alone; with it a plan whose faults were
// not all delivered counts less, and its cells come again sooner.
#pragma once

#include "harness/campaign/source.h"
#include "harness/core/error.h"
#include "harness/core/search.h"

namespace migfuzz {

class SearchSource : public CaseSource {
 public:
  /// `cases` 0: without end.
  SearchSource(PlanGenerator generator, std::uint64_t cases, bool learns)
      : generator_(std::move(generator)), cases_(cases), learns_(learns) {}

  std::optional<PlannedCase> next() override {
    if (cases_ != 0 && given_ == cases_) return std::nullopt;
    ++given_;
    try {
      return generator_.draw();
    } catch (const UsageError&) {  // it found nothing more that can be run
      return std::nullopt;
    }
  }
  void learn(const PlannedCase& planned, const CaseResult& result) override {
    if (learns_ && planned.plan.scenario == kSearchScenario)
      generator_.learn(planned.plan, result.delivered);
  }
  /// For whoever wants a plan near one that was interesting.
  const PlanGenerator& generator() const { return generator_; }

 private:
  PlanGenerator generator_;
  const std::uint64_t cases_;
  const bool learns_;
  std::uint64_t given_ = 0;
};

}  // namespace migfuzz
