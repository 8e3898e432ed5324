#include "harness/campaign/case_evidence.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/core/reached.h"

namespace migfuzz {
namespace {

std::string history_lines(const History& history) {
  std::string text;
  for (const auto& event : history.events()) text += to_json(event).dump() + "\n";
  return text;
}

void collect_traces(CaseResult& result, World& world) {
  std::vector<std::pair<Side, HostTrace>> traces;
  const auto take = [&](Side side, const std::string& file, HostTrace trace) {
    if (trace.text.empty()) return;
    result.evidence[file] = trace.text;
    traces.emplace_back(side, std::move(trace));
  };
  const auto first = world.first_destination();
  take(Side::source, "trace-source.log", world.trace(Side::source));
  if (first) take(Side::destination, "trace-destination.log", first->trace);
  take(Side::destination, first ? "trace-destination-2.log" : "trace-destination.log",
       world.trace(Side::destination));
  if (!traces.empty()) result.reached = reached_by(world.history(), traces);
}

}  // namespace

void collect_evidence(CaseResult& result, World& world) {
  result.evidence["history.jsonl"] = history_lines(world.history());
  for (const auto side : {Side::source, Side::destination}) {
    const std::string name(to_string(side));
    result.evidence["qmp-" + name + ".log"] = world.transcript(side);
    result.evidence["stderr-" + name + ".log"] = world.messages(side) + "\n";
    result.evidence["guest-" + name + ".log"] = world.guest_text(side);
    if (const auto stacks = world.stacks(side); !stacks.empty())
      result.evidence["stacks-" + name + ".log"] = stacks;
  }
  collect_traces(result, world);
  const auto first = world.first_destination();
  if (!first) return;
  for (const auto* file : {"qmp-destination", "stderr-destination", "guest-destination"})
    result.evidence[fmt::format("{}-2.log", file)] =
        std::move(result.evidence[fmt::format("{}.log", file)]);
  result.evidence["qmp-destination.log"] = first->transcript;
  result.evidence["stderr-destination.log"] = first->messages + "\n";
  result.evidence["guest-destination.log"] = first->guest_text;
  const auto second = result.evidence.extract("stacks-destination.log");
  if (!second.empty()) result.evidence["stacks-destination-2.log"] = second.mapped();
  if (!first->stacks.empty()) result.evidence["stacks-destination.log"] = first->stacks;
}

}  // namespace migfuzz
