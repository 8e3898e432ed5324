#include "harness/io/netlink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <poll.h>
#include <sched.h>

#include <cstdlib>

#include "harness/core/error.h"
#include "harness/core/types.h"

namespace migfuzz::io {
namespace {

constexpr Milliseconds kCarrierIn{2000};  // some milliseconds are usual

// The kernel puts off what follows from a carrier (net/core/link_watch.c).
template <typename Condition>
void wait_for_carrier(const std::string& name, const Condition& there) {
  const auto until = Clock::now() + kCarrierIn;
  while (!there()) {
    if (Clock::now() > until) throw InfraError("network: no carrier at " + name);
    ::poll(nullptr, 0, 1);
  }
}

}  // namespace

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

void add_bridge(nl_sock* socket, const std::string& name) {
  const Link bridge(rtnl_link_bridge_alloc());
  rtnl_link_set_name(bridge.get(), name.c_str());
  check(rtnl_link_add(socket, bridge.get(), NLM_F_CREATE | NLM_F_EXCL), "adding a bridge");
}

void add_cable(nl_sock* socket, const std::string& name, const std::string& peer, int peer_ns_fd) {
  const Link port(rtnl_link_veth_alloc());
  rtnl_link_set_name(port.get(), name.c_str());
  rtnl_link* other = rtnl_link_veth_get_peer(port.get());
  rtnl_link_set_name(other, peer.c_str());
  rtnl_link_set_ns_fd(other, peer_ns_fd);
  rtnl_link_put(other);  // get_peer took a reference
  check(rtnl_link_add(socket, port.get(), NLM_F_CREATE | NLM_F_EXCL), "adding a veth pair");
}

void enslave(nl_sock* socket, const std::string& bridge, const std::string& port) {
  check(rtnl_link_enslave(socket, find_link(socket, bridge).get(), find_link(socket, port).get()),
        "plugging a port");
}

void set_up(nl_sock* socket, const std::string& name, bool up) {
  const auto link = find_link(socket, name);
  const Link change(rtnl_link_alloc());
  if (up)
    rtnl_link_set_flags(change.get(), IFF_UP);
  else
    rtnl_link_unset_flags(change.get(), IFF_UP);
  check(rtnl_link_change(socket, link.get(), change.get(), 0),
        fmt::format("setting {} {}", name, up ? "up" : "down"));
}

void add_address(nl_sock* socket, const std::string& name, const char* address) {
  nl_addr* parsed = nullptr;
  check(nl_addr_parse(fmt::format("{}/24", address).c_str(), AF_INET, &parsed), "address");
  const Addr local(parsed);
  const RtAddr wanted(rtnl_addr_alloc());
  const auto link = find_link(socket, name);
  rtnl_addr_set_ifindex(wanted.get(), rtnl_link_get_ifindex(link.get()));
  check(rtnl_addr_set_local(wanted.get(), local.get()), "address");
  check(rtnl_addr_add(socket, wanted.get(), 0), "adding an address to " + name);
}

bool forwards(nl_sock* socket, const std::string& port) {
  // sysfs of this mount namespace shows another network namespace; ask the kernel by a dump.
  const auto index = rtnl_link_get_ifindex(find_link(socket, port).get());
  nl_cache* cache = nullptr;
  check(rtnl_link_alloc_cache(socket, AF_BRIDGE, &cache), "reading bridge ports");
  rtnl_link* link = rtnl_link_get(cache, index);
  const int state = link != nullptr ? rtnl_link_bridge_get_port_state(link) : -1;
  if (link != nullptr) rtnl_link_put(link);
  nl_cache_free(cache);
  return state == BR_STATE_FORWARDING;
}

void wait_until_it_forwards(nl_sock* socket, const std::string& port) {
  wait_for_carrier(port, [&] { return forwards(socket, port); });
}

void wait_until_it_sends(nl_sock* socket, const std::string& name) {
  wait_for_carrier(
      name, [&] { return rtnl_link_get_operstate(find_link(socket, name).get()) == IF_OPER_UP; });
}

void set_hardware_address(nl_sock* socket, const std::string& name, const std::uint8_t* address) {
  const auto link = find_link(socket, name);
  const Link change(rtnl_link_alloc());
  const Addr own(nl_addr_build(AF_LLC, address, 6));
  rtnl_link_set_addr(change.get(), own.get());
  check(rtnl_link_change(socket, link.get(), change.get(), 0),
        "giving " + name + " a hardware address");
}

}  // namespace migfuzz::io
