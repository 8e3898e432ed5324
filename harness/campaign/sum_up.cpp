#include "harness/campaign/sum_up.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/campaign/nights.h"
#include "harness/core/outcome.h"
#include "harness/core/simpler.h"

namespace migfuzz {
namespace {

FindingGroup group_of(const CaseResult& result) {
  FindingGroup group;
  group.signature = result.signature;
  group.verdict = result.verdict;
  group.case_id = result.id;
  group.replay = "migfuzz replay " + result.evidence_kept;
  group.what = result.headline;
  for (const auto& finding : result.findings)
    if (finding.verdict == result.verdict) {
      group.checker = finding.checker;
      break;
    }
  if (result.plan.faults.empty()) return group;
  const auto add = [](std::string& list, std::string_view one) {
    list += (list.empty() ? "" : " + ") + std::string(one);
  };
  group.phase = to_string(telling_fault(result.plan).trigger.point.phase);
  for (const auto& fault : result.plan.faults) {
    add(group.point, to_string(fault.trigger));
    add(group.fault, fault.kind);
    add(group.side, to_string(fault.side));
  }
  return group;
}

// Adds a case to its group: the worst case is shown, and of those the one with the simplest plan.
void join(FindingGroup& group, const CaseResult& result, const std::string& key) {
  const bool simplest =
      !group.shortest || complexity_of(result.plan) < complexity_of(*group.shortest);
  const auto before = group;
  const bool worse = group.count == 0 || result.verdict < group.verdict;
  if (worse || (result.verdict == group.verdict && simplest)) group = group_of(result);
  group.signature = key;
  group.count = before.count + 1;
  group.first_seen = before.first_seen;
  group.last_seen = std::max(before.last_seen, result.ended);
  if (group.first_seen.empty() || (!result.ended.empty() && result.ended < group.first_seen))
    group.first_seen = result.ended;
  group.versions = before.versions;
  if (!result.versions.empty() && std::find(group.versions.begin(), group.versions.end(),
                                            result.versions) == group.versions.end())
    group.versions.push_back(result.versions);
  group.shortest = worse || simplest ? result.plan : *before.shortest;
}

void tally_promises(Summary& summary, const CaseResult& result) {
  // Where nothing was proved nothing was kept.
  if (result.verdict == Verdict::infra || result.verdict == Verdict::not_delivered) return;
  for (const auto& finding : result.findings)
    for (auto& one : summary.promises) {
      if (finding.checker != "promise" || finding.symptom != one.name) continue;
      ++(finding.verdict == Verdict::pass            ? one.held
         : finding.verdict == Verdict::expected_loss ? one.lost
         : finding.verdict == Verdict::known_issue   ? one.known
         : finding.verdict == Verdict::hazard        ? one.hazard
                                                     : one.broken);
    }
}

// What the shrink of one of its cases has found out.
void tell_shrunk(FindingGroup& group, const Reduced& reduced) {
  const auto& shrunk = reduced.shrunk;
  if (shrunk.understood) return;
  if (group.shrink_end.empty() || complexity_of(shrunk.plan) < complexity_of(*group.shortest) ||
      shrunk.plan == *group.shortest) {
    group.shortest = shrunk.plan;
    // No time to measure what is left: then what is known of the plan that it came from.
    group.rate = shrunk.last.runs > 0 ? shrunk.last : shrunk.first;
    group.shrink_end = shrunk.end;
    group.minimal =
        fmt::format("migfuzz replay cases/{}/minimal.json --times 10", reduced.case_id);
  }
}

// Rows in the order of phases, then by name.
std::vector<Coverage> coverage_of(const Matrix& matrix, const std::set<std::string>& delivered) {
  std::vector<Coverage> rows;
  const auto row_of = [&](const Cell& cell) -> Coverage& {
    Coverage row;
    row.phase = cell.point.substr(0, cell.point.find('/'));
    row.fault = cell.fault;
    row.side = to_string(cell.side);
    row.protocol = rules_text(cell.protocol, cell.mode);
    row.versions = cell.versions;
    for (auto& known : rows)
      if (known.phase == row.phase && known.fault == row.fault && known.side == row.side &&
          known.protocol == row.protocol && known.versions == row.versions)
        return known;
    return rows.emplace_back(std::move(row));
  };
  for (const auto& cell : matrix.required) {
    auto& row = row_of(cell);
    ++row.required;
    if (delivered.contains(to_string(cell))) ++row.delivered;
  }
  for (const auto& [cell, why, here] : matrix.left_out) {
    auto& row = row_of(cell);
    ++(here ? row.impossible : row.meaningless);
    if (std::find(row.why.begin(), row.why.end(), why) == row.why.end()) row.why.push_back(why);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return phase_from(a.phase) < phase_from(b.phase);
  });
  return rows;
}

}  // namespace

