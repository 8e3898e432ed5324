#include "harness/campaign/shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/core/strict_json.h"
#include "harness/judge.h"

namespace migfuzz {
namespace {

// A flaky failure is measured with so many times the runs of a steady one.
constexpr std::uint64_t kFlakyFactor = 3;
// Sightings that keep a candidate. With one, a plan that fails in 5 % of its runs would be taken
// for one of 30 % in every third case; with three in every fifteenth (binomial).
constexpr std::uint64_t kWanted = 3;
// Where the descent stops, so that there is time to measure what it has found.
constexpr double kDescentShare = 6.0 / 7;

std::string key_of(const Plan& plan) { return to_json(plan).dump(); }

// One shrink; its members are what the steps share.
class Descent {
 public:
  Descent(const std::string& face, const Simpler& simpler, const RunPlans& run,
          const ShrinkLimits& limits, Verdicts& verdicts)
      : simpler_(simpler), run_(run), limits_(limits), verdicts_(verdicts) {
    shrunk_.face = face;
  }

  Shrunk from(const Plan& plan, const std::function<bool(const Plan&)>& ends) {
    shrunk_.plan = plan;
    shrunk_.first = shrunk_.last = measure(plan, "where it began");
    if (shrunk_.first.shown == 0) {
      shrunk_.end = shrunk_.first.runs == 0 ? "nobody had the time to run it again"
                                            : "it was not seen again: flaky, or of its time";
      return std::move(shrunk_);
    }
    plan_candidates();
    shrunk_.understood = ends && ends(plan);
    std::vector<Plan> kept{plan};
    // Before a flaky failure is called minimal, everything simpler is looked at twice as often.
    for (bool second_look = false; !shrunk_.understood;) {
      const auto next = first_that_shows();
      if (!next && shrunk_.done && shrunk_.first.flaky() && !second_look) {
        second_look = true;
        most_ *= 2;
        continue;
      }
      if (!next) break;
      if (second_look) most_ /= 2;
      second_look = shrunk_.done = false;
      shrunk_.plan = *next;
      kept.push_back(*next);
      shrunk_.understood = ends && ends(*next);
    }
    if (shrunk_.understood) shrunk_.end = kLedElsewhere;
    if (!shrunk_.understood && kept.size() > 1) measure_last(kept);
    return std::move(shrunk_);
  }

 private:
  struct Candidate {
    Plan plan;
    const Verdicts::Known* known;  // grows as it is run
    std::uint64_t runs = 0;
  };

  bool out_of_runs() const { return shrunk_.runs >= limits_.runs_max; }
  std::uint64_t runs_left() const { return out_of_runs() ? 0 : limits_.runs_max - shrunk_.runs; }

  bool out_of_time(double share) const { return cut_short_ || limits_.spent() >= share; }

  // How many of them were run: fewer than were asked for means that there is no more time.
  std::uint64_t run_batch(const std::vector<Plan>& plans) {
    const auto results = run_(plans);
    cut_short_ = results.size() < plans.size();
    shrunk_.runs += results.size();
    for (std::size_t i = 0; i < results.size(); ++i) {
      verdicts_.add(plans[i], results[i]);
      keep_other(results[i]);
    }
    return results.size();
  }

  void keep_other(const CaseResult& result) {
    if (result.verdict != Verdict::fail || face_of(result.signature) == shrunk_.face) return;
    const auto known =
        std::any_of(shrunk_.others.begin(), shrunk_.others.end(), [&](const CaseResult& other) {
          return face_of(other.signature) == face_of(result.signature);
        });
    if (!known) shrunk_.others.push_back(result);
  }

  // --- rates ---

