// The files that are kept of a case: history, monitors, messages, the guests' own records, traces.
#pragma once

#include "harness/core/result.h"
#include "harness/core/world.h"

namespace migfuzz {

/// By file name ("history.jsonl", "qmp-source.log") into `result.evidence`; where the hosts were
/// traced, what they reached into `result.reached`. A second destination's files end in "-2".
/// Throws InfraError where no host came up.
void collect_evidence(CaseResult& result, World& world);

}  // namespace migfuzz
