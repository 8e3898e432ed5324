// From a finished case to its result: runs the checkers, takes the worst, names the signature, and
// draws the case's time line. Pure.
#pragma once

#include <memory>
#include <vector>

#include "harness/core/checker.h"
#include "harness/core/result.h"

namespace migfuzz {

/// A checker that throws makes the case `infra`; a fault without proof makes it `not-delivered`.
CaseResult judge(const Plan& plan, const History& history, const Evidence& evidence,
                 const std::vector<std::unique_ptr<Checker>>& checkers);

/// The result of a case that the environment or a dead worker kept from being told: `infra`.
CaseResult untold(const Plan& plan, const std::string& why);

/// The stable name of a finding of this plan: checker/symptom/phase/fault-side/protocol.
std::string signature_of(const Plan& plan, const Finding& finding);
/// Sets verdict, signature and headline from the findings: the worst wins, none at all is `infra`.
void name_verdict(CaseResult& result);

/// Phase bands and ownership from the events of a history; times in ms from its start.
std::vector<Span> phase_bands(const History& history);
std::vector<Span> ownership(const History& history);

}  // namespace migfuzz
