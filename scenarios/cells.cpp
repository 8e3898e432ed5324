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

#include "harness/core/combination.h"
#include "harness/core/error.h"
#include "harness/core/mode.h"
#include "harness/core/search.h"
#include "scenarios/catalog.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kPageBits = 4096 * 8;

// Of a mode through a file: where the manager stands.
std::vector<std::string> points_at_file(Phase phase) {
  if (phase == Phase::prepare) return {"prepare/ready"};
  std::vector<std::string> points;
  for (const auto& kind : all_point_kinds()) {
    const bool last = phase == Phase::activate && kind.place == PointKind::Place::manager;
    if (kind.phase == phase && (kind.place == PointKind::Place::file || last))
      points.push_back(fmt::format("{}/{}", to_string(phase), kind.pattern));
  }
  return points;
}

std::vector<std::string> telling_points(Phase phase, const Mode& mode) {
  if (mode.through_file()) return points_at_file(phase);
  switch (phase) {
    case Phase::storage:
      return {"storage/job-start",      "storage/mirroring", "storage/ready",
              "storage/pre-switchover", "storage/job-gone",  "storage/switched"};
    case Phase::prepare:
      return {"prepare/ready", "prepare/connected"};
    case Phase::reserve:
      if (mode.credentials() != Credentials::none)
        return {"reserve/record:1", "reserve/record:1/middle", "reserve/record:2"};
      if (mode.postcopy()) return {"reserve/first-byte", "reserve/advise", "reserve/ram-setup-end"};
      return {"reserve/first-byte", "reserve/first-byte+4", "reserve/header-end",
              "reserve/configuration-end", "reserve/ram-setup-begin", "reserve/ram-setup-end"};
    case Phase::precopy:
      if (mode.credentials() != Credentials::none)
        return {"precopy/record:1", "precopy/record:2/middle", "precopy/record:100"};
      if (mode.shares_ram()) return {"precopy/begin"};
      if (mode.snapshot()) return {"precopy/begin", "precopy/page:100", "precopy/page:1000"};
      if (mode.multifd() > 0)
        return {"precopy/begin", "precopy/hello", "precopy/packet:3", "precopy/packet:3/middle",
                "precopy/sync:1"};
      return {"precopy/begin", "precopy/page:100", "precopy/pass:2"};
    case Phase::stopcopy:
      break;
    case Phase::postcopy:
      if (mode.preempt())
        return {"postcopy/package-begin",  "postcopy/run",
                "postcopy/page:1",         "postcopy/request:1",
                "postcopy/preempt-page:1", "postcopy/preempt-page:5",
                "postcopy/last-page",      "commit/eof"};
      return {"postcopy/discard",           "postcopy/package-begin",
              "postcopy/device:cpu/middle", "postcopy/run",
              "postcopy/package-end",       "postcopy/page:1",
              "postcopy/page:100",          "postcopy/request:1",
              "postcopy/answer:1",          "postcopy/request:5",
              "postcopy/answer:5",          "postcopy/last-page",
              "commit/eof"};
    case Phase::recover:
      return {"recover/paused",     "recover/connected",  "recover/bitmap-request",
              "recover/bitmap",     "recover/bitmap-end", "recover/resume",
              "recover/resume-ack", "recover/page:1"};
    case Phase::commit:
      if (mode.snapshot())
        return {"commit/eof", "commit/vmdesc-begin", "commit/vmdesc-middle", "commit/vmdesc-end"};
      if (mode.postcopy()) return {"commit/eof", "commit/ack", "commit/ack+3", "commit/ack-end"};
      return {"commit/eof",        "commit/vmdesc-begin", "commit/vmdesc-middle",
              "commit/vmdesc-end", "commit/ack",          "commit/ack+3",
              "commit/ack-end"};
    case Phase::activate:
      return {"activate/before-cont", "activate/cont-journalled", "activate/resumed",
              "activate/before-discard"};
  }
  if (mode.snapshot()) return {"stopcopy/eof-begin", "commit/eof"};
  std::vector<std::string> points{"stopcopy/enter", "stopcopy/ram-end"};
  for (const auto* device : {"first", "cpu", "virtio-blk", "virtio-net", "last"})
    for (const auto* where : {"begin", "middle", "end"})
      points.push_back(fmt::format("stopcopy/device:{}/{}", device, where));
  if (mode.multifd() > 0)
    for (const auto* where : {"packet:1", "packet:1/middle", "sync:1"})
      points.push_back(fmt::format("stopcopy/{}", where));
  points.push_back("commit/eof");
  return points;
}

