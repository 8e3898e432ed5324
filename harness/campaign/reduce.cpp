#include "harness/campaign/reduce.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "harness/core/simpler.h"
#include "harness/judge.h"

namespace migfuzz {
namespace {

// A canary's defect is planted: nobody wants to know which part of its plan is needed.
bool wants_reducing(const CaseResult& result) {
  return result.verdict == Verdict::fail && result.plan.plant.empty() && !result.signature.empty();
}

bool same_place(const FaultSpec& one, const FaultSpec& other) {
  return one.kind == other.kind && one.side == other.side &&
         one.trigger.point.phase == other.trigger.point.phase &&
         (other.parameter == 0 || one.parameter != 0);
}

// What is not plain in the minimal plan is needed; a plan that is plain there does not have it.
bool surroundings_are_there(const Plan& plan, const Plan& minimal) {
  const Plan plain;
  const auto there = [&](auto member) {
    return plain.*member == minimal.*member || plain.*member != plan.*member;
  };
  const auto guest_there = [&](auto member) {
    return plain.guest.*member == minimal.guest.*member ||
           plain.guest.*member != plan.guest.*member;
  };
  return there(&Plan::transport) && there(&Plan::disk) && there(&Plan::bandwidth_bytes_per_s) &&
         there(&Plan::downtime_limit_ms) && there(&Plan::least_passes) &&
         guest_there(&GuestShape::dirty_pages_per_s) &&
         guest_there(&GuestShape::disk_writes_per_s) &&
         (plain_memory(minimal.guest.memory_bytes) || !plain_memory(plan.guest.memory_bytes)) &&
         (minimal.source == minimal.destination || plan.source != plan.destination);
}

const Reduced* that_explains(const Plan& plan, const std::string& face,
                             const std::vector<Reduced>& reduced) {
  for (const auto& one : reduced)
    if (one.shrunk.first.shown > 0 && one.shrunk.face == face && contains(plan, one.shrunk.plan))
      return &one;
  return nullptr;
}

// The simplest failing case of each group that was not tried yet; nothing when there is none.
// `tried` holds groups and cases.
const CaseResult* next_case(const std::vector<CaseResult>& results,
                            const std::vector<Reduced>& reduced, const std::set<std::string>& tried,
                            std::size_t& groups) {
  std::map<std::string, const CaseResult*> simplest;
  for (const auto& result : results) {
    if (!wants_reducing(result) || tried.contains(result.id)) continue;
    const auto key = group_of_case(result, reduced);
    if (tried.contains(key)) continue;
    auto& one = simplest[key];
    if (one == nullptr || complexity_of(result.plan) < complexity_of(one->plan)) one = &result;
  }
  groups = simplest.size();
  const CaseResult* next = nullptr;
  for (const auto& [key, one] : simplest)
    if (next == nullptr || complexity_of(one->plan) < complexity_of(next->plan)) next = one;
  return next;
}

bool is_known(const CaseResult& other, const std::vector<CaseResult>& results,
              const std::vector<Reduced>& reduced) {
  const auto key = group_of_case(other, reduced);
  return std::any_of(results.begin(), results.end(), [&](const CaseResult& one) {
    return one.verdict == Verdict::fail && group_of_case(one, reduced) == key;
  });
}

// The limits of one finding: an equal share of the time that is left.
ShrinkLimits share_of(const ShrinkLimits& all, std::size_t groups) {
  auto limits = all;
  const double start = all.spent();
  const double share = std::max(1e-9, (1 - start) / double(std::max<std::size_t>(groups, 1)));
  limits.spent = [spent = all.spent, start, share] { return (spent() - start) / share; };
  return limits;
}

}  // namespace

bool contains(const Plan& plan, const Plan& minimal) {
  if (plan.protocol != minimal.protocol || !surroundings_are_there(plan, minimal)) return false;
  auto left = plan.faults;
  for (const auto& needed : minimal.faults) {
    const auto found = std::find_if(left.begin(), left.end(),
                                    [&](const auto& fault) { return same_place(fault, needed); });
    if (found == left.end()) return false;
    left.erase(found);
  }
  return true;
}

std::string key_of_shrunk(const Shrunk& shrunk) {
  const auto& [face, plan] = std::tie(shrunk.face, shrunk.plan);
  if (names_place(face)) return face + "/*";
  if (plan.faults.size() < 2) return signature_at(plan, face);
  std::set<std::string> words;
  for (const auto& fault : plan.faults)
    words.insert(fmt::format("{}/{}-{}", to_string(fault.trigger.point.phase), fault.kind,
                             to_string(fault.side)));
  return fmt::format("{}/{}/{}", face, fmt::join(words, "+"), plan.protocol);
}

std::string group_of_case(const CaseResult& result, const std::vector<Reduced>& reduced) {
  const auto face = face_of(result.signature);
  if (names_place(face)) return face + "/*";
  if (!wants_reducing(result)) return result.signature;
  for (const auto& one : reduced)
    if (one.case_id == result.id) return one.key;
  if (const auto* known = that_explains(result.plan, face, reduced)) return known->key;
  // One signature is one finding, wherever its first case has led to. Of several faults each case
  // has to say for itself which of them it takes.
  for (const auto& one : reduced)
    if (one.signature == result.signature && result.plan.faults.size() < 2) return one.key;
  return result.signature;
}

std::vector<Reduced> reduce(const std::vector<CaseResult>& results, std::vector<Reduced> reduced,
                            const ReduceRequest& request) {
  auto all = results;
  Verdicts verdicts;
  std::set<std::string> tried;
  for (const auto& one : reduced) tried.insert({one.key, one.case_id});
  while (request.limits.spent() < 1) {
    std::size_t groups = 0;
    const auto* next = next_case(all, reduced, tried, groups);
    if (next == nullptr) break;
    const auto began = group_of_case(*next, reduced);
    const auto face = face_of(next->signature);
    Reduced one;
    one.case_id = next->id;
    one.signature = next->signature;
    one.versions = next->versions;
    one.headline = next->headline;
    std::string known;  // the finding that the descent has led to
    one.shrunk = shrink(next->plan, face, request.simpler, request.run,
                        share_of(request.limits, groups), verdicts, [&](const Plan& plan) {
                          const auto* that = that_explains(plan, face, reduced);
                          if (that != nullptr) known = that->key;
                          return that != nullptr;
                        });
    const bool seen_again = one.shrunk.first.shown > 0;
    one.key = !known.empty() ? known : seen_again ? key_of_shrunk(one.shrunk) : began;
    tried.insert(one.case_id);
    if (next->plan.faults.size() < 2 || names_place(face)) tried.insert(began);
    if (one.key != began) tried.insert(one.key);
    auto others = std::move(one.shrunk.others);
    one.shrunk.others.clear();
    request.done(one);
    reduced.push_back(std::move(one));
    for (auto& other : others)
      if (!is_known(other, all, reduced)) all.push_back(request.met(std::move(other)));
  }
  return reduced;
}

}  // namespace migfuzz
