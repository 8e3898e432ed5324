// hyperv-cluster: Microsoft, "Hyper-V Live Migration Overview" and its guidance for clusters.
//
// The order of its steps, a target with another CPU, storage that both hosts have to reach, and a
// network for migrations apart from the VM's own, with a second one to go on over: the manager
// waits a moment, leaves the broken network as it is and takes the other.
#include <fmt/format.h>

#include "harness/core/mode.h"
#include "scenarios/catalog.h"
#include "scenarios/system.h"

namespace migfuzz {
namespace {

using namespace promises;
constexpr auto kOverview = "Microsoft, Hyper-V Live Migration Overview";
constexpr std::uint32_t kBackoffMs = 100;

std::optional<Kept> in_order(const Looked& looked) {
  if (!no_fault(looked)) return std::nullopt;
  const struct {
    const char *actor, *kind, *name, *words;
  } steps[] = {{"destination", "process", "started", "VM created on the target"},
               {"source", "qmp-event", "MIGRATION_PASS", "memory"},
               {"source", "qmp-event", "STOP", "paused"},
               {"channel", "phase", "commit", "state handed over"},
               {"destination", "qmp-event", "RESUME", "resumed"},
               {"arbiter", "decision", "discard-source", "given up on the source"},
               {"source", "process", "exited", "removed on the source"}};
  // A source that was restored has stopped and gone on before.
  std::int64_t last = -1;
  if (const auto* told = event(looked, "source", "qmp-command", "migrate")) last = told->at_ns;
  const bool shows_commit = mode_from(looked.plan.mode).has(Phase::commit);
  for (const auto& step : steps) {
    if (!shows_commit && std::string_view(step.name) == "commit") continue;
    const bool set_up = std::string_view(step.name) == "started";
    const Event* found = nullptr;
    for (const auto& one : looked.history.events())
      if (one.actor == step.actor && one.kind == step.kind && one.name == step.name &&
          (set_up || one.at_ns >= last)) {
        found = &one;
        break;
      }
    if (found == nullptr) return kept(false, fmt::format("out of order: {}", step.words));
    if (!set_up) last = found->at_ns;
  }
  return kept(true, "created, memory, paused, state, resumed, removed");
}

std::optional<Kept> other_cpu(const Looked& looked) {
  if (!has_fault(looked, "mismatch-cpu") || !looked.evidence.delivered) return std::nullopt;
  return kept(runs_on(looked, Side::source), "the VM runs on: " + looked.measured.survivor);
}

std::optional<Kept> storage_first(const Looked& looked) {
  const auto* answer = event(looked, "arbiter", "policy", "storage looked at");
  if (answer == nullptr) return std::nullopt;
  const auto words = text_field(*answer, "answer").value_or("");
  const auto first = looked.history.first_migration();
  const bool begun = first.first("source", "qmp-command", "migrate") != nullptr;
  return kept(begun == (words == "both hosts reach it"),
              fmt::format("{}; the migration {}", words, begun ? "began" : "was not begun"));
}

std::optional<Kept> second_network(const Looked& looked) {
  const auto& retry = looked.evidence.retry;
  if (!retry) return std::nullopt;
  const auto* network = looked.history.last("director", "note", "second-network");
  const auto* told = looked.history.last("source", "qmp-command", "migrate");
  const auto uri = told == nullptr ? "" : text_field(*told, "uri").value_or("");
  if (network == nullptr ||
      uri.find(text_field(*network, "at").value_or(uri + "?")) == std::string::npos)
    return kept(false, "the second migration went to " + uri + ", not over the other network");
  const bool arrived = retry->settled && retry->refused.empty() &&
                       retry->beats_after_settle_destination > 0;
  return kept(arrived, fmt::format("the second migration, to {}, {}", uri,
                                   arrived ? "succeeded" : "failed: " + retry->settle_note));
}

}  // namespace

Scenario make_hyperv_cluster() {
  Scenario scenario;
  scenario.name = "hyperv-cluster";
  scenario.summary = "a cluster's order of steps, storage looked at first, a second network";
  scenario.guest = "linux";
  scenario.draw = [](const ScenarioRequest& request, const Catalogs& catalogs) {
    return draw_system(request, catalogs, "hyperv-cluster", [&](Plan& plan) {
      for (auto& fault : plan.faults) {
        const auto& kind = catalogs.find_fault(fault.kind);
        if (kind.one_cpu) plan.guest.name = "tiny";
        // A network that comes back by itself shows nothing of the second one.
        if (kind.component == "network" && !kind.must_heal) fault.heal_after_ms = 0;
      }
      plan.policy.checks_storage = true;
      plan.policy.backoff_ms = kBackoffMs;
      plan.migration_networks = 2;
    });
  };
  scenario.promises = {
      {"steps-in-order",
       "the VM is made on the target, memory goes, it is paused, its state goes, it resumes, and "
       "is removed on the source",
       kOverview, in_order},
      {"other-cpu-fails-cleanly", "a target with another CPU refuses, and the VM runs on",
       "Microsoft, Hyper-V: processor compatibility mode", other_cpu, {"survivor"}},
      {"storage-or-no-start",
       "both hosts reach the storage, or the migration does not start",
       "Microsoft, Hyper-V: cluster shared volumes", storage_first, {"policy"}},
      {"second-network", "a migration that failed is tried again over the second network",
       "Microsoft, Hyper-V: networks for live migration", second_network, {"retry"}},
      connections_kept(kOverview),
      announced(kOverview),
  };
  return scenario;
}

}  // namespace migfuzz
