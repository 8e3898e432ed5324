// The sentences that all reports share: see words.h.
//
// Order of points: phase first, then the place of the point's kind in all_point_kinds(), which is
// stream order; devices stay together, `first` before and `last` after those with a name; what is
// still equal keeps the order in which it was run.
#include "reports/words.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <set>
#include <tuple>

#include "harness/core/nearest_rank.h"
#include "harness/core/scenario.h"

namespace migfuzz {
namespace {

std::uint64_t faulted_migrations(const std::vector<CaseResult>& results) {
  return static_cast<std::uint64_t>(std::count_if(
      results.begin(), results.end(),
      [](const CaseResult& result) { return !result.plan.faults.empty() && result.delivered; }));
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : between) + part;
  return out;
}

bool control_failed(const Control& control) { return control.good < control.cases; }

std::vector<std::string> doubts(const Summary& summary) {
  std::vector<std::string> out;
  if (summary.cases == 0) out.emplace_back("no case was run");
  if (summary.interrupted) out.emplace_back("the run was interrupted");
  if (summary.cells_delivered < summary.cells_required) {
    const std::uint64_t missing = summary.cells_required - summary.cells_delivered;
    out.push_back(counted(missing, "required cell") + (missing == 1 ? " was" : " were") +
                  " not delivered");
  }
  if (search_is_blind(summary))
    out.push_back(counted(summary.missed, "plan") + " of the search missed its points");
  if (const auto count = count_of(summary, Verdict::not_delivered) - summary.missed;
      count > 0 && summary.cells_delivered >= summary.cells_required) {
    out.push_back(counted(count, "fault") + " never took effect");
  }
  if (const auto count = count_of(summary, Verdict::infra); count > 0) {
    out.push_back(counted(count, "case") + " failed in the harness or this machine");
  }
  for (const Control& control : summary.controls) {
    if (control_failed(control)) out.push_back("the " + control.name + " went wrong");
  }
  return out;
}

/// The first number in a text, or 0: "pass:12" -> 12.
std::uint64_t number_in(std::string_view text) {
  const std::size_t at = text.find_first_of("0123456789");
  std::uint64_t number = 0;
  if (at != text.npos) std::from_chars(text.data() + at, text.data() + text.size(), number);
  return number;
}

/// "device:virtio-blk/middle" against "device:NAME/middle": capitals of the pattern match anything.
bool matches(std::string_view pattern, std::string_view name) {
  const auto is_wild = [](char c) { return c >= 'A' && c <= 'Z'; };
  while (!pattern.empty()) {
    if (!is_wild(pattern.front())) {
      if (name.empty() || name.front() != pattern.front()) return false;
      pattern.remove_prefix(1);
      name.remove_prefix(1);
      continue;
    }
    while (!pattern.empty() && is_wild(pattern.front())) pattern.remove_prefix(1);
    const std::size_t end = pattern.empty() ? name.size() : name.find(pattern.front());
    if (end == name.npos || end == 0) return false;
    name.remove_prefix(end);
  }
  return name.empty();
}

std::string_view head_of(std::string_view name) {  // "device:cpu/end" -> "device"
  return name.substr(0, name.find_first_of(":/"));
}

struct Place {
  Phase phase = Phase::prepare;
  std::size_t family = 0;  // first kind in the table with the same head
  int instance = 0;        // devices: first, those with a name, last
  std::size_t seen = 0;    // first appearance of this instance
  std::size_t kind = 0;
  std::uint64_t number = 0;  // pass:3, page:1200
  std::uint64_t plus_bytes = 0;
  std::uint32_t nth = 0;
  auto key() const {
    return std::tie(phase, family, instance, seen, kind, number, plus_bytes, nth);
  }
};

Place place_of(const Trigger& trigger, std::vector<std::string>& instances) {
  const Point& point = trigger.point;
  const auto kinds = all_point_kinds();
  Place place;
  place.phase = point.phase;
  place.family = place.kind = kinds.size();
  for (std::size_t i = kinds.size(); i-- > 0;) {
    if (kinds[i].phase != point.phase) continue;
    if (head_of(kinds[i].pattern) == head_of(point.name)) place.family = i;
    if (matches(kinds[i].pattern, point.name)) place.kind = i;
  }
  const std::size_t colon = point.name.find(':');
  const std::size_t slash = point.name.find('/');
  if (colon != point.name.npos && slash != point.name.npos && colon < slash) {
    const std::string instance = point.name.substr(0, slash);
    place.instance = instance.ends_with(":first") ? -1 : instance.ends_with(":last") ? 1 : 0;
    const auto found = std::find(instances.begin(), instances.end(), instance);
    place.seen = static_cast<std::size_t>(found - instances.begin());
    if (found == instances.end()) instances.push_back(instance);
  } else {
    place.number = number_in(point.name);
  }
  place.plus_bytes = point.plus_bytes;
  place.nth = trigger.nth;
  return place;
}

std::string distinct(const std::vector<CaseResult>& results, std::string (*value)(const Plan&)) {
  std::vector<std::string> seen;
  for (const CaseResult& result : results) {
    const std::string word = value(result.plan);
    if (std::find(seen.begin(), seen.end(), word) == seen.end()) seen.push_back(word);
  }
  return joined(seen, ", ");
}

/// How many defects the harness planted itself, where nothing else failed and none was missed.
std::uint64_t found_canaries(const Summary& summary, const std::vector<CaseResult>& results) {
  std::uint64_t planted = 0;
  for (const CaseResult& result : results) {
    if (!result.plan.plant.empty()) ++planted;
    if (result.plan.plant.empty() && result.verdict == Verdict::fail) return 0;
  }
  const bool whole = std::any_of(
      summary.controls.begin(), summary.controls.end(), [&](const Control& control) {
        return control.name == "canary" && control.good == planted && control.cases == planted;
      });
  return whole ? planted : 0;
}

}  // namespace

