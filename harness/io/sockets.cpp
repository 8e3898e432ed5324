#include "harness/io/sockets.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <vector>

#include "harness/core/error.h"
#include "harness/io/netlink.h"

namespace migfuzz::io {
namespace {

inet_diag_req_v2 request() {
  inet_diag_req_v2 wanted{};
  wanted.sdiag_family = AF_INET;
  wanted.sdiag_protocol = IPPROTO_TCP;
  wanted.idiag_states = ~((1u << TCP_LISTEN) | (1u << TCP_TIME_WAIT));
  return wanted;
}

struct MessageDeleter {
  void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, MessageDeleter>;

Message message(int type, int flags, const inet_diag_req_v2& wanted) {
  Message made(nlmsg_alloc_simple(type, flags));
  if (!made) throw InfraError("network: out of memory");
  check(nlmsg_append(made.get(), const_cast<inet_diag_req_v2*>(&wanted), sizeof wanted,
                     NLMSG_ALIGNTO),
        "a socket request");
  return made;
}

int remember(nl_msg* heard, void* into) {
  const auto* header = nlmsg_hdr(heard);
  if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY)
    static_cast<std::vector<inet_diag_sockid>*>(into)->push_back(
        static_cast<const inet_diag_msg*>(nlmsg_data(header))->id);
  return NL_OK;
}

std::vector<inet_diag_sockid> sockets_of(nl_sock* socket) {
  std::vector<inet_diag_sockid> found;
  nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, remember, &found);
  const auto dump = message(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, request());
  check(nl_send_auto(socket, dump.get()), "asking for sockets");
  check(nl_recvmsgs_default(socket), "reading sockets");
  return found;
}

}  // namespace

unsigned destroy_sockets(int namespace_fd, std::uint16_t remote_port) {
  const auto socket = socket_in(namespace_fd, NETLINK_SOCK_DIAG);
  unsigned count = 0;
  for (const auto& id : sockets_of(socket.get())) {
    if (ntohs(id.idiag_dport) != remote_port) continue;
    auto wanted = request();
    wanted.id = id;
    const auto destroy = message(SOCK_DESTROY, NLM_F_ACK, wanted);
    check(nl_send_auto(socket.get(), destroy.get()), "destroying a socket");
    // One that ended by itself meanwhile needs no destroying.
    const int answer = nl_wait_for_ack(socket.get());
    if (answer == -NLE_OBJ_NOTFOUND) continue;
    check(answer, "destroying a socket");
    ++count;
  }
  return count;
}

}  // namespace migfuzz::io
