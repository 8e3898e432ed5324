// Drawing the plan of one cell, shared by the scenarios that are made of cells.
#pragma once

#include <functional>

#include "harness/core/scenario.h"

namespace migfuzz {

/// What fails where: at `point` ("stopcopy/enter"), on `channel` (FaultSpec::channel).
struct Place {
  const FaultKind& kind;
  Side side = Side::channel;
  std::string point;
  std::string channel{};
};
/// The plan that breaks a migration in that way. One of phase `recover` has a fault before it: what
/// there is to recover from.
PlannedCase cell_case(const ScenarioRequest& request, const Catalogs& catalogs, const Place& place,
                      std::string_view scenario);

/// Every cell of the request's points, faults and sides, in the name of that scenario; `shape`
/// changes each plan before it is looked at. Throws UsageError when there is none.
Drawn draw_cells_of(const ScenarioRequest& request, const Catalogs& catalogs,
                    std::string_view scenario,
                    const std::function<void(Plan&)>& shape = [](Plan&) {});

/// The points the request asks for, in stream order; UsageError for a name that matches none.
std::vector<std::string> wanted_points(const ScenarioRequest& request);

/// Why the cell makes no case, in one clause, and whether that is for want of something on this
/// machine; nothing when it makes one.
std::optional<LeftOut> left_out(const ScenarioRequest& request, const Catalogs& catalogs,
                                const FaultKind& kind, Side side, const std::string& point);

}  // namespace migfuzz
