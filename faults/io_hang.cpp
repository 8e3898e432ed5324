// io-hang: the storage of one host, or of both, answers nothing; connections stay open.
//
// Done by stopping the host's storage daemon (disk nbd) with SIGSTOP. QEMU waits without a bound:
// a source that drains its requests to stop for the switch-over stands there with its big lock
// held, so its monitor is silent too. Proof: the kernel reports every thread of the daemon as
// stopped. Healed by SIGCONT: the same requests are answered, nothing is sent twice.
#include <fmt/format.h>

#include "faults/storage.h"

namespace migfuzz {

FaultKind make_io_hang() {
  auto kind = storage_kind(StorageFailure::hangs);
  kind.name = "io-hang";
  kind.summary = "the storage answers nothing until it is healed; connections stay open";
  kind.active = false;
  kind.colour = "#4b3f8f";
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    for (const auto host : hosts_hit(spec.side))
      if (!world.storage(host).frozen) return std::nullopt;
    return fmt::format("every thread of the storage daemon{} is stopped",
                       spec.side == Side::channel
                           ? "s of both hosts"
                           : fmt::format(" of the {}", to_string(spec.side)));
  };
  return kind;
}

}  // namespace migfuzz
