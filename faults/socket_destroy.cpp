// socket-destroy: the kernel of one host ends its migration socket, as `ss --kill` does.
//
// SOCK_DESTROY over sock_diag: the host's QEMU gets ECONNABORTED, the peer gets RST. When the
// source is hit, what its kernel had queued is gone: nothing past the point arrives. Proof: the
// host's socket is no longer established and its peer has seen the end. Never healed.
#include <fmt/format.h>

#include "faults/catalog.h"
#include "faults/where.h"

namespace migfuzz {

FaultKind make_socket_destroy() {
  FaultKind kind;
  kind.name = "socket-destroy";
  kind.summary = "one host's kernel ends its migration socket: ECONNABORTED there, RST to the peer";
  kind.component = "network";
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::tcp;
  kind.needs_tcp = true;
  kind.effect = Effect::cuts_channel;
  kind.needs = "sock-destroy";
  kind.excluded = needs_channel;
  kind.colour = "#4527a0";
  kind.inject = [](World& world, const FaultSpec& spec) {
    if (spec.side == Side::source) world.seal_source();
    world.destroy_socket(spec.side);
  };
  kind.delivered = [](World& world, const FaultSpec& spec) -> std::optional<std::string> {
    if (!world.cut_seen(spec.side, "")) return std::nullopt;
    return fmt::format(
        "the {}'s kernel has no established socket any more; {} bytes were forwarded",
        to_string(spec.side), world.channel().forwarded);
  };
  kind.heal = [](World&, const FaultSpec&) {};
  return kind;
}

}  // namespace migfuzz
