// vmotion-shared-storage: Nelson, Lim and Hutchins, "Fast Transparent Migration for Virtual
// Machines", USENIX ATC'05, and VMware's guides to vMotion.
//
// Both hosts see the disk (a SAN there, one image here). The VM's hardware address goes along, and
// the destination sends a RARP so that the switch learns its new place. The bound of two seconds is
// that of the guides for the switch-over; that at most one ping of one a second is lost means that
// nobody waits longer than a second. Bounds of time are for migrations without a fault: how long a
// fault lasts is the plan's.
#include <fmt/format.h>

#include "scenarios/catalog.h"
#include "scenarios/system.h"

namespace migfuzz {
namespace {

using namespace promises;
constexpr double kSwitchOverMs = 2000, kOnePingMs = 1000;
constexpr auto kPaper = "Nelson et al., USENIX ATC'05, sections 2 and 3";

std::optional<Kept> switch_over(const Looked& looked) {
  if (!no_fault(looked)) return std::nullopt;
  const auto ms = looked.measured.blackout_ms;
  return kept(runs_on(looked, Side::destination) && ms >= 0 && ms < kSwitchOverMs,
              fmt::format("the VM stood for {:.0f} ms", ms));
}

std::optional<Kept> one_ping(const Looked& looked) {
  if (!no_fault(looked) || !looked.evidence.network) return std::nullopt;
  const auto ms = looked.measured.ping_gap_ms;
  const bool again = looked.evidence.network->pinged_again;
  return kept(again && ms >= 0 && ms <= kOnePingMs,
              fmt::format("longest silence between two answers {:.0f} ms; the VM {} in the end", ms,
                          again ? "answers" : "does not answer"));
}

}  // namespace

Scenario make_vmotion_shared_storage() {
  Scenario scenario;
  scenario.name = "vmotion-shared-storage";
  scenario.summary = "shared disk, one lost ping at most, the address and connections move along";
  scenario.guest = "linux";
  scenario.disk = "raw";
  scenario.draw = [](const ScenarioRequest& request, const Catalogs& catalogs) {
    return draw_system(request, catalogs, "vmotion-shared-storage", [](Plan&) {});
  };
  scenario.promises = {
      {"switch-over-in-two-seconds", "the VM stands for less than 2 s while it is switched over",
       "VMware, vMotion guides: switch-over in under two seconds", switch_over},
      {"one-ping-lost", "of one ping a second at most one is lost: no silence over 1 s",
       "VMware, vMotion guides: at most one lost ping", one_ping},
      announced("Nelson et al., USENIX ATC'05, section 3.4: RARP by the destination"),
      connections_kept(kPaper),
      state_kept(kPaper),
  };
  return scenario;
}

}  // namespace migfuzz
