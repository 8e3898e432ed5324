// Drawing the plan of one cell, shared by the scenarios that are made of cells.
#pragma once

#include "harness/core/scenario.h"

namespace migfuzz {

/// The plan that breaks a migration with `kind` on `side` at `point` ("stopcopy/enter").
PlannedCase cell_case(const ScenarioRequest& request, const FaultKind& kind, Side side,
                      const std::string& point, std::string_view scenario);

/// The points the request asks for, in stream order; UsageError for a name that matches none.
std::vector<std::string> wanted_points(const ScenarioRequest& request);

/// True when `kind` can act at `point`.
bool goes_with(const FaultKind& kind, const std::string& point);

}  // namespace migfuzz
