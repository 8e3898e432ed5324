// What every user of libnl here shares: its objects as owned pointers, errors as InfraError, and
// being inside a network namespace for a while.
//
// Only for sources of harness/io: it names libnl's types.
#pragma once

#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>

#include <memory>
#include <string>

#include "harness/io/fd.h"

namespace migfuzz::io {

struct SocketDeleter {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
struct LinkDeleter {
  void operator()(rtnl_link* link) const { rtnl_link_put(link); }
};
struct AddrDeleter {
  void operator()(nl_addr* addr) const { nl_addr_put(addr); }
};
struct RtAddrDeleter {
  void operator()(rtnl_addr* addr) const { rtnl_addr_put(addr); }
};
struct NeighDeleter {
  void operator()(rtnl_neigh* neigh) const { rtnl_neigh_put(neigh); }
};
using NlSocket = std::unique_ptr<nl_sock, SocketDeleter>;
using Link = std::unique_ptr<rtnl_link, LinkDeleter>;
using Addr = std::unique_ptr<nl_addr, AddrDeleter>;
using RtAddr = std::unique_ptr<rtnl_addr, RtAddrDeleter>;
using Neigh = std::unique_ptr<rtnl_neigh, NeighDeleter>;

/// Throws InfraError "network: WHAT: reason" for a negative libnl error.
void check(int error, const std::string& what);

UniqueFd own_namespace();
/// A fresh network namespace; the caller stays where it is.
UniqueFd new_namespace();

/// Comes back to the namespace it started in, whatever happens.
class Inside {
 public:
  explicit Inside(int namespace_fd);
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  UniqueFd back_;
};

/// A netlink socket stays bound to the namespace in which it was connected.
NlSocket socket_in(int namespace_fd, int protocol = NETLINK_ROUTE);
Link find_link(nl_sock* socket, const std::string& name);
void add_bridge(nl_sock* socket, const std::string& name);
/// A veth pair: `name` here, `peer` in that namespace.
void add_cable(nl_sock* socket, const std::string& name, const std::string& peer, int peer_ns_fd);
void enslave(nl_sock* socket, const std::string& bridge, const std::string& port);
void set_up(nl_sock* socket, const std::string& name, bool up);
/// Six bytes.
void set_hardware_address(nl_sock* socket, const std::string& name, const std::uint8_t* address);
/// A bridge's port is in the state in which it forwards; one that has come up is a moment later.
bool forwards(nl_sock* socket, const std::string& port);
void wait_until_it_forwards(nl_sock* socket, const std::string& port);
/// A host's interface sends: until the kernel has seen to a carrier, what is sent is dropped.
void wait_until_it_sends(nl_sock* socket, const std::string& name);
/// IPv4, a network of 24 bits.
void add_address(nl_sock* socket, const std::string& name, const char* address);

}  // namespace migfuzz::io
