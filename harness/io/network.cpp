#include "harness/io/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/neighbour.h>
#include <poll.h>
#include <sched.h>

#include <fstream>
#include <sstream>

#include "harness/core/error.h"
#include "harness/io/netlink.h"

namespace migfuzz::io {
namespace {

void add_neighbour(nl_sock* socket, const std::string& name, const char* address, nl_addr* mac) {
  nl_addr* parsed = nullptr;
  check(nl_addr_parse(address, AF_INET, &parsed), "address");
  const Addr dst(parsed);
  const Neigh neigh(rtnl_neigh_alloc());
  const auto link = find_link(socket, name);
  rtnl_neigh_set_ifindex(neigh.get(), rtnl_link_get_ifindex(link.get()));
  check(rtnl_neigh_set_dst(neigh.get(), dst.get()), "neighbour");
  rtnl_neigh_set_lladdr(neigh.get(), mac);
  rtnl_neigh_set_state(neigh.get(), NUD_PERMANENT);
  check(rtnl_neigh_add(socket, neigh.get(), NLM_F_CREATE | NLM_F_REPLACE), "adding a neighbour");
}

Addr mac_of(nl_sock* socket, const std::string& name) {
  const auto link = find_link(socket, name);
  return Addr(nl_addr_clone(rtnl_link_get_addr(link.get())));
}

// Settings that some kernels lack are left as they are: none of them is needed for correctness,
// only for speed of clean-up and for equal behaviour over kernels.
void tune(const char* path, const char* value) {
  std::ofstream file(path);
  if (file) file << value;
}

void tune_namespace(int fd) {
  const Inside inside(fd);
  tune("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
  tune("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
  // An orphaned socket with unacknowledged bytes would pin a namespace for two minutes.
  tune("/proc/sys/net/ipv4/tcp_orphan_retries", "1");
  tune("/proc/sys/net/ipv4/tcp_congestion_control", "cubic");
}

// RFC 863; nobody listens there in a namespace of ours.
sockaddr_in discard_port_of(const char* address) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(9);
  ::inet_pton(AF_INET, address, &where.sin_addr);
  return where;
}

// The names of one network's parts.
struct Wire {
  const char *bridge, *switch_address, *interface, *ports[2], *addresses[2];
  const char* port(Side host) const { return ports[host == Side::source ? 0 : 1]; }
  const char* address(Side host) const { return addresses[host == Side::source ? 0 : 1]; }
};
constexpr Wire kFirst{"bridge",
                      kSwitchAddress,
                      kHostInterface,
                      {"port-s", "port-d"},
                      {kSourceAddress, kDestinationAddress}};
constexpr Wire kSecond{"bridge2",
                       kSecondSwitchAddress,
                       "eth1",
                       {"port-s2", "port-d2"},
                       {"10.79.0.2", kSecondDestinationAddress}};

}  // namespace

const char* port_name(Side host) { return kFirst.port(host); }

struct Network::State {
  UniqueFd source_ns, destination_ns, switch_ns;
  NlSocket source, destination, middle;

  int fd(Side side) const {
    return side == Side::source        ? source_ns.get()
           : side == Side::destination ? destination_ns.get()
                                       : switch_ns.get();
  }
  nl_sock* socket(Side host) const {
    return host == Side::source ? source.get() : destination.get();
  }

  bool second = false;

  void join(Side host, const Wire& wire) {
    add_cable(middle.get(), wire.port(host), wire.interface, fd(host));
    enslave(middle.get(), wire.bridge, wire.port(host));
    set_up(socket(host), "lo", true);
    set_up(socket(host), wire.interface, true);
    set_up(middle.get(), wire.port(host), true);
    add_address(socket(host), wire.interface, wire.address(host));
    wait_until_it_sends(socket(host), wire.interface);
    wait_until_it_forwards(middle.get(), wire.port(host));
  }

  void lay(const Wire& wire) {
    add_bridge(middle.get(), wire.bridge);
    set_up(middle.get(), wire.bridge, true);
    add_address(middle.get(), wire.bridge, wire.switch_address);
    for (const auto host : {Side::source, Side::destination}) join(host, wire);
    // A bridge takes its ports' least address for its own: only now is it known.
    introduce_all(wire);
  }

  void introduce_all(const Wire& wire) {
    for (const auto host : {Side::source, Side::destination}) introduce(host, wire);
  }

