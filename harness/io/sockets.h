// Ending a TCP socket from outside, as `ss --kill` does: SOCK_DESTROY over sock_diag(7).
//
// The owner's next call fails with ECONNABORTED and the kernel sends RST to the peer. Needs
// CONFIG_INET_DIAG_DESTROY and the rights over the network namespace.
#pragma once

#include <cstdint>

namespace migfuzz::io {

/// Destroys every connected IPv4 TCP socket of that namespace whose peer has port `remote_port`;
/// returns how many. Throws InfraError with the kernel's reason.
unsigned destroy_sockets(int namespace_fd, std::uint16_t remote_port);

}  // namespace migfuzz::io
