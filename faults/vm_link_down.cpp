// vm-link-down: the cable between one host and the VM's clients loses its carrier; then healed.
//
// The VM's network is apart from the migration's (io/guest_network.h): clients lose the VM while it
// is on that host, or comes there, and announcements of it (RARP) are lost on the way; the
// migration must not notice. Always healed: a VM that nobody can reach for good cannot be asked.
// Proof: the cable does not carry, while both hosts' cables of the migration do.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_vm_link_down() {
  FaultKind kind;
  kind.name = "vm-link-down";
  kind.summary = "one host's link to the VM's clients is down; the migration's is not; then healed";
  kind.component = "guest network";
  kind.effect = Effect::isolates_guest;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.needs = "taps";
  kind.guest_network = true;
  // QEMU announces a VM that it runs at 0, 50, 200, 450 and 800 ms (qemu_announce_timer_step and
  // the defaults of announce-*, net/announce.c): some get lost.
  kind.heal_after_ms = 400;
  kind.must_heal = true;
  kind.patience_ms = 3000;
  kind.flow = Flow::at_delivery;
  kind.colour = "#6d4c9f";
  kind.inject = [](World& world, const FaultSpec& spec) { world.set_guest_link(spec.side, false); };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (world.guest_link_up(spec.side).value_or(true)) return std::nullopt;
    for (const auto host : {Side::source, Side::destination})
      if (!world.link_up(host) || !world.port_forwarding(host)) return std::nullopt;
    return fmt::format("no carrier between the {} and the VM's clients; the migration's network "
                       "carries",
                       to_string(spec.side));
  };
  kind.heal = [](World& world, const FaultSpec& spec) { world.set_guest_link(spec.side, true); };
  return kind;
}

}  // namespace migfuzz
