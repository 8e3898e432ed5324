#include "scenarios/system.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "harness/core/mode.h"
#include "harness/core/search.h"
#include "scenarios/cells.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kUsualMigrations = 10;

std::size_t announcements(const Looked& looked, Side from) {
  const auto& frames = looked.evidence.network->frames;
  return static_cast<std::size_t>(std::count_if(frames.begin(), frames.end(), [&](const auto& one) {
    return one.from == from && one.kind == VmFrame::Kind::rarp;
  }));
}

// The plan has cut the destination off from the VM's clients, and had not healed that, when it ran
// the VM: what it announces then reaches nobody.
bool announces_into_nothing(const Looked& looked) {
  std::optional<std::string> cut_by;
  const auto first = looked.history.first_migration();
  for (const auto& event : first.events()) {
    if (event.kind == "fault" && event.name == "healed" && text_field(event, "kind") == cut_by)
      cut_by.reset();
    if (event.kind == "fault" && event.name == "injected" &&
        text_field(event, "component") == "guest network" &&
        text_field(event, "side") == "destination")
      cut_by = text_field(event, "kind");
    if (event.actor == "destination" && event.name == "RESUME") return cut_by.has_value();
  }
  return false;
}

}  // namespace

Drawn draw_system(const ScenarioRequest& request, const Catalogs& catalogs,
                  std::string_view scenario, const std::function<void(Plan&)>& shape) {
  Drawn drawn;
  auto mine = request;
  std::uint64_t state = request.base.seed;
  const auto count = request.cases != 0 ? request.cases : kUsualMigrations;
  for (std::uint64_t i = 0; i < count; ++i) {
    PlannedCase one;
    one.plan = request.base;
    one.plan.scenario = scenario;
    one.plan.guest.seed = next_random(state);
    one.plan.transport = Transport::tcp;
    one.plan.patience_ms = 5000;  // nothing fails: only a busy machine can make it stand
    if (mode_from(one.plan.mode).postcopy()) {  // pages have to be left when it begins
      several_passes(one.plan);
      one.plan.least_passes = rounds_before_postcopy(one.plan);
    }
    shape(one.plan);
    drawn.cases.push_back(std::move(one));
  }
  if (request.phases.empty() && request.points.empty()) return drawn;
  mine.cases = 0;
  auto cells = draw_cells_of(mine, catalogs, scenario, shape);
  for (auto& one : cells.cases) drawn.cases.push_back(std::move(one));
  drawn.left_out = std::move(cells.left_out);
  return drawn;
}

namespace promises {

Kept kept(bool held, std::string what) { return {held, std::move(what)}; }

bool no_fault(const Looked& looked) { return looked.plan.faults.empty(); }

bool runs_on(const Looked& looked, Side host) {
  return looked.measured.survivor == to_string(host);
}

bool is_lost(const Looked& looked) { return looked.measured.survivor == "none"; }

bool handed_over(const History& history) {
  const auto first = history.first_migration();
  return first.first("arbiter", "decision", "hand-over") != nullptr ||
         first.first("destination", "qmp-event", "RESUME") != nullptr;
}

bool source_stable(const Looked& looked) {
  if (looked.evidence.source.ended_by_fault) return false;
  const auto& events = looked.history.events();
  return std::none_of(events.begin(), events.end(), [](const Event& event) {
    const auto component = text_field(event, "component").value_or("");
    return event.kind == "fault" && event.name == "injected" &&
           text_field(event, "side") == "source" &&
           (component == "qemu" || component == "host" || component == "storage");
  });
}

bool has_fault(const Looked& looked, std::string_view kind) {
  const auto& faults = looked.plan.faults;
  return std::any_of(faults.begin(), faults.end(),
                     [&](const FaultSpec& one) { return one.kind.starts_with(kind); });
}

const Event* event(const Looked& looked, std::string_view actor, std::string_view kind,
                   std::string_view name) {
  return looked.history.first(actor, kind, name);
}

Promise connections_kept(std::string_view source) {
  return {"connections-kept", "a client's TCP connection outlives the migration if the VM does",
          source, [](const Looked& looked) -> std::optional<Kept> {
            const auto& network = looked.evidence.network;
            if (!network || is_lost(looked) || !looked.evidence.settled ||
                !network->unheard.empty())
              return std::nullopt;
            const auto& client = network->client;
            if (client.echoes.answered == 0) return std::nullopt;  // it was never heard
            return kept(client.broken.empty() && network->echoed_again,
                        client.broken.empty()
                            ? fmt::format("{} of {} messages came back, longest wait {:.0f} ms",
                                          client.echoes.answered, client.echoes.asked,
                                          looked.measured.tcp_gap_ms)
                            : client.broken);
          },
          {"network"}};
}

Promise announced(std::string_view source) {
  return {"address-moves-along",
          "the VM keeps its hardware address, the destination announces it by RARP and the source "
          "does not",
          source, [](const Looked& looked) -> std::optional<Kept> {
            if (!looked.evidence.network || !runs_on(looked, Side::destination) ||
                looked.evidence.network->frames_lost > 0 ||
                !looked.evidence.network->unheard.empty())
              return std::nullopt;
            const auto there = announcements(looked, Side::destination);
            const auto here = announcements(looked, Side::source);
            const bool placed = looked.evidence.network->place == Side::destination;
            const bool announced = there > 0 || announces_into_nothing(looked);
            return kept(announced && here == 0 && placed,
                        fmt::format("announced {} times by the destination, {} by the source; the "
                                    "switch {} it behind the destination",
                                    there, here, placed ? "has" : "does not have"));
          },
          {"network"}};
}

Promise state_kept(std::string_view source) {
  return {"state-kept", "the VM goes on with exactly the state that it had: memory, steps, disk",
          source, [](const Looked& looked) -> std::optional<Kept> {
            if (!no_fault(looked)) return std::nullopt;
            const auto& e = looked.evidence;
            if (!e.exam_at_switch) return std::nullopt;  // nobody told the destination to run
            const bool memory =
                e.exam_at_switch->readable && e.exam_at_switch->wrong_pages == 0;
            const bool steps = !e.records.broken && !e.records_disagree;
            const bool disk = !e.disk || (e.disk->readable && e.disk->missing + e.disk->torn == 0);
            return kept(memory && steps && disk,
                        fmt::format("memory {}, steps {}, disk {}", memory ? "exact" : "wrong",
                                    steps ? "unbroken" : "broken",
                                    !e.disk ? "none" : disk ? "exact" : "wrong"));
          },
          {"memory", "no-rollback", "disk"}};
}

}  // namespace promises
}  // namespace migfuzz
