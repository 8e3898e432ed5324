// Cases of a search, one after the other: as many as were asked for, or without end.
//
// The plans are those of PlanGenerator. Without feedback only what was drawn steers what is drawn
// next, so that the sequence follows from seed and options alone. With it a plan whose faults were
// not all delivered counts less, and its cells come again sooner; and of the candidates those are
// preferred whose kinds brought most news for their time (yield.h).
#pragma once

#include "harness/campaign/source.h"
#include "harness/campaign/yield.h"
#include "harness/core/error.h"
#include "harness/core/search.h"

namespace migfuzz {

class SearchSource : public CaseSource {
 public:
  /// `cases` 0: without end.
  SearchSource(PlanGenerator generator, std::uint64_t cases, bool learns)
      : generator_(std::move(generator)), cases_(cases), learns_(learns) {
    if (learns_) generator_.prefer([this](const Plan& plan) { return yield_.of(plan); });
  }
  SearchSource(const SearchSource&) = delete;  // the generator asks this one
  SearchSource& operator=(const SearchSource&) = delete;

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
    if (!learns_) return;
    if (planned.plan.scenario == kSearchScenario)
      generator_.learn(planned.plan, result.delivered);
    // Where the harness failed, what was reached says nothing about the plan.
    if (result.verdict != Verdict::infra)
      yield_.learn(planned.plan, !result.reached.empty(), result.duration_ms / 1000);
  }
  /// For whoever wants a plan near one that was interesting.
  const PlanGenerator& generator() const { return generator_; }

 private:
  PlanGenerator generator_;
  const std::uint64_t cases_;
  const bool learns_;
  Yield yield_;
  std::uint64_t given_ = 0;
};

}  // namespace migfuzz
