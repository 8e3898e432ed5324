// no-listener: nobody listens at the address the source is told to migrate to.
//
// The destination's QEMU is up and waits, but was never told to listen: a wrong port, a listener
// that died, a manager that was too fast. The source connects straight to the destination's host,
// whose kernel refuses. Found out in `prepare`: no byte of the stream is ever sent.
// Proof: the source reports a failed migration whose reason is the refused connection.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_no_listener() {
  FaultKind kind;
  kind.name = "no-listener";
  kind.summary = "nobody listens where the source connects to: the connection is refused";
  kind.component = "management";
  kind.effect = Effect::refuses_migration;
  kind.sides = {Side::destination};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.flow = Flow::never;
  kind.before_start = true;
  kind.excluded = only_before_start;
  kind.colour = "#5d5b8a";
  kind.inject = [](World& world, const FaultSpec&) { world.without_listener(); };
  kind.delivered = [](World& world, const FaultSpec&) -> std::optional<std::string> {
    const auto sight = world.sight(Side::source);
    if (sight.migration != MigrationStatus::failed ||
        sight.error.find("Connection refused") == std::string::npos)
      return std::nullopt;
    return fmt::format("the source reports: {}", sight.error);
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
