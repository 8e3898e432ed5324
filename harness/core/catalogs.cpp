#include "harness/core/catalogs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "harness/core/combination.h"
#include "harness/core/error.h"
#include "harness/core/mode.h"

namespace migfuzz {
namespace {

template <typename T>
const T& value_of(const T& item) {
  return item;
}
template <typename T>
const T& value_of(const std::unique_ptr<T>& item) {
  return *item;
}

std::string_view name_of(const FaultKind& kind) { return kind.name; }
std::string_view name_of(const HypervisorKind& kind) { return kind.name; }
std::string_view name_of(const Scenario& scenario) { return scenario.name; }
std::string_view name_of(const Guest& guest) { return guest.name(); }
std::string_view name_of(const Protocol& protocol) { return protocol.name(); }

template <typename List>
const auto& find(std::string_view kind, std::string_view name, const List& list) {
  std::vector<std::string> known;
  for (const auto& item : list) {
    if (name_of(value_of(item)) == name) return value_of(item);
    known.emplace_back(name_of(value_of(item)));
  }
  throw UsageError(unknown_word(kind, name, known));
}

}  // namespace

std::string unknown_word(std::string_view kind, std::string_view word,
                         const std::vector<std::string>& known) {
  const auto near = nearest(word, known);
  return fmt::format("{} `{}` is not known; {}: {}; see `migfuzz list {}s`", kind, word,
                     near.empty() ? "there are" : "nearest",
                     fmt::join(near.empty() ? known : near, ", "), kind);
}

const FaultKind& Catalogs::find_fault(std::string_view name) const {
  return find("fault", name, faults);
}
const Guest& Catalogs::find_guest(std::string_view name) const {
  return find("guest", name, guests);
}
const Protocol& Catalogs::find_protocol(std::string_view name) const {
  return find("protocol", name, protocols);
}
const HypervisorKind& Catalogs::find_hypervisor(std::string_view name) const {
  return find("hypervisor", name, hypervisors);
}
const Scenario& Catalogs::find_scenario(std::string_view name) const {
  return find("scenario", name, scenarios);
}

std::vector<const FaultKind*> Catalogs::kinds_of(const Plan& plan) const {
  std::vector<const FaultKind*> kinds;
  for (const auto& fault : plan.faults) kinds.push_back(&find_fault(fault.kind));
  return kinds;
}

std::optional<Expectation> Catalogs::expected(const Plan& plan) const {
  std::vector<Effect> effects;
  for (const auto* kind : kinds_of(plan)) effects.push_back(kind->effect);
  return expected_outcome(plan, effects);
}

std::string_view disk_for(const FaultKind& kind, std::string_view disk) {
  const auto list = fmt::format(" {} ", kind.disk);
  if (kind.disk.empty() || list.find(fmt::format(" {} ", disk)) != std::string::npos) return disk;
  return kind.disk.substr(0, kind.disk.find(' '));
}

namespace {

bool hits_channel(const FaultKind& kind) {
  switch (kind.effect) {
    case Effect::cuts_channel:
    case Effect::cuts_return:
    case Effect::silences_channel:
    case Effect::slows_channel:
    case Effect::damages_frame:
    case Effect::damages_record:
    case Effect::intrudes:
    case Effect::takes_channel:
      return true;
    case Effect::damages_page:
      return kind.acts_on_page;
    case Effect::refuses_migration:
      return kind.needs_tcp;  // nobody has to listen
    default:
      return false;
  }
}

}  // namespace

std::string excluded_in(std::string_view mode, const FaultKind& kind) {
  if (kind.shared_disk && mode_from(mode).mirrors_disk())
    return fmt::format("it needs a disk that both hosts share; in mode `{}` each has its own",
                       mode);
  if (mode_from(mode).through_file() && hits_channel(kind))
    return fmt::format("mode `{}` goes through a file: it has no channel and nobody connects",
                       mode);
  if (mode_from(mode).snapshot() && kind.needs_return_path)
    return fmt::format("mode `{}` has no return path", mode);
  if (mode_from(mode).snapshot() && kind.acts_on_page)
    return fmt::format("mode `{}` has no page behind the devices' beginning", mode);
  if (kind.acts_on_page && !mode_from(mode).sends_plain_pages())
    return fmt::format("mode `{}` sends no page as it is over the main channel", mode);
  if (kind.mode_needs.empty()) return "";
  for (const auto* one : mode_from(mode).features)
    if (one->name.starts_with(kind.mode_needs)) return "";
  return fmt::format("it needs a mode with `{}`, this one is `{}`", kind.mode_needs, mode);
}

std::string excluded_on(const std::string& channel, const FaultKind& kind,
                        const Trigger& trigger) {
  const bool of_side_channel = on_side_channel(trigger.point);
  if (channel.empty()) return of_side_channel ? "a side channel's point needs that channel" : "";
  if (of_side_channel) {
    const bool preempt_point = trigger.point.name.starts_with("preempt-page:");
    return preempt_point == (channel == "preempt") ? "" : "that channel has no such point";
  }
  if (!kind.per_channel) return "it does not hit one channel by itself";
  const bool needs_more = kind.effect == Effect::silences_channel ||
                          kind.effect == Effect::slows_channel;
  if (needs_more && channel != "preempt")
    return "that channel may have nothing left to send there; its own points are `packet:N`";
  // It changes the byte behind the point; where the other channels are then, nobody knows.
  if (kind.component == "data") return "the point is none of that channel";
  return "";
}

std::string excluded_with(const GuestShape& shape, const FaultKind& kind,
                          const Catalogs& catalogs) {
  for (const auto& guest : catalogs.guests) {
    if (guest->name() != shape.name) continue;
    if (kind.boots_with && guest->wake(shape))
      return fmt::format("guest {} is restored, with the devices that it was saved with",
                         shape.name);
    if (kind.one_cpu && guest->vcpus() > 1)
      return fmt::format("guest {} has {} vCPUs, which are never without an APIC", shape.name,
                         guest->vcpus());
    if (kind.guest_network && !guest->address())
      return fmt::format("guest {} is on no network", shape.name);
  }
  return "";
}

std::string never_on(const Plan& plan, const Catalogs& catalogs) {
  for (const auto* kind : catalogs.kinds_of(plan))
    if (auto why = excluded_with(plan.guest, *kind, catalogs); !why.empty()) return why;
  return "";
}

std::vector<Promise> Catalogs::promises_of(const Plan& plan) const {
  const auto& system = plan.promised_by.empty() ? plan.scenario : plan.promised_by;
  for (const auto& one : scenarios)
    if (one.name == system) return one.promises;
  return {};
}

void check_plan(const Plan& plan, const Catalogs& catalogs) {
  const auto& guest = catalogs.find_guest(plan.guest.name);
  catalogs.find_protocol(plan.protocol);
  catalogs.find_hypervisor(plan.hypervisor);
  if (std::find(std::begin(kDisks), std::end(kDisks), plan.disk) == std::end(kDisks))
    throw UsageError(fmt::format("disk: `{}` is not known; take {}", plan.disk,
                                 fmt::join(kDisks, ", ")));
  if (plan.disk == "none" && mode_from(plan.mode).mirrors_disk())
    throw UsageError(fmt::format("disk: mode `{}` mirrors a disk; `none` is no disk", plan.mode));
  if (plan.guest.memory_bytes < guest.least_memory_bytes())
    throw UsageError(
        fmt::format("memory: {} bytes are too little for guest `{}`; give at least {}K",
                    plan.guest.memory_bytes, plan.guest.name, guest.least_memory_bytes() / 1024));
  const auto mode = mode_from(plan.mode);
  if (plan.migration_networks > 1 && mode.mirrors_disk())
    throw UsageError(fmt::format("plan: mode `{}` mirrors a disk over the first migration network; "
                                 "give it one network",
                                 plan.mode));
  if (mode.needs_tcp() && plan.transport != Transport::tcp)
    throw UsageError(fmt::format("plan: mode `{}` needs transport `tcp`, the plan says `{}`",
                                 plan.mode, to_string(plan.transport)));
  if (const auto why = never_on(plan, catalogs); !why.empty())
    throw UsageError("plan: " + why + "; take another guest");
  for (const auto& fault : plan.faults) {
    const auto channels = mode.side_channels();
    if (!fault.channel.empty() &&
        std::find(channels.begin(), channels.end(), fault.channel) == channels.end())
      throw UsageError(fmt::format("plan: mode `{}` has no channel `{}`", plan.mode,
                                   fault.channel));
    if (!mode.has(fault.trigger.point.phase))
      throw UsageError(fmt::format("plan: mode `{}` has no phase `{}`", plan.mode,
                                   to_string(fault.trigger.point.phase)));
    if (const auto why = mode.lacks(fault.trigger.point); !why.empty())
      throw UsageError(fmt::format("plan: mode `{}` never passes {}: {}", plan.mode,
                                   to_string(fault.trigger), why));
  }
  if (const auto why = not_together(plan, catalogs.kinds_of(plan)); !why.empty())
    throw UsageError("plan: " + why);
  for (const auto& fault : plan.faults) {
    const auto& kind = catalogs.find_fault(fault.kind);
    if (disk_for(kind, plan.disk) != plan.disk)
      throw UsageError(fmt::format("plan: fault `{}` needs disk `{}`, the plan says `{}`",
                                   fault.kind, kind.disk, plan.disk));
    if (const auto why = excluded_in(plan.mode, kind); !why.empty())
      throw UsageError(fmt::format("plan: fault `{}` has no meaning: {}", fault.kind, why));
    if (kind.needs_tcp && plan.transport != Transport::tcp)
      throw UsageError(fmt::format("plan: fault `{}` needs transport `tcp`, the plan says `{}`",
                                   fault.kind, to_string(plan.transport)));
    if (kind.must_heal && fault.heal_after_ms == 0)
      throw UsageError(fmt::format("plan: fault `{}` has to be healed; give it a heal_after_ms",
                                   fault.kind));
    if (const auto why = kind.excluded(fault.trigger, fault.side); !why.empty())
      throw UsageError(fmt::format("plan: fault `{}` has no meaning at {}: {}", fault.kind,
                                   to_string(fault.trigger), why));
    if (const auto why = excluded_on(fault.channel, kind, fault.trigger); !why.empty())
      throw UsageError(fmt::format("plan: fault `{}` at {} cannot have channel `{}`: {}",
                                   fault.kind, to_string(fault.trigger), fault.channel, why));
    if (std::find(kind.sides.begin(), kind.sides.end(), fault.side) == kind.sides.end()) {
      std::vector<std::string_view> sides;
      for (const auto side : kind.sides) sides.push_back(to_string(side));
      throw UsageError(fmt::format("fault `{}` cannot hit the {}; it can hit: {}", fault.kind,
                                   to_string(fault.side), fmt::join(sides, ", ")));
    }
  }
  if (!catalogs.expected(plan))
    throw UsageError(plan.faults.size() > 1
                         ? "plan: it cannot be said what these faults together should leave"
                         : "plan: the expected-outcome table has no rule for this fault, side and "
                           "point");
}

}  // namespace migfuzz
