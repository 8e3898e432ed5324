#include "harness/hypervisors/catalog.h"

#include <nlohmann/json.hpp>

#include "harness/hypervisors/migration_mode.h"
#include "harness/hypervisors/qemu.h"

namespace migfuzz {

std::vector<HypervisorKind> all_hypervisors() {
  return {{"qemu", "two real QEMU processes in namespaces of their own",
           [](io::Loop& loop, const Plan& plan, const Guest& guest, const Protocol& protocol) {
             return make_qemu_world(
                 loop, plan, guest,
                 {protocol.destination_starts_paused(), protocol.pause_before_switchover()});
           }}};
}

std::string answer_trial(io::Loop& loop, const std::string& request, const Catalogs& catalogs) {
  const auto job = nlohmann::json::parse(request);
  GuestShape shape;
  shape.name = job.at("guest");
  shape.memory_bytes = job.at("memory_bytes");
  if (job.contains("modes"))
    return nlohmann::json(refused_modes(loop, job.at("binary"), job.at("accel"),
                                        job.at("machine"), catalogs.find_guest(shape.name), shape,
                                        job.at("modes")))
        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto trial = try_accelerator(loop, job.at("binary"), job.at("accel"), job.at("machine"),
                                     catalogs.find_guest(shape.name), shape,
                                     Milliseconds(job.at("limit_ms").get<int>()),
                                     job.value("trace", false));
  return nlohmann::json{{"beats", trial.beats},
                        {"version", trial.version},
                        {"why", trial.why},
                        {"machines", trial.machines},
                        {"traced", trial.traced}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace migfuzz
