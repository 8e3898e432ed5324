// The catalogs of one program, built by main() and passed down: everything that has a name.
//
// find_* throw UsageError with the nearest names, so that every wrong word gets the same answer.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "harness/core/checker.h"
#include "harness/core/fault.h"
#include "harness/core/guest.h"
#include "harness/core/promise.h"
#include "harness/core/protocol.h"
#include "harness/core/world.h"

namespace migfuzz {

namespace io {
class Loop;
}

/// Something that can build worlds.
struct HypervisorKind {
  std::string_view name;
  std::string_view summary;
  std::function<std::unique_ptr<World>(io::Loop&, const Plan&, const Guest&, const Protocol&)>
      build;
};

struct Drawn;
struct ScenarioRequest;
struct Catalogs;

/// A named way to draw plans.
struct Scenario {
  std::string_view name;
  std::string_view summary;
  std::function<Drawn(const ScenarioRequest&, const Catalogs&)> draw;
  /// Of a known system: what it promises. Without --phase or --point such a scenario draws
  /// migrations without a fault.
  std::vector<Promise> promises{};
  /// Taken where the user says nothing; empty: as for any other scenario.
  std::string_view guest{}, disk{};
  std::vector<std::string> modes{};
};

struct Catalogs {
  std::vector<FaultKind> faults;
  std::vector<std::unique_ptr<Guest>> guests;
  std::vector<std::unique_ptr<Checker>> checkers;
  std::vector<std::unique_ptr<Protocol>> protocols;
  std::vector<HypervisorKind> hypervisors;
  std::vector<Scenario> scenarios;

  const FaultKind& find_fault(std::string_view name) const;
  const Guest& find_guest(std::string_view name) const;
  const Protocol& find_protocol(std::string_view name) const;
  const HypervisorKind& find_hypervisor(std::string_view name) const;
  const Scenario& find_scenario(std::string_view name) const;
  /// What the plan's system promises; nothing of one that is not known here.
  std::vector<Promise> promises_of(const Plan& plan) const;
  /// Those of its faults, in their order.
  std::vector<const FaultKind*> kinds_of(const Plan& plan) const;
  /// What must be left of the VM; nothing when the table has no rule or a fault is not known.
  std::optional<Expectation> expected(const Plan& plan) const;
};

/// "KIND `WORD` is not known; nearest: a, b; see `migfuzz list KINDs`".
std::string unknown_word(std::string_view kind, std::string_view word,
                         const std::vector<std::string>& known);

/// Why no VM with that guest can have a fault of that kind, in one clause; empty: it can.
std::string excluded_with(const GuestShape& shape, const FaultKind& kind, const Catalogs& catalogs);
/// The same of the plan's faults.
std::string never_on(const Plan& plan, const Catalogs& catalogs);

/// Refuses a plan that names things which do not exist or do not go together (UsageError).
void check_plan(const Plan& plan, const Catalogs& catalogs);

}  // namespace migfuzz
