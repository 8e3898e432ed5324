// From a finished case to its result: runs the checkers, takes the worst, names the signature, and
// draws the case's time line. Pure.
#pragma once

#include <memory>
#include <vector>

#include "harness/core/checker.h"
#include "harness/core/promise.h"
#include "harness/core/result.h"

namespace migfuzz {

/// A checker that throws makes the case `infra`; a fault without proof makes it `not-delivered`.
CaseResult judge(const Plan& plan, const History& history, const Evidence& evidence,
                 const std::vector<std::unique_ptr<Checker>>& checkers,
                 const std::vector<Promise>& promises = {});

/// The result of a case that the environment or a dead worker kept from being told: `infra`.
CaseResult untold(const Plan& plan, const std::string& why);

// Signatures: the stable names of failures. Words only: nothing in them differs between two runs or
// two machines, and no number, path or address is part of one.
//  checker/symptom           the face: what broke. oracle/… for the harness's own eyesight
//  /phase/fault-side         the circumstances: no-fault, canary-NAME, or several-faults, because
//                            nobody knows which of several it takes before the plan is shrunk
//  /protocol

/// The signature of a finding of this plan.
std::string signature_of(const Plan& plan, const Finding& finding);
/// The same for each fault of the plan as if it were the only one, and the signature itself: what
/// patterns of known issues are matched against.
std::vector<std::string> signatures_of(const Plan& plan, const Finding& finding);
/// A face under the circumstances of a plan with one fault or none.
std::string signature_at(const Plan& plan, const std::string& face);
/// "checker/symptom" of a signature.
std::string face_of(const std::string& signature);
/// True when the face tells the place in the code ("assertion:FUNCTION"): wherever it comes up, it
/// is one bug, and the circumstances tell nothing apart.
bool names_place(const std::string& face);
/// Sets verdict, signature and headline from the findings: the worst wins, none at all is `infra`.
void name_verdict(CaseResult& result);

/// Phase bands and ownership from the events of a history; times in ms from its start.
std::vector<Span> phase_bands(const History& history);
std::vector<Span> ownership(const History& history);

}  // namespace migfuzz