std::uint64_t count_of(const Summary& summary, Verdict verdict) {
  const auto found = summary.verdicts.find(verdict);
  return found == summary.verdicts.end() ? 0 : found->second;
}

std::string counted(std::uint64_t count, const std::string& singular) {
  const bool to_es = singular.ends_with("s");
  return std::to_string(count) + " " + singular + (count == 1 ? "" : to_es ? "es" : "s");
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(std::llround(std::max(seconds, 0.0)));
  char text[48];
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%lld h %02lld min", whole / 3600, whole % 3600 / 60);
  } else if (whole >= 60) {
    std::snprintf(text, sizeof text, "%lld min %02lld s", whole / 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%.1f s", std::max(seconds, 0.0));
  }
  return text;
}

Statement statement_of(const Summary& summary, const std::vector<CaseResult>& results) {
  Statement out;
  const auto faulted = faulted_migrations(results);
  const std::string migrations = faulted > 0
                                     ? counted(faulted, "faulted migration")
                                     : counted(results.size(), "migration") + " without a fault";
  std::vector<std::string> extra;
  const auto canaries = found_canaries(summary, results);
  if (canaries > 0 && doubts(summary).empty()) {
    out.mood = Verdict::pass;
    out.word = "SELF-TEST PASSED";
    out.sentence = "each of " + counted(canaries, "planted defect") + " was found";
    extra.emplace_back("the failures below are planted; a run of canaries ends in status 1");
  } else if (exit_status(summary) == 1) {
    out.mood = Verdict::fail;
    out.word = "BROKEN";
    const auto groups = static_cast<std::uint64_t>(
        std::count_if(summary.findings.begin(), summary.findings.end(),
                      [](const FindingGroup& group) { return group.verdict == Verdict::fail; }));
    out.sentence = counted(groups, "failure") + " in " +
                   counted(count_of(summary, Verdict::fail), "case") + " of " + migrations;
    extra = doubts(summary);
  } else if (const auto why = doubts(summary); !why.empty() || exit_status(summary) != 0) {
    out.mood = Verdict::infra;
    out.word = "INCONCLUSIVE";
    out.sentence = why.empty() ? "the run does not show what it was asked to" : joined(why, "; ");
    extra.push_back(migrations + ", 0 broken promises so far");
  } else {
    out.mood = Verdict::pass;
    out.word = "SAFE";
    out.sentence = migrations + ", 0 broken promises";
  }
  const std::pair<Verdict, const char*> others[] = {{Verdict::known_issue, "known issue"},
                                                    {Verdict::hazard, "hazard"},
                                                    {Verdict::expected_loss, "expected loss"}};
  for (const auto& [verdict, word] : others) {
    if (const auto count = count_of(summary, verdict); count > 0) {
      extra.push_back(counted(count, word));
    }
  }
  out.extra = joined(extra, "; ");
  return out;
}

