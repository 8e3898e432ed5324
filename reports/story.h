// What happened in a case, told in one sentence or two for whoever sees it first.
//
// "At commit/ack the channel was cut (reset). The destination had the whole image. The destination
// runs the VM after a blackout of 52 ms, as expected." What a fault amounted to is read from the
// rule of the outcome table that judged the case, so no fault is known by name; without the rule
// (several faults, results of earlier versions) the fault is told by its own name.
#pragma once

#include <string>

#include "harness/core/outcome.h"
#include "harness/core/result.h"

namespace migfuzz {

std::string story_of(const CaseResult& result);

/// The rule that judged the case; empty where its result does not say.
std::string rule_of(const CaseResult& result);
/// Its row; null for the rules of several faults, and for names that this version does not know.
const OutcomeRule* row_of(const CaseResult& result);

}  // namespace migfuzz
