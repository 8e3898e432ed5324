// Feedback's part of one campaign: whether its hosts trace, what was reached, and what steers.
//
// The campaign asks it at four places: before the cases of a pair of QEMUs, around its source of
// cases, when a case has ended, and for the summary.
#pragma once

#include <memory>
#include <string>

#include "harness/campaign/feedback.h"
#include "harness/campaign/pool.h"

namespace migfuzz {

class RunFeedback {
 public:
  /// `searches`: the scenario draws plans without end, so that there is something to steer.
  /// `whole`: the run is no shard of a campaign.
  RunFeedback(Feedback wanted, bool searches, bool whole);

  /// Looks at both binaries of a pair, `base` as choose() left it; the pool's cases trace from then
  /// on if all binaries so far can. Returns what is to be said to the user, perhaps nothing.
  std::string look(Pool& pool, const Plan& base);
  /// Whether what was reached decides what is drawn. Of the binaries that look() has seen.
  bool steers() const { return traces_ && searches_ && wanted_ == Feedback::on; }
  /// Where this run steers: a source of its own that mutates what was new and takes the rest from
  /// `fresh`. Otherwise `fresh`, which outlives its use.
  CaseSource& steer(CaseSource& fresh, FeedbackSource::Mutate mutate,
                    const FeedbackSource::Options& options);
  /// A result of an earlier session of this run, in their order and before anything else is taken.
  void recall(const CaseResult& result) { map_.add(result.reached); }
  /// A case has ended: leaves in `reached` what is new in this run, before the sources learn it.
  void take(CaseResult& result);
  RunReach reach() const;

 private:
  const Feedback wanted_;  // never automatic
  const std::string why_off_;
  const bool searches_;
  bool traces_ = false;
  std::string why_not_;  // a binary that cannot
  CoverageMap map_;
  std::unique_ptr<FeedbackSource> source_;  // of the last steer()
};

}  // namespace migfuzz