Cell cell_of(const ScenarioRequest& request, const FaultKind& kind, Side side,
             const std::string& point, const std::string& channel = {}) {
  return {point,           std::string(kind.name), side, request.base.protocol,
          request.versions, request.base.mode,      channel};
}

// The channels that a fault can hit there, the main one as "": each is a cell of its own.
std::vector<std::string> channels_for(const ScenarioRequest& request, const FaultKind& kind,
                                      const std::string& point) {
  const auto trigger = trigger_from(point);
  std::vector<std::string> channels;
  if (!on_side_channel(trigger.point)) channels.emplace_back();
  for (const auto& name : mode_from(request.base.mode).side_channels()) {
    if (!excluded_on(name, kind, trigger).empty()) continue;
    channels.push_back(name);
    // What hits no channel by itself strikes where the first one stands.
    if (!kind.per_channel) break;
  }
  return channels;
}

// In post-copy no description follows the end mark.
constexpr const char* kEndOfStream = "commit/vmdesc-end";
bool ends_stream(const ScenarioRequest& request, const std::string& point) {
  return point == "commit/eof" && mode_from(request.base.mode).postcopy();
}

// A path that stays silent cannot be recovered over: it comes back when the manager has given it
// up.
void follow(Plan& plan, const FaultKind& kind) {
  const auto wanted = plan.least_passes;
  several_passes(plan);
  plan.least_passes = wanted > 1 ? wanted : rounds_before_postcopy(plan);
  auto& fault = plan.faults.back();
  if (kind.effect == Effect::silences_channel && fault.heal_after_ms == 0)
    fault.heal_after_ms = 3 * plan.patience_ms;
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

std::uint64_t drawn_parameter(const FaultKind& kind, std::uint64_t& state) {
  if (kind.acts_on_page) return next_random(state) % kPageBits;
  if (!kind.cells_draw_parameter) return 0;
  const auto choices = kind.parameter_most - kind.parameter_least + 1;
  return kind.parameter_least + next_random(state) % choices;
}

// With --cases the cells are run again and again, each time with numbers of its own, up to that
// many.
void repeat(std::vector<PlannedCase>& cases, std::uint64_t wanted, const Catalogs& catalogs) {
  if (wanted == 0) return;
  const auto cells = cases.size();
  while (cases.size() < wanted) {
    auto again = cases[cases.size() - cells];
    auto state = again.plan.guest.seed;
    again.plan.guest.seed = next_random(state);
    for (auto& fault : again.plan.faults)
      if (const auto& kind = catalogs.find_fault(fault.kind);
          kind.acts_on_page || kind.cells_draw_parameter)
        fault.parameter = drawn_parameter(kind, state);
    cases.push_back(std::move(again));
  }
  cases.resize(wanted);
}

template <typename T>
bool chosen(const std::vector<T>& list, const T& one) {
  return list.empty() || std::find(list.begin(), list.end(), one) != list.end();
}

// A case, unless nobody can say what its faults together should leave.
void add(Drawn& drawn, PlannedCase&& one, const Catalogs& catalogs) {
  auto why = not_together(one.plan, catalogs.kinds_of(one.plan));
  if (why.empty()) why = never_on(one.plan, catalogs);
  if (why.empty() && one.plan.faults.size() > 1 && !catalogs.expected(one.plan))
    why = "it cannot be said what should be left behind the fault that it begins with";
  if (why.empty())
    drawn.cases.push_back(std::move(one));
  else
    drawn.left_out.push_back({*one.cell, std::move(why), false});
}

}  // namespace

Drawn draw_cells_of(const ScenarioRequest& request, const Catalogs& catalogs,
                    std::string_view scenario, const std::function<void(Plan&)>& shape) {
  for (const auto& name : request.faults) catalogs.find_fault(name);
  Drawn drawn;
  for (const auto& point : wanted_points(request))
    for (const auto& kind : catalogs.faults) {
      if (!chosen(request.faults, std::string(kind.name))) continue;
      for (const auto side : kind.sides) {
        if (!chosen(request.sides, side)) continue;
        if (auto not_run = left_out(request, catalogs, kind, side, point)) {
          drawn.left_out.push_back(std::move(*not_run));
          continue;
        }
        for (const auto& channel : channels_for(request, kind, point)) {
          const Place place{kind, side, point, channel};
          auto one = cell_case(request, catalogs, place, scenario);
          shape(one.plan);
          add(drawn, std::move(one), catalogs);
        }
      }
    }
  if (drawn.cases.empty())
    throw UsageError(drawn.left_out.empty()
                         ? "no cell has all of the chosen points, faults and sides; see `migfuzz "
                           "list faults`"
                         : fmt::format("{}: {}", to_string(drawn.left_out.front().cell),
                                       drawn.left_out.front().why));
  repeat(drawn.cases, request.cases, catalogs);
  return drawn;
}

