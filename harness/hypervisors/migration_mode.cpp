#include "harness/hypervisors/migration_mode.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/hypervisors/qemu_host.h"

namespace migfuzz {
namespace {

using nlohmann::json;
constexpr Milliseconds kAnswerLimit{20000};

// One process for each question: what a QEMU has accepted may change what it accepts next.
std::string refusal(io::Loop& loop, QemuHostSpec spec, const Mode& mode, bool incoming) {
  spec.side = incoming ? Side::destination : Side::source;
  spec.incoming = incoming;
  spec.paused = true;
  const auto deadline = Clock::now() + kAnswerLimit;
  try {
    History history;
    QemuHost host(loop, spec, history, [] {});
    host.connect(deadline);
    set_mode(host.monitor(), mode, mode.usual_capabilities(), deadline);
    return "";
  } catch (const InfraError& error) {
    std::string why = error.what();
    for (auto& c : why)
      if (c == '\n') c = ' ';
    return why;
  }
}

}  // namespace

json capabilities_of(const Mode& mode, const std::vector<std::string>& more) {
  auto list = json::array();
  const auto add = [&](std::string_view name) {
    list.push_back({{"capability", name}, {"state", true}});
  };
  for (const auto& name : more) add(name);
  for (const auto* feature : mode.features)
    for (const auto& name : feature->capabilities) add(name);
  return {{"capabilities", std::move(list)}};
}

json parameters_of(const Mode& mode) {
  auto all = json::object();
  for (const auto* feature : mode.features)
    for (const auto& [parameter, value] : feature->settings)
      all[std::string(parameter)] = json::parse(value);
  return all;
}

void set_mode(io::Qmp& monitor, const Mode& mode, const std::vector<std::string>& more,
              Clock::time_point deadline) {
  monitor.call("migrate-set-capabilities", capabilities_of(mode, more), deadline);
  if (const auto parameters = parameters_of(mode); !parameters.empty())
    monitor.call("migrate-set-parameters", parameters, deadline);
}

std::map<std::string, std::string> refused_modes(io::Loop& loop, const std::string& binary,
                                                 const std::string& accel,
                                                 const std::string& machine, const Guest& guest,
                                                 const GuestShape& shape,
                                                 const std::vector<std::string>& modes) {
  QemuHostSpec spec;
  spec.binary = binary;
  spec.accel = accel;
  spec.machine = machine;
  spec.shape = shape;
  spec.guest = &guest;
  std::map<std::string, std::string> refused;
  for (const auto& name : modes) {
    const auto mode = mode_from(name);
    if (mode.features.empty()) continue;
    for (const bool incoming : {false, true})
      if (const auto why = refusal(loop, spec, mode, incoming); !why.empty())
        refused.emplace(name,
                        fmt::format("{}: {}", incoming ? "as destination" : "as source", why));
  }
  return refused;
}

}  // namespace migfuzz