  // Fresh runs only: those of a descent ended when enough was seen, so they would flatter.
  Rate measure(const Plan& plan, const std::string& why) {
    const auto before = verdicts_.of(plan);
    std::uint64_t made = 0;
    Rate rate;
    const auto until = [&](std::uint64_t wanted) {
      while (made < wanted && !out_of_time(1) && !out_of_runs()) {
        const auto count = std::min<std::uint64_t>(
            {std::max<std::size_t>(limits_.at_once, 1), wanted - made, runs_left()});
        made += run_batch(std::vector<Plan>(count, plan));
        const auto& now = verdicts_.of(plan);
        rate = {now.shown(shrunk_.face) - before.shown(shrunk_.face), now.told - before.told};
      }
    };
    until(limits_.confirm);
    if (rate.flaky()) until(limits_.confirm * kFlakyFactor);
    shrunk_.steps.push_back(
        {plan, made, verdicts_.of(plan), rate.shown > 0, why + ": " + to_string(rate)});
    return rate;
  }

  // The rate of the simplest plan. One that a few lucky runs had let through is given back for the
  // one before it, and so is one that fails more seldom than the first plan may.
  void measure_last(const std::vector<Plan>& kept) {
    for (auto i = kept.size(); i-- > 0;) {
      shrunk_.plan = kept[i];
      if (i == 0) {
        shrunk_.last = shrunk_.first;
        return;
      }
      const auto rate = measure(kept[i], "the rate of what is left");
      shrunk_.last = rate;
      if (rate.runs == 0) return;
      if (double(rate.shown) >= shrunk_.first.least() * double(rate.runs) && rate.shown > 0) return;
      if (rate.shown > 0) {
        shrunk_.end = "nothing simpler shows it as often";
      } else {
        shrunk_.done = false;
        shrunk_.end = "the simplest plan did not show it again; an earlier one does";
      }
    }
  }

  void plan_candidates() {
    most_ = runs_needed(shrunk_.first, kWanted);
  }

  // --- the descent ---

  bool shows(const Candidate& one) const { return one.known->shown(shrunk_.face) >= kWanted; }

  // Runs that may still be made for it; none when it is decided.
  std::uint64_t runs_open(const Candidate& one) const {
    return shows(one) ? 0 : runs_open_of(*one.known);
  }

  // The first candidate, in their order, that shows the failure; nothing when none does or the
  // budget is gone. Later ones are run ahead of time only where a batch would not be full.
  std::optional<Plan> first_that_shows() {
    std::vector<Candidate> all;
    for (auto& plan : simpler_(shrunk_.plan)) {
      const auto& known = verdicts_.of(plan);
      all.push_back({std::move(plan), &known});
    }
    std::optional<Plan> found;
    for (std::size_t first = 0; first < all.size();) {
      if (shows(all[first])) {
        found = all[first].plan;
        break;
      }
      if (runs_open(all[first]) == 0) {
        ++first;
        continue;
      }
      if (out_of_time(kDescentShare) || out_of_runs()) {
        shrunk_.end = out_of_runs() ? "the runs were used up" : "the time was up";
        shrunk_.done = false;
        record(all, first);
        return std::nullopt;
      }
      run_some(all, first);
    }
    record(all, found ? index_of(all, *found) : all.size());
    if (!found) {
      shrunk_.done = true;
      shrunk_.end = "nothing simpler shows it";
    }
    return found;
  }

  static std::size_t index_of(const std::vector<Candidate>& all, const Plan& plan) {
    return std::size_t(
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.plan == plan; }) -
        all.begin());
  }

  void run_some(std::vector<Candidate>& all, std::size_t first) {
    const auto room =
        std::min<std::uint64_t>(std::max<std::size_t>(limits_.at_once, 1), runs_left());
    std::vector<Plan> batch;
    std::vector<std::size_t> whose;
    for (auto i = first; i < all.size() && batch.size() < room && !shows(all[i]); ++i)
      for (auto open = runs_open(all[i]); open > 0 && batch.size() < room; --open) {
        batch.push_back(all[i].plan);
        whose.push_back(i);
      }
    const auto made = run_batch(batch);
    for (std::size_t i = 0; i < made; ++i) ++all[whose[i]].runs;
  }

