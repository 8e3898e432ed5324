// What the scenarios of known systems share: how their cases are drawn, and what promises look at.
#pragma once

#include <functional>
#include <string>

#include "harness/core/scenario.h"

namespace migfuzz {

/// Migrations without a fault in the name of that scenario, over TCP (request.cases of them, or
/// 10); then, where the request names phases or points, its cells. `shape` makes each plan the
/// system's own: policies, networks.
Drawn draw_system(const ScenarioRequest& request, const Catalogs& catalogs,
                  std::string_view scenario, const std::function<void(Plan&)>& shape);

namespace promises {

/// "held" with its sentence, or "broken".
Kept kept(bool held, std::string what);

bool no_fault(const Looked& looked);
/// The VM runs on that host, and on no other.
bool runs_on(const Looked& looked, Side host);
bool is_lost(const Looked& looked);
/// The manager has handed it over, or the destination has run it without being told.
bool handed_over(const History& history);
/// No fault of the plan has ended the source, made it stand still, or taken its disk. A manager
/// that ends a source on its own account is no excuse.
bool source_stable(const Looked& looked);
/// Some fault of the plan is of that kind, by the beginning of its name.
bool has_fault(const Looked& looked, std::string_view kind);
/// The first event that is so; nullptr: there is none.
const Event* event(const Looked& looked, std::string_view actor, std::string_view kind,
                   std::string_view name);

// Promises that several systems make.
/// The VM's TCP connection stands, and it answers a ping, wherever it survives.
Promise connections_kept(std::string_view source);
/// The VM keeps its address, the destination announces it, and the source does not any more.
Promise announced(std::string_view source);
/// Of a migration without a fault: memory to the byte, and no step of the guest lost or repeated.
Promise state_kept(std::string_view source);

}  // namespace promises
}  // namespace migfuzz
