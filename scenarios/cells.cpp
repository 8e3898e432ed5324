// cells: every single-fault cell of the chosen phases once: point x fault x side.
//
// Without --point it takes each phase's telling points: its boundaries, and begin, middle and end
// of a handful of device sections (the first, the CPU, both virtio devices, the last). The boundary
// that ends a phase belongs to it: `stopcopy` includes `commit/eof`, the byte from which the VM
// must live. Patterns (`--point='stopcopy/device:*'`) are matched against the points that a
// no-fault migration passed on this very machine and pair of QEMUs.
#include "scenarios/cells.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/core/error.h"
#include "scenarios/catalog.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kPageBits = 4096 * 8;

std::vector<std::string> telling_points(Phase phase) {
  switch (phase) {
    case Phase::prepare:
    case Phase::activate:
      return {};
    case Phase::reserve:
      return {"reserve/first-byte", "reserve/header-end", "reserve/ram-setup-begin",
              "reserve/ram-setup-end"};
    case Phase::precopy:
      return {"precopy/begin", "precopy/page:100", "precopy/pass:2"};
    case Phase::stopcopy:
      break;
    case Phase::commit:
      return {"commit/eof", "commit/vmdesc-begin", "commit/vmdesc-middle"};
  }
  std::vector<std::string> points{"stopcopy/enter", "stopcopy/ram-end"};
  for (const auto* device : {"first", "cpu", "virtio-blk", "virtio-net", "last"})
    for (const auto* where : {"begin", "middle", "end"})
      points.push_back(fmt::format("stopcopy/device:{}/{}", device, where));
  points.push_back("commit/eof");
  return points;
}

std::vector<std::string> match_points(const std::string& pattern, const ScenarioRequest& request) {
  if (pattern.find('*') == std::string::npos) return {to_string(trigger_from(pattern))};
  std::vector<std::string> matching;
  for (const auto& point : request.passed_points)
    if (matches(pattern, point)) matching.push_back(point);
  if (matching.empty())
    throw UsageError(fmt::format(
        "--point: no point of a migration on this machine matches `{}`; see `migfuzz list points`",
        pattern));
  return matching;
}

// With --cases the cells are run again and again, each time with numbers of its own, up to that
// many.
void repeat(std::vector<PlannedCase>& cases, std::uint64_t wanted) {
  if (wanted == 0) return;
  const auto cells = cases.size();
  while (cases.size() < wanted) {
    auto again = cases[cases.size() - cells];
    auto state = again.plan.guest.seed;
    again.plan.guest.seed = next_random(state);
    for (auto& fault : again.plan.faults)
      if (fault.parameter != 0) fault.parameter = next_random(state) % kPageBits;
    cases.push_back(std::move(again));
  }
  cases.resize(wanted);
}

std::vector<PlannedCase> draw_cells(const ScenarioRequest& request, const Catalogs& catalogs) {
  for (const auto& name : request.faults) catalogs.find_fault(name);
  std::vector<PlannedCase> cases;
  for (const auto& point : wanted_points(request))
    for (const auto& kind : catalogs.faults) {
      const auto& names = request.faults;
      if (!names.empty() && std::find(names.begin(), names.end(), kind.name) == names.end())
        continue;
      for (const auto side : kind.sides) {
        const auto& sides = request.sides;
        const bool wanted =
            sides.empty() || std::find(sides.begin(), sides.end(), side) != sides.end();
        if (wanted && goes_with(kind, point))
          cases.push_back(cell_case(request, kind, side, point, "cells"));
      }
    }
  if (cases.empty())
    throw UsageError(
        "no cell has all of the chosen points, faults and sides; see `migfuzz list faults`");
  repeat(cases, request.cases);
  return cases;
}

}  // namespace

bool goes_with(const FaultKind& kind, const std::string& point) {
  if (!kind.acts_on_page) return true;
  // Behind these points page records still follow, and the page is not sent again later: only the
  // final RAM section qualifies.
  return point == "stopcopy/enter";
}

std::vector<std::string> wanted_points(const ScenarioRequest& request) {
  std::vector<std::string> points;
  const auto add = [&](std::vector<std::string> more) {
    for (auto& point : more)
      if (std::find(points.begin(), points.end(), point) == points.end())
        points.push_back(std::move(point));
  };
  if (request.points.empty())
    for (const auto phase : request.phases) {
      auto telling = telling_points(phase);
      if (telling.empty())
        throw UsageError(
            fmt::format("--phase: `{}` has no points yet; take reserve, precopy, "
                        "stopcopy or commit",
                        to_string(phase)));
      add(std::move(telling));
    }
  for (const auto& pattern : request.points) add(match_points(pattern, request));
  return points;
}

PlannedCase cell_case(const ScenarioRequest& request, const FaultKind& kind, Side side,
                      const std::string& point, std::string_view scenario) {
  PlannedCase drawn;
  drawn.cell = fmt::format("{} × {} × {}", point, kind.name, to_string(side));
  Plan& plan = drawn.plan;
  plan = request.base;
  plan.scenario = scenario;
  // Each cell has its own numbers, and keeps them whatever other cells are drawn beside it.
  std::uint64_t state = request.base.seed;
  for (const char c : drawn.cell) state = state * 0x100000001b3ULL ^ static_cast<unsigned char>(c);
  plan.guest.seed = next_random(state);
  plan.transport = kind.transport;
  plan.patience_ms = std::max(plan.patience_ms, kind.patience_ms);
  FaultSpec fault;
  fault.kind = kind.name;
  fault.side = side;
  fault.trigger = trigger_from(point);
  fault.heal_after_ms = kind.heal_after_ms;
  // A pass is only reached when the guest dirties faster than the migration converges.
  const auto& name = fault.trigger.point.name;
  if (name.starts_with("pass:") && name != "pass:1") {
    plan.least_passes = 4;
    plan.guest.dirty_pages_per_s = 30000;
  }
  fault.parameter = kind.acts_on_page ? next_random(state) % kPageBits : 0;
  plan.faults = {fault};
  return drawn;
}

Scenario make_cells() {
  return {"cells", "every single-fault cell of the chosen phases, once each", draw_cells};
}

}  // namespace migfuzz
