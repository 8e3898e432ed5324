#include "harness/campaign/run_feedback.h"

#include <fmt/format.h>

#include "harness/campaign/machine.h"

namespace migfuzz {

namespace {

Feedback decided(Feedback wanted, bool searches, bool whole) {
  if (wanted != Feedback::automatic) return wanted;
  if (!searches) return Feedback::off;
  return whole ? Feedback::on : Feedback::watch;
}

}  // namespace

RunFeedback::RunFeedback(Feedback wanted, bool searches, bool whole)
    : wanted_(decided(wanted, searches, whole)),
      why_off_(wanted == Feedback::off ? "switched off" : "the scenario does not search"),
      searches_(searches) {}

std::string RunFeedback::look(Pool& pool, const Plan& base) {
  if (wanted_ == Feedback::off || !why_not_.empty()) return "";
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
              : !traces_                   ? why_off_
              : source_ != nullptr         ? "the search goes where something was new"
              : !searches_                 ? "the scenario does not search: traced only"
                                           : "traced only";
  if (source_ == nullptr) return reach;
  reach.kept = source_->kept();
  reach.mutated = source_->mutated();
  return reach;
}

}  // namespace migfuzz