Statement trust_of(const Summary& summary, const std::vector<CaseResult>& results) {
  Statement out{Verdict::pass, "Yes", "", ""};
  std::vector<std::string> parts;
  std::vector<std::string> controls;
  std::uint64_t proofs = 0;
  for (const Control& control : summary.controls) {
    proofs += control.cases;
    if (control_failed(control)) {
      out.mood = Verdict::fail;
      out.word = "No";
    }
    controls.push_back(control.name + " " + std::to_string(control.good) + " of " +
                       std::to_string(control.cases));
  }
  if (!controls.empty()) parts.push_back("controls: " + joined(controls, ", "));
  // A searched plan that missed a point takes nothing away from the others.
  const auto undelivered =
      std::count_if(results.begin(), results.end(), [](const CaseResult& result) {
        return !result.delivered && result.plan.scenario != kSearchScenario;
      });
  if (undelivered > 0) {
    if (out.mood == Verdict::pass) out.word = "Partly", out.mood = Verdict::infra;
    parts.push_back(counted(static_cast<std::uint64_t>(undelivered), "case") +
                    " without proof that the fault took effect");
  } else if (faulted_migrations(results) == 0) {
    parts.emplace_back("no fault was injected");
  } else if (summary.missed == 0) {
    parts.emplace_back("every fault was seen to take effect");
  }
  if (summary.searched > 0)
    parts.push_back(std::to_string(summary.missed) + " of " + std::to_string(summary.searched) +
                    " searched plans missed a point");
  if (search_is_blind(summary) && out.mood == Verdict::pass)
    out.word = "Partly", out.mood = Verdict::infra;
  if (proofs == 0) {
    if (out.mood == Verdict::pass) out.word = "Unproved", out.mood = Verdict::infra;
    parts.emplace_back("no control was run");
  }
  out.sentence = joined(parts, "; ");
  return out;
}

std::uint64_t known_findings(const Summary& summary) {
  return static_cast<std::uint64_t>(
      std::count_if(summary.findings.begin(), summary.findings.end(),
                    [](const auto& group) { return group.verdict == Verdict::known_issue; }));
}

std::string day_of(std::string_view time) {
  const bool iso = time.size() >= 17 && time[4] == '-' && time[10] == 'T' && time[13] == ':';
  if (!iso) return std::string(time);
  return std::string(time.substr(0, 10)) + " " + std::string(time.substr(11, 5));
}

std::string news_of(const Summary& summary) {
  if (summary.nights.size() < 2) return "First night of this folder: nothing to compare with.";
  const auto in_state = [&](const char* state, bool failures) {
    return static_cast<std::uint64_t>(std::count_if(
        summary.findings.begin(), summary.findings.end(), [&](const FindingGroup& group) {
          return group.before.state == state && (group.verdict == Verdict::fail) == failures;
        }));
  };
  std::vector<std::string> parts;
  const auto tell = [&](std::uint64_t count, const std::string& text) {
    if (count > 0) parts.push_back(text);
  };
  const auto fresh = in_state("new", true), others = in_state("new", false);
  const auto back = in_state("back", true), seen = in_state("seen", true);
  tell(fresh, counted(fresh, "new failure"));
  tell(back, counted(back, "failure") + " back");
  tell(seen, counted(seen, "failure") + " seen before");
  tell(others, counted(others, "other new finding"));
  tell(summary.gone.size(), std::to_string(summary.gone.size()) + " gone");
  const auto since = " since " + day_of(summary.nights[summary.nights.size() - 2].started) + ".";
  return (parts.empty() ? "Nothing new" : joined(parts, ", ")) + since;
}

std::string reproduction_of(const FindingGroup& group) {
  if (group.shrink_end.empty()) return "";
  return "reproduced " + to_string(group.rate) + "; shrunk: " + group.shrink_end;
}

std::string sightings_of(const FindingGroup& group) {
  std::string out;
  if (!group.first_seen.empty()) out = "first seen " + group.first_seen;
  if (group.last_seen != group.first_seen) out += ", last " + group.last_seen;
  for (const auto& versions : group.versions) out += (out.empty() ? "" : "; ") + versions;
  return out;
}

std::string point_of(const CaseResult& result) {
  return result.plan.faults.empty() ? "" : to_string(result.plan.faults.front().trigger);
}

std::string replay_of(const Summary& summary, const CaseResult& result) {
  for (const FindingGroup& group : summary.findings) {
    if (group.case_id == result.id && !group.replay.empty()) return group.replay;
  }
  if (!result.evidence_kept.empty()) {
    const bool whole = result.evidence_kept.starts_with("cases/");
    return "migfuzz replay " + (whole ? "" : std::string("cases/")) + result.evidence_kept;
  }
  // Nothing typed names several faults; the plan can be saved from the case's page.
  if (result.plan.faults.size() > 1) return "migfuzz replay plan.json";
  const auto& mode = result.plan.mode;
  std::string line = "migfuzz run --protocol=" + result.plan.protocol +
                     (mode == Plan().mode ? "" : " --mode=" + mode) +
                     " --seed=" + std::to_string(result.plan.seed);
  if (!result.plan.faults.empty()) {
    const FaultSpec& fault = result.plan.faults.front();
    line += " --point=" + to_string(fault.trigger.point) + " --fault=" + fault.kind +
            " --side=" + std::string(to_string(fault.side));
  }
  return line;
}

