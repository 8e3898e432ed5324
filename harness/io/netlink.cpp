#include "harness/io/netlink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>

#include <cstdlib>

#include "harness/core/error.h"

namespace migfuzz::io {

void check(int error, const std::string& what) {
  if (error < 0) throw InfraError(fmt::format("network: {}: {}", what, nl_geterror(error)));
}

UniqueFd own_namespace() {
  UniqueFd fd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd) fail("network: /proc/self/ns/net");
  return fd;
}

UniqueFd new_namespace() {
  const auto back = own_namespace();
  if (::unshare(CLONE_NEWNET) != 0) fail("network: a new network namespace");
  auto fd = own_namespace();
  if (::setns(back.get(), CLONE_NEWNET) != 0) std::abort();
  return fd;
}

Inside::Inside(int namespace_fd) : back_(own_namespace()) {
  if (::setns(namespace_fd, CLONE_NEWNET) != 0) fail("network: entering a namespace");
}

Inside::~Inside() {
  if (::setns(back_.get(), CLONE_NEWNET) != 0) std::abort();  // never run on in the wrong network
}

NlSocket socket_in(int namespace_fd, int protocol) {
  const Inside inside(namespace_fd);
  NlSocket socket(nl_socket_alloc());
  if (!socket) throw InfraError("network: out of memory");
  check(nl_connect(socket.get(), protocol), "connecting to the kernel");
  return socket;
}

Link find_link(nl_sock* socket, const std::string& name) {
  rtnl_link* link = nullptr;
  check(rtnl_link_get_kernel(socket, 0, name.c_str(), &link), "finding " + name);
  return Link(link);
}

}  // namespace migfuzz::io
