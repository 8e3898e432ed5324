// The network of one case: three namespaces of its own, made and changed through libnl.
//
//   source ns --veth-- [port | switch ns: bridge 10.77.0.1 | port] --veth-- destination ns
//
// A second one for migrations, where a plan has it, is the same again beside it, without any fault:
// 10.79.0.1 at the switch, .2 and .3 at the hosts.
//
// Nothing has a name outside the worker; all of it is gone with the last descriptor. Static
// neighbours, no IPv6, no spanning tree, congestion control pinned: a case starts from known good.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "harness/core/types.h"
#include "harness/io/fd.h"

namespace migfuzz::io {

inline constexpr const char* kSwitchAddress = "10.77.0.1";
inline constexpr const char* kSourceAddress = "10.77.0.2";
inline constexpr const char* kDestinationAddress = "10.77.0.3";
inline constexpr const char* kHostInterface = "eth0";  // in the host's namespace
inline constexpr const char* kSecondSwitchAddress = "10.79.0.1";
inline constexpr const char* kSecondDestinationAddress = "10.79.0.3";
/// The switch's end of that host's cable.
const char* port_name(Side host);

class Network {
 public:
  /// Throws InfraError naming the step that the kernel refused.
  Network();
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// Namespace descriptor of a host; Side::channel is the switch.
  int namespace_fd(Side side) const;
  /// Runs `act` inside that namespace (sockets made there stay there) and comes back.
  void inside(Side side, const std::function<void()>& act) const;

  /// Another machine in the destination's place, for good: a namespace, a veth pair and a hardware
  /// address of its own, at the same port and IP address. Whatever was done to the old one is gone.
  void replace_destination();

  /// A second network between the same hosts; a destination that is replaced later has it, too.
  void add_second();

  /// Bridge port state: BR_STATE_DISABLED drops silently both ways, the carrier stays.
  void set_port(Side host, bool forwarding);
  bool port_forwarding(Side host) const;
  /// Administrative state of the port's link; the host sees its carrier go.
  void set_link(Side host, bool up);
  /// The host's own carrier, as its kernel reports it.
  bool link_up(Side host) const;

  /// A UDP datagram to a closed port of the host draws its ICMP answer within 30 ms (30 us is
  /// usual).
  bool answers_probe(Side host) const;

  /// The host and the switch try to connect to a closed port of each other, and do not wait for
  /// the answers: TCP packets both ways.
  void knock(Side host) const;

  /// One TCP socket of a host's namespace, from its /proc/net/tcp
  /// (Documentation/networking/proc_net_tcp).
  struct TcpSocket {
    int state = 0;                 // 1 established, 8 close-wait, …
    std::uint64_t send_queue = 0;  // bytes not acknowledged
    std::uint16_t local_port = 0, remote_port = 0;
  };
  std::vector<TcpSocket> tcp_sockets(Side host) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace migfuzz::io
