// io-hang: the storage of one host, or of both, answers nothing; connections stay open.
//
// Done by stopping the host's storage daemon (disk nbd) with SIGSTOP. QEMU waits without a bound:
// a source that drains its requests to stop for the switch-over stands there with its big lock
// held, so its monitor is silent too. Proof: the kernel reports every thread of the daemon as
// stopped. Healed by SIGCONT: the same requests are answered, nothing is sent twice.
#include <fmt/format.h>

#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_io_hang() {
  FaultKind kind;
  kind.name = "io-hang";
  kind.summary = "the storage answers nothing until it is healed; connections stay open";
  kind.component = "storage";
  kind.effect = Effect::fails_storage;
  kind.must_heal = true;
  kind.needs = "storage-daemon";
  kind.active = false;
  kind.sides = {Side::source, Side::destination, Side::channel};
  kind.transport = Transport::unix_tight;
  kind.heal_after_ms = 150;
  kind.patience_ms = 1000;  // more than the hole, or the manager would cancel
  kind.flow = Flow::at_delivery;
  kind.disk = "nbd";
  kind.colour = "#4b3f8f";
  kind.inject = [](World& world, const FaultSpec& spec) {
    for (const auto host : hosts_hit(spec.side)) world.break_storage(host, StorageFailure::hangs);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    for (const auto host : hosts_hit(spec.side))
      if (!world.storage(host).frozen) return std::nullopt;
    return fmt::format("every thread of the storage daemon{} is stopped",
                       spec.side == Side::channel
                           ? "s of both hosts"
                           : fmt::format(" of the {}", to_string(spec.side)));
  };
  kind.heal = [](World& world, const FaultSpec& spec) {
    for (const auto host : hosts_hit(spec.side)) world.heal_storage(host);
  };
  return kind;
}

}  // namespace migfuzz
