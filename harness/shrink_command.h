// `migfuzz shrink PLAN|CASE-DIR`: how often a plan fails, and which part of it is needed.
#pragma once

#include "harness/command_line/requests.h"

namespace migfuzz {

/// Prints every step and what is left. Exit status: 1 the failure was reproduced, 0 nothing failed,
/// 3 no run could tell, 128+n ended by signal n. Throws UsageError, CannotRun, io::OutputError.
int shrink_plan(io::Loop& loop, const ShrinkCommand& request, const Catalogs& catalogs,
                const TrialFunction& trial);

}  // namespace migfuzz
