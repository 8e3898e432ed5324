// Runs one plan on the scripted world, from the director to the verdict, with every real checker.
//
// What a worker does in a case, without its process; the world stays at hand for questions.
#pragma once

#include <memory>
#include <string>

#include "faults/catalog.h"
#include "harness/checkers/catalog.h"
#include "harness/core/catalogs.h"
#include "harness/director.h"
#include "harness/judge.h"
#include "harness/protocols/catalog.h"
#include "scenarios/catalog.h"
#include "tests/fakes/scripted_world.h"

namespace migfuzz::fakes {

/// Every real catalog, with the scripted hypervisor and FakeGuest in the place of the real ones.
inline Catalogs scripted_catalogs(const Defects& defects = {}) {
  Catalogs catalogs;
  catalogs.faults = all_faults();
  catalogs.guests.push_back(std::make_unique<FakeGuest>());
  catalogs.checkers = all_checkers();
  catalogs.protocols = all_protocols();
  catalogs.hypervisors = {scripted_hypervisor(defects)};
  catalogs.scenarios = all_scenarios();
  return catalogs;
}

/// A plan with one fault as the scenario `cells` draws it.
inline Plan scripted_cell(const FaultKind& kind, Side side, const std::string& point,
                          const std::string& protocol = "handshake") {
  Plan plan = scripted_plan();
  plan.protocol = protocol;
  if (!kind.mode_needs.empty())
    plan.mode = kind.mode_needs == "tls" ? "tls-psk" : kind.mode_needs;
  plan.transport = kind.transport;
  plan.patience_ms = std::max(plan.patience_ms, kind.patience_ms);
  // What follows the end mark is a few bytes here: at the default rate they would pass in a tick.
  const std::uint64_t parameter = kind.acts_on_page ? 4711 : kind.name == "slow" ? 1000 : 0;
  plan.faults = {
      {std::string(kind.name), side, trigger_from(point), kind.heal_after_ms, parameter}};
  return plan;
}

struct ScriptedCase {
  explicit ScriptedCase(const Plan& plan, const Defects& defects = {})
      : catalogs(scripted_catalogs(defects)) {
    const auto& protocol = catalogs.find_protocol(plan.protocol);
    world = std::make_unique<ScriptedWorld>(plan, guest, protocol.destination_starts_paused(),
                                            protocol.pause_before_switchover(), defects);
    evidence = direct(plan, *world, protocol, guest, catalogs.kinds_of(plan));
    result = judge(plan, world->history(), evidence, catalogs.checkers);
  }

  const Finding* finding(std::string_view checker) const {
    for (const auto& one : result.findings)
      if (one.checker == checker) return &one;
    return nullptr;
  }
  std::string symptom(std::string_view checker) const {
    const auto* one = finding(checker);
    return one == nullptr ? "no finding" : one->symptom;
  }
  /// For INFO: what happened, in words.
  std::string story() const {
    std::string text = result.headline + "\n";
    for (const auto& one : result.findings)
      text += one.checker + ": " + std::string(to_string(one.verdict)) + ": " + one.what + "\n";
    for (const auto& event : world->history().events())
      if (event.kind != "heartbeat" && event.kind != "point" && event.kind != "stream") {
        text += event.actor + " " + event.kind + " " + event.name;
        for (const auto* key : {"status", "why", "proof"})
          if (const auto value = text_field(event, key)) text += " " + *value;
        text += "\n";
      }
    return text;
  }

  FakeGuest guest;
  Catalogs catalogs;
  std::unique_ptr<ScriptedWorld> world;
  Evidence evidence;
  CaseResult result;
};

}  // namespace migfuzz::fakes