void list_also(std::string& list, const std::string& one) {
  if (list.find(one) != list.npos) return;
  list += (list.empty() ? "" : ", ") + one;
}

void unite(Matrix& into, const Matrix& other) {
  into.required.insert(other.required.begin(), other.required.end());
  into.elsewhere.insert(other.elsewhere.begin(), other.elsewhere.end());
  std::set<Cell> known;
  for (const auto& one : into.left_out) known.insert(one.cell);
  for (const auto& one : other.left_out)
    if (known.insert(one.cell).second) into.left_out.push_back(one);
  std::erase_if(into.left_out,
                [&](const LeftOut& one) { return into.required.contains(one.cell); });
}

Matrix whole(Matrix matrix) {
  for (const auto& one : matrix.left_out) matrix.elsewhere.erase(one.cell);
  matrix.required.merge(std::move(matrix.elsewhere));
  matrix.elsewhere.clear();
  return matrix;
}

void sum_up(Summary& summary, const std::vector<CaseResult>& results, const Matrix& matrix,
            const std::vector<Reduced>& reduced) {
  summary.cases = results.size();
  summary.cells_required = matrix.required.size();
  Control control{"no-fault control", 0, 0}, canary{"canary", 0, 0}, sight{"damage seen", 0, 0};
  std::map<std::string, FindingGroup> groups;
  std::map<std::string, Sighting> seen;
  std::set<std::string> delivered;
  for (const auto& result : results) {
    ++summary.verdicts[result.verdict];
    if (!result.required_cell.empty() && result.delivered) delivered.insert(result.required_cell);
    // What protects a disk is an answer, not a control.
    const bool answer = result.plan.plant == "double-writer";
    if (answer && !result.findings.empty()) summary.notes.push_back(result.findings.front().what);
    Control* of = answer                         ? nullptr
                  : !result.plan.plant.empty()   ? &canary
                  : is_control(result.plan)      ? &control
                  : result.rule == kDamageIsSeen ? &sight
                                                 : nullptr;
    if (of != nullptr) {
      ++of->cases;
      const bool found =
          result.verdict == Verdict::fail && !result.signature.starts_with("oracle/");
      const bool clean = result.verdict == Verdict::pass || result.verdict == Verdict::known_issue;
      of->good += (of == &canary ? found : clean) ? 1 : 0;
    }
    if (result.plan.scenario == kSearchScenario) {
      ++summary.searched;
      if (result.verdict == Verdict::not_delivered) {
        ++summary.missed;
        continue;
      }
    }
    tally_promises(summary, result);
    if (result.signature.empty()) continue;
    const auto key = group_of_case(result, reduced);
    join(groups[key], result, key);
    see(seen.try_emplace(key, Sighting{key}).first->second, result);
  }
  for (const auto& one : reduced)
    if (const auto group = groups.find(one.key); group != groups.end())
      tell_shrunk(group->second, one);
  summary.cells_delivered = delivered.size();
  summary.coverage = coverage_of(matrix, delivered);
  for (auto& [signature, group] : groups) summary.findings.push_back(std::move(group));
  std::stable_sort(summary.findings.begin(), summary.findings.end(),
                   [](const auto& a, const auto& b) { return a.verdict < b.verdict; });
  summary.nights = {night_of(summary, results, seen)};
  for (const auto& one : {control, canary, sight})
    if (one.cases > 0) summary.controls.push_back(one);
  if (summary.searched > 0)
    summary.notes.push_back(
        fmt::format("a search drew {} plans; {} of them missed a point and tested nothing",
                    summary.searched, summary.missed));
}

}  // namespace migfuzz
