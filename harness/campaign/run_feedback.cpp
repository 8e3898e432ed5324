#include "harness/campaign/run_feedback.h"

#include <fmt/format.h>

#include "harness/campaign/machine.h"

namespace migfuzz {

RunFeedback::RunFeedback(Feedback wanted, bool searches) : wanted_(wanted), searches_(searches) {}

std::string RunFeedback::look(Pool& pool, const Plan& base) {
  const bool idle = wanted_ == Feedback::off || (wanted_ == Feedback::automatic && !searches_);
  if (idle || !why_not_.empty()) return "";
  for (const auto side : {Side::source, Side::destination}) {
    const auto& binary = side == Side::source ? base.source.binary : base.destination.binary;
    const auto events = traced_events(pool, base, binary);
    if (events.empty()) {
      why_not_ = fmt::format("{} writes no trace events about migration to its log",
                             binary.empty() ? "qemu-system-x86_64" : binary);
      break;
    }
    map_.know(side, events);
  }
  traces_ = why_not_.empty();
  pool.trace(traces_);
  return traces_ ? ""
                 : fmt::format("nothing is traced: {}", why_not_);
}

CaseSource& RunFeedback::steer(CaseSource& fresh, FeedbackSource::Mutate mutate,
                               const FeedbackSource::Options& options) {
  if (!steers()) return fresh;
  source_ = std::make_unique<FeedbackSource>(fresh, std::move(mutate), options);
  return *source_;
}

void RunFeedback::take(CaseResult& result) {
  if (traces_) result.reached = map_.add(result.reached);
}

RunReach RunFeedback::reach() const {
  RunReach reach;
  if (traces_) reach = map_.reach();
  reach.mode = !traces_ ? "off" : source_ != nullptr ? "on" : "watch";
  reach.why = !why_not_.empty()            ? why_not_
              : wanted_ == Feedback::off   ? "switched off"
              : !traces_                   ? "the scenario does not search"
              : source_ != nullptr         ? "what was new is mutated"
              : !searches_                 ? "the scenario does not search: traced only"
                                           : "traced only";
  if (source_ == nullptr) return reach;
  reach.kept = source_->kept();
  reach.mutated = source_->mutated();
  return reach;
}

}  // namespace migfuzz
