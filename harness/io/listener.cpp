#include "harness/io/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <sstream>

namespace migfuzz::io {
namespace {

constexpr int kQueue = 8;  // a manager, a stranger, and room
// include/uapi/linux/net.h, socket_state, as net/unix/af_unix.c prints it for a socket in the list.
constexpr int kQueued = 2;    // SS_CONNECTING: established, but nobody has accepted it
constexpr int kAccepted = 3;  // SS_CONNECTED

UniqueFd unix_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) fail("socket");
  return fd;
}

}  // namespace

Listener listen_unix() {
  Listener made{unix_socket(), {}};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // An address of the family's length alone asks the kernel for a free name.
  if (::bind(made.socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) != 0)
    fail("naming a socket");
  if (::listen(made.socket.get(), kQueue) != 0) fail("listen");
  socklen_t size = sizeof address;
  if (::getsockname(made.socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    fail("getsockname");
  made.name.assign(address.sun_path, size - offsetof(sockaddr_un, sun_path));
  return made;
}

UniqueFd connect_unix(const std::string& name) {
  auto fd = unix_socket();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), std::min(name.size(), sizeof address.sun_path));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0) return fd;
  if (errno == ECONNREFUSED) return {};
  fail("connecting to a monitor");
}

ConnectionCount connections_of(const std::string& name) {
  // Columns: Num RefCount Protocol Flags Type St Inode Path; the leading NUL is shown as '@'.
  const auto shown = "@" + name.substr(std::min<std::size_t>(1, name.size()));
  ConnectionCount count;
  std::ifstream in("/proc/thread-self/net/unix");
  for (std::string line; std::getline(in, line);) {
    std::istringstream columns(line);
    std::string number, references, protocol, flags, type, state, inode, path;
    columns >> number >> references >> protocol >> flags >> type >> state >> inode >> path;
    if (path != shown || (std::strtoul(flags.c_str(), nullptr, 16) & 0x10000) != 0) continue;
    const auto value = std::strtol(state.c_str(), nullptr, 16);
    count.accepted += value == kAccepted ? 1 : 0;
    count.queued += value == kQueued ? 1 : 0;
  }
  return count;
}

}  // namespace migfuzz::io