  // Permanent neighbours: no case may depend on whether an ARP request was in time.
  void introduce(Side host, const Wire& wire) {
    const auto own = mac_of(socket(host), wire.interface);
    const auto bridge = mac_of(middle.get(), wire.bridge);
    add_neighbour(middle.get(), wire.bridge, wire.address(host), own.get());
    add_neighbour(socket(host), wire.interface, wire.switch_address, bridge.get());
  }
};

Network::Network() : state_(std::make_unique<State>()) {
  state_->switch_ns = new_namespace();
  state_->source_ns = new_namespace();
  state_->destination_ns = new_namespace();
  for (const auto side : {Side::source, Side::destination, Side::channel})
    tune_namespace(state_->fd(side));
  state_->middle = socket_in(state_->switch_ns.get());
  state_->source = socket_in(state_->source_ns.get());
  state_->destination = socket_in(state_->destination_ns.get());

  set_up(state_->middle.get(), "lo", true);
  state_->lay(kFirst);
}

void Network::add_second() {
  state_->second = true;
  state_->lay(kSecond);
}

void Network::replace_destination() {
  nl_sock* middle = state_->middle.get();
  for (const auto* wire : {&kFirst, &kSecond}) {
    if (wire == &kSecond && !state_->second) continue;
    const auto port = find_link(middle, wire->port(Side::destination));
    check(rtnl_link_delete(middle, port.get()), "unplugging the destination");
  }
  state_->destination_ns = new_namespace();
  tune_namespace(state_->destination_ns.get());
  state_->destination = socket_in(state_->destination_ns.get());
  for (const auto* wire : {&kFirst, &kSecond}) {
    if (wire == &kSecond && !state_->second) continue;
    state_->join(Side::destination, *wire);
    state_->introduce_all(*wire);
  }
}

Network::~Network() = default;

int Network::namespace_fd(Side side) const { return state_->fd(side); }

void Network::inside(Side side, const std::function<void()>& act) const {
  const Inside inside(state_->fd(side));
  act();
}

void Network::set_port(Side host, bool forwarding) {
  // libnl's rtnl_link_bridge_set_port_state followed by rtnl_link_change returns success and does
  // nothing (libnl 3.7); the message is built by hand: RTM_SETLINK, AF_BRIDGE, IFLA_PROTINFO.
  const auto link = find_link(state_->middle.get(), port_name(host));
  ifinfomsg header{};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = rtnl_link_get_ifindex(link.get());
  nl_msg* message = nlmsg_alloc_simple(RTM_SETLINK, NLM_F_ACK);
  nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO);
  nlattr* info = nla_nest_start(message, IFLA_PROTINFO);
  nla_put_u8(message, IFLA_BRPORT_STATE, forwarding ? BR_STATE_FORWARDING : BR_STATE_DISABLED);
  nla_nest_end(message, info);
  check(nl_send_sync(state_->middle.get(), message), "setting a bridge port's state");
}

bool Network::port_forwarding(Side host) const {
  return forwards(state_->middle.get(), port_name(host));
}

void Network::set_link(Side host, bool up) {
  set_up(state_->middle.get(), port_name(host), up);
  if (!up) return;
  // A port that went down is in state DISABLED; without spanning tree it comes up FORWARDING.
  if (!port_forwarding(host)) set_port(host, true);
}

bool Network::link_up(Side host) const {
  const auto link = find_link(state_->socket(host), kHostInterface);
  return rtnl_link_get_operstate(link.get()) == IF_OPER_UP &&
         (rtnl_link_get_flags(link.get()) & IFF_LOWER_UP) != 0;
}

bool Network::answers_probe(Side host) const {
  UniqueFd probe;
  inside(Side::channel, [&] { probe = UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); });
  if (!probe) fail("network: probe");
  const auto where = discard_port_of(host == Side::source ? kSourceAddress : kDestinationAddress);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
      ::send(probe.get(), "?", 1, MSG_NOSIGNAL) != 1)
    return false;
  pollfd answer{probe.get(), 0, 0};  // the refusal arrives as POLLERR
  return ::poll(&answer, 1, 30) == 1;
}

void Network::knock(Side host) const {
  const auto* own = host == Side::source ? kSourceAddress : kDestinationAddress;
  for (const auto& [from, to] : {std::pair{host, kSwitchAddress}, {Side::channel, own}}) {
    UniqueFd knocking;
    inside(from, [&knocking] {
      knocking = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    });
    if (!knocking) fail("network: knocking");
    const auto where = discard_port_of(to);
    ::connect(knocking.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
  }
}

std::vector<Network::TcpSocket> Network::tcp_sockets(Side host) const {
  std::string text;
  inside(host, [&] {
    std::ifstream file("/proc/thread-self/net/tcp");
    std::stringstream all;
    all << file.rdbuf();
    text = all.str();
  });
  std::vector<TcpSocket> sockets;
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);  // titles
  while (std::getline(lines, line)) {
    unsigned local_port = 0, remote_port = 0, state = 0, send_queue = 0;
    if (std::sscanf(line.c_str(), " %*d: %*x:%x %*x:%x %x %x:", &local_port, &remote_port, &state,
                    &send_queue) == 4)
      sockets.push_back({static_cast<int>(state), send_queue,
                         static_cast<std::uint16_t>(local_port),
                         static_cast<std::uint16_t>(remote_port)});
  }
  return sockets;
}

}  // namespace migfuzz::io
