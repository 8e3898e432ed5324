// gce-maintenance: Ruprecht et al., "VM Live Migration At Scale", VEE'18, and Google's pages on
// live migration during maintenance.
//
// The channel is authenticated and encrypted; the guest is told; brownout, blackout, brownout; what
// the VM is called and where it is reached stays. When a host fails whole, the VM is started again
// elsewhere (a host error); one with a device that cannot move is ended and started again. A local
// disk moves along: take --mode=storage for it. The paper's blackouts, 50 ms in the median and
// 300 ms at the 99th percentile, are lines in the report.
//
// A case whose VM has to be started from its disk alone has the guest `tiny`: `linux` is restored.
#include <fmt/format.h>

#include "harness/core/mode.h"
#include "scenarios/catalog.h"
#include "scenarios/system.h"

namespace migfuzz {
namespace {

using namespace promises;
constexpr auto kPaper = "Ruprecht et al., VEE'18";
constexpr auto kPages = "Google Cloud, Compute Engine: live migration during maintenance";

std::optional<Kept> authenticated(const Looked& looked) {
  if (!has_fault(looked, "tls-") && !no_fault(looked)) return std::nullopt;
  const bool trusted = mode_from(looked.plan.mode).credentials() != Credentials::none;
  if (no_fault(looked) && !trusted) return std::nullopt;  // another mode was asked for
  const auto wanted = no_fault(looked) ? Side::destination : Side::source;
  return kept(runs_on(looked, wanted), fmt::format("{}; the VM runs on: {}",
                                                   no_fault(looked) ? "both hosts are trusted"
                                                                    : "one is not",
                                                   looked.measured.survivor));
}

std::optional<Kept> notified(const Looked& looked) {
  const auto& notice = looked.evidence.notice;
  if (!notice) return std::nullopt;
  return kept(notice->count() >= 0, fmt::format("answered after {} ms", notice->count()));
}

std::optional<Kept> three_stages(const Looked& looked) {
  if (!no_fault(looked)) return std::nullopt;
  const auto& m = looked.measured;
  const bool measured = m.blackout_ms >= 0 && m.brownout_ms >= 0 && m.brownout_after_ms >= 0;
  return kept(runs_on(looked, Side::destination) && measured,
              fmt::format("brownout {:.0f} ms, blackout {:.0f} ms, brownout {:.0f} ms",
                          m.brownout_ms - m.brownout_after_ms, m.blackout_ms,
                          m.brownout_after_ms));
}

std::optional<Kept> host_error(const Looked& looked) {
  const auto& e = looked.evidence;
  if (!looked.plan.policy.restarts || !migfuzz::is_lost(e)) return std::nullopt;
  if (e.restart && e.restart->refused) return std::nullopt;  // nothing is left to start it from
  return kept(e.restart && e.restart->beats > 0,
              e.restart ? fmt::format("started again, {} steps seen", e.restart->beats)
                        : std::string("not started again"));
}

std::optional<Kept> terminated(const Looked& looked) {
  const auto& e = looked.evidence;
  if (!looked.plan.policy.moves_blocked || e.blocked.empty()) return std::nullopt;
  const bool untouched = e.beats_after_settle_source > 0;
  return kept(untouched && e.restart && e.restart->beats > 0,
              fmt::format("the VM {} before it was ended, and {} started again",
                          untouched ? "ran on untouched" : "did not run on",
                          e.restart && e.restart->beats > 0 ? "was" : "was not"));
}

}  // namespace

Scenario make_gce_maintenance() {
  Scenario scenario;
  scenario.name = "gce-maintenance";
  scenario.summary = "notice, an authenticated channel, host errors, devices that cannot move";
  scenario.guest = "linux";
  scenario.modes = {"tls-x509"};
  scenario.draw = [](const ScenarioRequest& request, const Catalogs& catalogs) {
    return draw_system(request, catalogs, "gce-maintenance", [&](Plan& plan) {
      plan.policy.notice = plan.policy.restarts = plan.policy.moves_blocked = true;
      for (const auto& fault : plan.faults) {
        const auto& kind = catalogs.find_fault(fault.kind);
        const bool lost = kind.kills || kind.effect == Effect::loses_host;
        if (lost || kind.boots_with || kind.one_cpu) plan.guest.name = "tiny";
      }
    });
  };
  scenario.promises = {
      {"authenticated", "hosts that trust each other migrate, hosts that do not cannot", kPaper,
       authenticated, {"survivor"}},
      {"guest-notified", "the guest is told before it is migrated", kPages, notified, {"policy"}},
      {"brownout-blackout-brownout", "all three are measured at the guest", kPaper, three_stages},
      connections_kept(kPages),
      announced(kPages),
      {"host-error-restarts", "a VM whose host has failed is started again, once",
       "Google Cloud, Compute Engine: host errors, automaticRestart", host_error, {"policy"}, true},
      {"unmovable-is-restarted", "a VM with a device that cannot move is ended and started again",
       "Google Cloud, Compute Engine: onHostMaintenance=TERMINATE", terminated,
       {"policy"}, true},
  };
  return scenario;
}

}  // namespace migfuzz
