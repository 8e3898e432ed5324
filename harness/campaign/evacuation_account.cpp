#include "harness/campaign/evacuation_account.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace migfuzz {
namespace {

// Where a VM has ended: "destination", "source", "restarted", "both", "none".
std::string place_of(const MovedVm& vm) {
  return vm.survivor == "none" && vm.restarts > 0 ? "restarted" : vm.survivor;
}

std::vector<Migration> migrations_of(const History& history) {
  std::vector<Migration> all;
  bool open = false;
  const auto origin = std::chrono::nanoseconds(history.start().time_since_epoch()).count();
  for (const auto& event : history.events()) {
    const auto at = origin + event.at_ns;
    if (open) all.back().to_ns = at;
    const auto status = event.name == "MIGRATION" ? text_field(event, "status") : std::nullopt;
    const bool told = event.kind == "decision" && (event.name == "done" || event.name == "give-up");
    if (told || (event.actor == "source" &&
                 (event.name == "exited" || event.name == "migrate-refused" ||
                  status == "completed" || status == "failed" || status == "cancelled")))
      open = false;
    if (event.actor != "source" || event.kind != "qmp-command" || event.name != "migrate") continue;
    all.push_back({at, at});
    open = true;
  }
  return all;
}

}  // namespace

MovedVm moved_vm(const std::string& survivor, const History& history) {
  const auto& all = history.events();
  const auto restarts = std::count_if(all.begin(), all.end(), [](const Event& one) {
    return one.actor == "restarted" && one.kind == "process" && one.name == "started";
  });
  return {survivor, static_cast<std::uint32_t>(restarts), migrations_of(history)};
}

std::uint32_t most_at_once(const std::vector<MovedVm>& vms) {
  std::vector<Migration> all;
  for (const auto& vm : vms)
    all.insert(all.end(), vm.migrations.begin(), vm.migrations.end());
  std::uint32_t most = 0;
  for (const auto& one : all) {  // the number can only be the largest where one begins
    const auto meets = [&](const Migration& other) {
      return other.from_ns <= one.from_ns && one.from_ns < other.to_ns;
    };
    most = std::max(most, std::uint32_t(std::count_if(all.begin(), all.end(), meets)));
  }
  return most;
}

std::optional<Trigger> place_at(const History& history, const Event& struck) {
  std::optional<Trigger> place = trigger_from("prepare/ready");
  for (const auto& event : history.events()) {
    if (event.seq >= struck.seq) break;
    if (event.actor == "destination" && event.name == "RESUME")
      return trigger_from("activate/resumed");
    if (event.kind != "phase" || event.name == "prepare") continue;
    place.reset();
    if (event.name == "reserve" || event.name == "precopy") place = trigger_from("precopy/begin");
  }
  return place;
}

Finding account(const Evacuation& evacuation, const std::vector<MovedVm>& vms) {
  const auto most = most_at_once(vms);
  std::map<std::string, int> places;
  std::string bad;
  bool unheard = false;  // of a VM that this harness could not run to its end nothing is known
  for (std::size_t i = 0; i < vms.size(); ++i) {
    const auto place = place_of(vms[i]);
    ++places[place];
    unheard = unheard || place == "unknown";
    if (place == "both" || place == "unknown")
      bad += fmt::format("; VM {} runs on: {}", i, place);
    if (place == "none") bad += fmt::format("; VM {} runs nowhere", i);
    if (vms[i].restarts > 1)
      bad += fmt::format("; VM {} was restarted {} times", i, vms[i].restarts);
  }
  if (most > evacuation.at_once)
    bad += fmt::format("; {} migrations at once, allowed {}", most, evacuation.at_once);
  std::string where;
  for (const auto& [place, vm_count] : places)
    where += fmt::format("{}{} {}", where.empty() ? "" : ", ", vm_count, place);
  const auto what = fmt::format("{} VMs: {}; at most {} migrations at once{}", vms.size(), where,
                                most, bad);
  const auto verdict = unheard ? Verdict::infra : bad.empty() ? Verdict::pass : Verdict::fail;
  return {"evacuation", verdict, what, bad.empty() ? "" : "vm-unaccounted", ""};
}

}  // namespace migfuzz