std::vector<std::string> points_in_stream_order(const std::vector<CaseResult>& results) {
  std::vector<std::string> instances;
  std::vector<std::pair<Place, std::string>> places;
  std::set<std::string> seen;
  for (const CaseResult& result : results) {
    const std::string point = point_of(result);
    if (point.empty() || !seen.insert(point).second) continue;
    places.emplace_back(place_of(result.plan.faults.front().trigger, instances), point);
  }
  std::stable_sort(places.begin(), places.end(), [](const auto& left, const auto& right) {
    return left.first.key() < right.first.key();
  });
  std::vector<std::string> out;
  for (const auto& [place, point] : places) out.push_back(point);
  return out;
}

namespace {

// "median 12 ms, 99th percentile 40 ms, max 41 ms", by nearest rank.
std::string spread(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  char text[96];
  std::snprintf(text, sizeof text, "median %.0f ms, 99th percentile %.0f ms, max %.0f ms",
                nearest_rank(numbers, 0.5), nearest_rank(numbers, 0.99), numbers.back());
  return text;
}

// One line for each phase in which faults struck, and one for migrations without a fault.
void add_interruptions(std::vector<std::pair<std::string, std::string>>& out,
                       const std::vector<CaseResult>& results) {
  const auto add = [&](const std::string& name, const auto& belongs) {
    std::vector<double> blackouts, brownouts, pings, echoes;
    for (const auto& result : results) {
      if (!belongs(result.plan)) continue;
      if (result.blackout_ms >= 0) blackouts.push_back(result.blackout_ms);
      if (result.brownout_ms >= 0) brownouts.push_back(result.brownout_ms);
      if (result.ping_gap_ms >= 0) pings.push_back(result.ping_gap_ms);
      if (result.tcp_gap_ms >= 0) echoes.push_back(result.tcp_gap_ms);
    }
    if (blackouts.empty()) return;
    auto text = std::to_string(blackouts.size()) + " cases: blackout " + spread(blackouts);
    if (!brownouts.empty()) text += "; brownout " + spread(brownouts);
    if (!pings.empty()) text += "; ping gap " + spread(pings);
    if (!echoes.empty()) text += "; TCP gap " + spread(echoes);
    out.emplace_back("Interruption, " + name, text);
  };
  add("no fault", [](const Plan& plan) { return plan.faults.empty() && plan.plant.empty(); });
  for (const Phase phase : all_phases())
    add("fault in " + std::string(to_string(phase)), [phase](const Plan& plan) {
      return !plan.faults.empty() && plan.faults.front().trigger.point.phase == phase;
    });
}

}  // namespace

std::vector<std::pair<std::string, std::string>> run_facts(const Summary& summary,
                                                           const std::vector<CaseResult>& results) {
  const auto because = [](const std::string& what, const std::string& why) {
    return why.empty() ? what : what + " (" + why + ")";
  };
  char rate[32];
  std::snprintf(rate, sizeof rate, "%.0f cases/hour", summary.cases_per_hour());
  std::vector<std::pair<std::string, std::string>> out{
      {"Source", summary.source_qemu},
      {"Destination", summary.destination_qemu},
      {"Accelerator", because(summary.accel, summary.accel_why)},
      {"Guest RAM", because(summary.memory, summary.memory_why)},
      {"Protocol", distinct(results, [](const Plan& plan) { return plan.protocol; })},
      {"Mode", distinct(results, [](const Plan& plan) { return plan.mode; })},
      {"Guest", distinct(results, [](const Plan& plan) { return plan.guest.name; })},
      {"Transport",
       distinct(results, [](const Plan& plan) { return std::string(to_string(plan.transport)); })},
      {"Host", summary.host},
      {"Seed", std::to_string(summary.seed)},
      {"Duration", duration_text(summary.duration_s) + ", " + rate},
      {"Started", summary.started},
      {"migfuzz", summary.version}};
  std::erase_if(out, [](const auto& fact) { return fact.second.empty(); });
  add_interruptions(out, results);
  return out;
}

}  // namespace migfuzz