std::optional<LeftOut> left_out(const ScenarioRequest& request, const Catalogs& catalogs,
                                const FaultKind& kind, Side side, const std::string& point) {
  LeftOut none{cell_of(request, kind, side, point), "", false};
  const auto trigger = trigger_from(point);
  const bool cont = point == "activate/before-cont" || point == "activate/cont-journalled";
  const bool waits = cont || point == "commit/file-loaded";
  if (waits && !catalogs.find_protocol(request.base.protocol).destination_starts_paused())
    none.why = cont ? "under this protocol nobody sends `cont`"
                    : "under this protocol the destination runs as soon as it has loaded the file";
  else if (auto why = mode_from(request.base.mode).lacks(trigger.point); !why.empty())
    none.why = std::move(why);
  else if (trigger.point.phase == Phase::recover && kind.acts_on_page)
    none.why = "the page is chosen on the channel that is lost before";
  else if (kind.needs_tcp && request.transport == Transport::unix_tight)
    none.why = "it is a failure of TCP or of a network";
  else if (none.why = excluded_in(request.base.mode, kind); none.why.empty())
    none.why = kind.excluded(ends_stream(request, point) ? trigger_from(kEndOfStream) : trigger,
                             side);
  const auto missing = request.missing.find(std::string(kind.needs));
  if (none.why.empty() && missing != request.missing.end()) {
    none.why = missing->second;
    none.here = true;
  }
  if (none.why.empty()) return std::nullopt;
  return none;
}

std::vector<std::string> wanted_points(const ScenarioRequest& request) {
  std::vector<std::string> points;
  const auto add = [&](std::vector<std::string> more) {
    for (auto& point : more)
      if (std::find(points.begin(), points.end(), point) == points.end())
        points.push_back(std::move(point));
  };
  const auto mode = mode_from(request.base.mode);
  if (request.points.empty())
    for (const auto phase : request.phases)
      if (mode.has(phase)) add(telling_points(phase, mode));
  for (const auto& pattern : request.points) add(match_points(pattern, request));
  return points;
}

PlannedCase cell_case(const ScenarioRequest& request, const Catalogs& catalogs,
                      const Place& place, std::string_view scenario) {
  const auto& [kind, side, point, channel] = place;
  const auto mode = mode_from(request.base.mode);
  PlannedCase drawn;
  drawn.cell = cell_of(request, kind, side, point, channel);
  Plan& plan = drawn.plan;
  plan = request.base;
  plan.scenario = scenario;
  // Each cell has its own numbers, and keeps them whatever other cells are drawn beside it.
  std::uint64_t state = request.base.seed;
  for (const char c : fmt::format("{} × {} × {}{}", point, kind.name, to_string(side), channel))
    state = state * 0x100000001b3ULL ^ static_cast<unsigned char>(c);
  plan.guest.seed = next_random(state);
  plan.transport = mode.needs_tcp() ? Transport::tcp : request.transport.value_or(kind.transport);
  plan.patience_ms = std::max(plan.patience_ms, kind.patience_ms);
  plan.disk = disk_for(kind, plan.disk);
  FaultSpec fault;
  fault.kind = kind.name;
  fault.side = side;
  fault.channel = channel;
  fault.trigger = trigger_from(point);
  fault.heal_after_ms = kind.heal_after_ms;
  // A pass is only reached when the guest dirties faster than the migration converges.
  const auto& name = fault.trigger.point.name;
  if (name.starts_with("pass:") && name != "pass:1") several_passes(plan);
  fault.parameter = drawn_parameter(kind, state);
  plan.faults = {fault};
  if (mode.postcopy()) follow(plan, kind);
  if (fault.trigger.point.phase == Phase::recover) {
    plan.faults.insert(plan.faults.begin(), breaks_postcopy(catalogs));
    plan.transport = Transport::tcp;
  }
  return drawn;
}

Scenario make_cells() {
  return {"cells", "every single-fault cell of the chosen phases, once each",
          [](const ScenarioRequest& request, const Catalogs& catalogs) {
            return draw_cells_of(request, catalogs, "cells");
          }};
}

}  // namespace migfuzz