  // What was decided up to and with candidate `kept`, and what was run ahead for nothing. A plan
  // that is proposed again, and refused again without a run, is not told twice.
  void record(const std::vector<Candidate>& all, std::size_t kept) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto& known = *all[i].known;
      const bool taken = i == kept && shows(all[i]);
      const bool looked_at = all[i].runs > 0 || (i < kept && known.told + known.untold > 0);
      if (!taken && !looked_at) continue;
      const bool again = !told_.insert(all[i].known).second && all[i].runs == 0;
      if (!taken && again) continue;
      shrunk_.steps.push_back(
          {all[i].plan, all[i].runs, known, taken, why(known, taken, i > kept)});
    }
  }

  std::string why(const Verdicts::Known& known, bool kept, bool late) const {
    const auto shown = known.shown(shrunk_.face);
    const auto count = fmt::format("{} of {}", shown, known.told);
    if (kept) return "kept: it still shows it, " + count;
    std::string others;
    for (const auto& [face, times] : known.faces)
      if (face != shrunk_.face)
        others +=
            fmt::format("{}{} ({} of {})", others.empty() ? "" : ", ", face, times, known.told);
    if (shown >= kWanted && late) return "not followed: a simpler one had shown it; " + count;
    if (shown == 0 && !others.empty())
      return "refused: it fails in another way, a finding of its own: " + others;
    if (runs_open_of(known) > 0) return "undecided: " + count;
    if (known.told == 0) return "refused: no run could tell";
    return std::string("refused: ") +
           (shown == 0 ? "it does not show it, " : "it shows it too seldom, ") + count;
  }

  std::uint64_t runs_open_of(const Verdicts::Known& known) const {
    const auto all = known.told + known.untold;
    const auto left = all >= most_ ? 0 : most_ - all;
    return known.shown(shrunk_.face) + left < kWanted ? 0 : left;
  }

  const Simpler& simpler_;
  const RunPlans& run_;
  const ShrinkLimits& limits_;
  Verdicts& verdicts_;
  Shrunk shrunk_;
  std::set<const Verdicts::Known*> told_;  // of the steps
  bool cut_short_ = false;
  std::uint64_t most_ = 0;                // runs that decide one
};

}  // namespace

std::uint64_t Verdicts::Known::shown(const std::string& face) const {
  const auto found = faces.find(face);
  return found == faces.end() ? 0 : found->second;
}

const Verdicts::Known& Verdicts::of(const Plan& plan) { return known_[key_of(plan)]; }

void Verdicts::add(const Plan& plan, const CaseResult& result) {
  auto& known = known_[key_of(plan)];
  if (result.verdict == Verdict::infra) {
    ++known.untold;
    return;
  }
  ++known.told;
  const auto face = face_of(result.signature);
  if (result.verdict == Verdict::fail || result.verdict == Verdict::hazard) ++known.faces[face];
  if (result.verdict == Verdict::known_issue) ++known.faces["known issue " + face];
}

Shrunk shrink(const Plan& plan, const std::string& face, const Simpler& simpler,
              const RunPlans& run, const ShrinkLimits& limits, Verdicts& verdicts,
              const std::function<bool(const Plan&)>& ends) {
  return Descent(face, simpler, run, limits, verdicts).from(plan, ends);
}

nlohmann::json to_json(const ShrinkStep& step) {
  nlohmann::json faces = nlohmann::json::object();
  for (const auto& [face, count] : step.verdict.faces) faces[clean_utf8(face)] = count;
  return {{"plan", to_json(step.plan)},    {"runs", step.runs},         {"told", step.verdict.told},
          {"untold", step.verdict.untold}, {"faces", std::move(faces)}, {"kept", step.kept},
          {"why", clean_utf8(step.why)}};
}

}  // namespace migfuzz
