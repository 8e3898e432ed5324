// retry: after a failed migration that left the source running, a second migration succeeds.
//
// A source that only looks alive may carry what the first migration left behind: a dirty log that
// is still on, blocked devices, a channel that was never closed. So the director lets it run again,
// takes every fault away, and migrates it once more: by the parity of the guest's seed to the same
// destination host or to a fresh one in its place. What arrives is examined like the first time.
#include <fmt/format.h>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

class Retry final : public Checker {
 public:
  std::string_view name() const override { return "retry"; }
  std::string_view claim() const override {
    return "after a failed migration that left the source running, a second migration succeeds";
  }

  std::vector<Finding> check(const Plan& plan, const History&, const Evidence& e) const override {
    if (survivor_of(e) != Survivor::source)
      return {checkers::good(name(), "nothing to retry: the source does not run alone")};
    if (!plan.plant.empty())
      return {checkers::good(name(), "nothing to retry: a planted defect is not migrated again")};
    if (!e.settled || !e.destination.ending)
      return {checkers::good(name(), "nothing to retry: the first migration never came to an end")};
    if (!e.source.exam)
      return {checkers::good(name(), "nothing to retry: the source did not live to be examined")};
    if (!e.blocked.empty())
      return {checkers::good(name(), "nothing to retry: QEMU would refuse again: " + e.blocked)};
    if (!e.retry)
      return {
          {std::string(name()), Verdict::infra, "no second migration was tried", "not-tried", ""}};
    return {judge(*e.retry)};
  }

 private:
  Finding judge(const RetryEvidence& r) const {
    const auto bad = [&](std::string symptom, const std::string& what) {
      return checkers::broken(name(), std::move(symptom),
                              fmt::format("the second migration, to {}: {}", r.to, what));
    };
    if (!r.refused.empty()) return bad("retry-refused", "the source refused it: " + r.refused);
    if (!r.settled) return bad("retry-not-settled", r.settle_note);
    const bool source = r.beats_after_settle_source > 0;
    const bool destination = r.beats_after_settle_destination > 0;
    if (source && destination) return bad("retry-double-run", "both hosts run the VM");
    if (source) return bad("retry-failed", "the VM stayed on the source");
    if (!destination) return bad("retry-lost-vm", "no host runs the VM");
    return judge_images(r, bad);
  }

  template <typename Bad>
  Finding judge_images(const RetryEvidence& r, const Bad& bad) const {
    std::uint64_t checked = 0;
    for (const auto* exam : {&r.exam_at_switch, &r.destination.exam}) {
      if (!*exam) continue;
      if (!(*exam)->readable) return bad("retry-image-unreadable", (*exam)->why);
      if ((*exam)->wrong_pages > 0)
        return bad("retry-lost-pages", fmt::format("{} wrong pages", (*exam)->wrong_pages));
      checked += (*exam)->pages_checked;
    }
    if (r.pair && r.pair->differing > 0)
      return bad("retry-images-differ", fmt::format("{} of {} pages differ between the hosts",
                                                    r.pair->differing, r.pair->pages));
    if (r.records_disagree) return bad("retry-image-behind-records", *r.records_disagree);
    if (checked == 0)
      return {std::string(name()), Verdict::infra, "no page was checked", "nothing-checked", ""};
    return checkers::good(name(), fmt::format("the second migration, to {}, succeeded; {} checks "
                                              "of owned pages",
                                              r.to, checked));
  }
};

}  // namespace

std::unique_ptr<Checker> make_retry() { return std::make_unique<Retry>(); }

}  // namespace migfuzz
