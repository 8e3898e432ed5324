#include "reports/story.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace migfuzz {
namespace {

std::string host(Side side) { return "the " + std::string(to_string(side)); }

/// "the channel was cut": what the failure amounted to.
std::string amounts_to(Effect effect, Side side) {
  switch (effect) {
    case Effect::loses_host:
      return host(side) + " was lost";
    case Effect::pauses_host:
      return host(side) + " stood still for a while";
    case Effect::cuts_channel:
      return "the channel was cut";
    case Effect::cuts_return:
      return "the return path was cut";
    case Effect::silences_channel:
      return "the channel went silent";
    case Effect::slows_channel:
      return "the channel became slow";
    case Effect::refuses_migration:
      return "the migration was made impossible on " + host(side);
    case Effect::cancels_migration:
      return "the migration was cancelled";
    case Effect::blinds_manager:
      return "the manager lost sight of " + host(side);
    case Effect::fails_storage:
      return "the storage of " + host(side) + " failed for a while";
    case Effect::fails_mirror:
      return "the mirror of the disk failed";
    case Effect::fails_file:
      return "the migration file could not be written, or was not whole any more";
    case Effect::stops_arbiter:
      return "the manager was away for a while";
    case Effect::damages_page:
      return "a page was damaged on its way";
    case Effect::damages_frame:
      return "a framing byte was changed on the wire";
    case Effect::damages_record:
      return "an encrypted record was changed on the wire";
    case Effect::intrudes:
      return "a stranger connected to " + host(side);
    case Effect::takes_channel:
      return "a stranger connected to " + host(side) + " before the source";
    case Effect::isolates_guest:
      return "clients did not reach the VM on " + host(side) + " for a while";
  }
  return "something happened to " + host(side);
}

std::string how_far(Reached reached) {
  switch (reached) {
    case Reached::incomplete:
      return "only the source had the whole image";
    case Reached::complete:
      return "the destination had the whole image";
    case Reached::acknowledged:
      return "the destination had acknowledged the whole image";
    case Reached::activated:
      return "the destination had been told to run";
    case Reached::switching:
      return "the source was handing over in post-copy, and alone had the VM";
    case Reached::switched:
      return "in post-copy each host had a part of the VM";
    case Reached::saved:
      return "the file had the whole image, and nobody had been given the VM";
    case Reached::followed:
      return "the destination had every page";
  }
  return "";
}

std::string fault_clause(const FaultSpec& fault, const OutcomeRule* row) {
  const std::string at = "at " + to_string(fault.trigger) + " ";
  if (row == nullptr) return at + fault.kind + " struck " + host(fault.side);
  return at + amounts_to(row->effect, fault.side) + " (" + fault.kind + ")";
}

std::string what_struck(const CaseResult& result) {
  const Plan& plan = result.plan;
  if (plan.faults.empty()) {
    return plan.plant.empty() ? "nothing was done to the migration"
                              : "a defect was planted (" + plan.plant + ")";
  }
  if (plan.faults.size() == 1) {
    const FaultSpec& fault = plan.faults.front();
    const OutcomeRule* row = row_of(result);
    std::string out = fault_clause(fault, row);
    if (row != nullptr)
      out += "; " + how_far(reached_at(plan, fault.trigger, fault.side, row->effect));
    return out;
  }
  std::string out;
  for (const FaultSpec& fault : plan.faults)
    out += (out.empty() ? "" : ", then ") + fault_clause(fault, nullptr);
  return out;
}

std::string what_is_left(const CaseResult& result) {
  char blackout[64] = "";
  if (result.blackout_ms >= 0)
    std::snprintf(blackout, sizeof blackout, " after a blackout of %.0f ms", result.blackout_ms);
  if (result.survivor == "both") return "both hosts run the VM";
  if (result.survivor == "none") return "no host runs the VM";
  if (result.survivor == "source" || result.survivor == "destination")
    return "the " + result.survivor + " runs the VM" + blackout;
  return "what is left of the VM is not known";
}

/// Whether that was to be expected, where somebody judged it.
std::string agreement(const CaseResult& result) {
  const auto judged =
      std::find_if(result.findings.begin(), result.findings.end(),
                   [](const Finding& finding) { return finding.checker == "survivor"; });
  if (judged == result.findings.end()) return "";
  switch (judged->verdict) {
    case Verdict::pass:
      return result.survivor == "both" ? "" : ", as expected";
    case Verdict::expected_loss:
      return ", a loss that is expected here";
    case Verdict::hazard:
      return ", a known hazard of " + result.plan.protocol;
    default:
      return result.expected.empty() ? ", which is not as expected"
                                     : "; expected: " + result.expected;
  }
}

/// A double run that is over is a part of the story, too. Said by QMP, not proved by heartbeats.
std::string both_ran(const CaseResult& result) {
  double together_ms = 0;
  for (const Span& span : result.owners)
    if (span.name == "both") together_ms += span.to_ms - span.from_ms;
  if (together_ms <= 0) return "";
  char text[64];
  std::snprintf(text, sizeof text, "for %.1f ms QEMU said of both hosts that they run",
                together_ms);
  return text;
}

/// "clean-exit, memory and disk failed": whose findings make the verdict worse than what is left.
std::string objections(const CaseResult& result) {
  std::vector<std::string> checkers;
  for (const Finding& finding : result.findings) {
    const bool known =
        std::find(checkers.begin(), checkers.end(), finding.checker) != checkers.end();
    if (finding.verdict == result.verdict && finding.checker != "survivor" && !known)
      checkers.push_back(finding.checker);
  }
  std::string out;
  for (std::size_t i = 0; i < checkers.size(); ++i)
    out += (i == 0 ? "" : i + 1 == checkers.size() ? " and " : ", ") + checkers[i];
  if (out.empty()) return "";
  switch (result.verdict) {
    case Verdict::fail:
      return "but a promise was broken: " + out;
    case Verdict::infra:
      return "but " + out + " could not tell";
    case Verdict::known_issue:
      return "but " + out + " found a known issue";
    case Verdict::hazard:
      return "but " + out + " found a known hazard";
    default:
      return "";
  }
}

std::string sentence(std::string text) {
  if (text.empty()) return "";
  if (text[0] >= 'a' && text[0] <= 'z') text[0] = char(text[0] - 'a' + 'A');
  return text + ".";
}

}  // namespace

std::string rule_of(const CaseResult& result) {
  if (!result.rule.empty()) return result.rule;
  for (const Finding& finding : result.findings) {
    const std::size_t from = finding.what.rfind("(rule ");
    if (finding.checker != "survivor" || from == std::string::npos) continue;
    const std::size_t to = finding.what.find(')', from);
    if (to != std::string::npos) return finding.what.substr(from + 6, to - from - 6);
  }
  return "";
}

const OutcomeRule* row_of(const CaseResult& result) {
  const std::string rule = rule_of(result);
  for (const OutcomeRule& row : outcome_table())
    if (row.rule == rule) return &row;
  return nullptr;
}

std::string story_of(const CaseResult& result) {
  if (result.survivor == "unknown" || result.survivor.empty())
    return sentence("the case was not told to its end");
  if (!result.delivered && !result.plan.faults.empty())
    return sentence("the fault did not take effect, so this case proves nothing: " +
                    what_is_left(result));
  const std::string both = sentence(both_ran(result));
  const std::string but = sentence(objections(result));
  return sentence(what_struck(result)) + " " + sentence(what_is_left(result) + agreement(result)) +
         (both.empty() ? "" : " " + both) + (but.empty() ? "" : " " + but);
}

}  // namespace migfuzz
