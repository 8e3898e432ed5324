// A listening AF_UNIX socket that has no name in any file system, and connections to it.
//
// The kernel chooses an abstract name (autobind, unix(7)); it belongs to the network namespace in
// which the socket was made and is gone with the last descriptor. QEMU inherits the listening
// descriptor and serves it; whoever knows the name can connect, again and again, as a manager does.
// Limits: an abstract name has no permissions; here it is alone in a worker's own namespace.
#pragma once

#include <string>

#include "harness/io/fd.h"

namespace migfuzz::io {

struct Listener {
  UniqueFd socket;   // close-on-exec, listening; for a child to inherit, then to be closed here
  std::string name;  // the abstract name with its leading NUL
};

Listener listen_unix();

/// Connects to `name`; at once, because the listener's queue takes it. An invalid descriptor when
/// nobody listens there any more; throws InfraError on anything else.
UniqueFd connect_unix(const std::string& name);

/// The connections of a listener as the kernel lists them (/proc/net/unix): an accepted socket
/// bears the name of its listener.
struct ConnectionCount {
  unsigned accepted = 0;  // held by the process that listens
  unsigned queued = 0;    // not taken by it yet
};
ConnectionCount connections_of(const std::string& name);

}  // namespace migfuzz::io
