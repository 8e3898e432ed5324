#include "harness/campaign/recorded_request.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/campaign/campaign.h"

namespace migfuzz {

using nlohmann::json;

std::string recorded(const CampaignRequest& request) {
  const auto& draw = request.draw;
  const auto& base = draw.base;
  json asked{
      {"--scenario", request.scenario},
      {"--point", draw.points},
      {"--fault", draw.faults},
      {"--cases", draw.cases},
      {"--seed", base.seed},
      {"--protocol", request.protocols},
      {"--mode", request.modes},
      {"--cells", request.most_cells},
      {"--guest", base.guest.name},
      {"--accel", base.accel},
      {"--corpus", request.corpus},
      {"--feedback", to_string(request.feedback)},
      {"--shrink-time", request.shrink_time.count()},
      {"--disk", request.disk_given ? json(base.disk) : json("not given")},
      {"--time", request.time ? json(request.time->count()) : json("not given")},
      {"--memory", request.memory_given ? json(base.guest.memory_bytes) : json("not given")},
      {"--machine", request.machine_given ? json(base.machine) : json("not given")},
      {"--transport", draw.transport ? json(to_string(*draw.transport)) : json("not given")}};
  auto& phases = asked["--phase"] = json::array();
  for (const auto phase : draw.phases) phases.push_back(to_string(phase));
  auto& sides = asked["--side"] = json::array();
  for (const auto side : draw.sides) sides.push_back(to_string(side));
  auto& pairs = asked["--source-qemu and --destination-qemu"] = json::array();
  for (const auto& [source, destination] : request.pairs)
    pairs.push_back({source.binary, destination.binary});
  return asked.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string difference(const std::string& was, const std::string& is) {
  const auto before = json::parse(was, nullptr, false), now = json::parse(is, nullptr, false);
  if (!before.is_object() || !now.is_object()) return was == is ? "" : "the request is unreadable";
  const auto value = [](const json& object, const std::string& key) {
    return object.contains(key) ? object[key].dump() : std::string("not known");
  };
  auto all = before;
  all.update(now);
  for (const auto& [key, ignored] : all.items())
    if (value(before, key) != value(now, key))
      return fmt::format("{} was {} and is {}", key, value(before, key), value(now, key));
  return "";
}

}  // namespace migfuzz
