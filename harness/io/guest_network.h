// The network on which clients see the VM, apart from the one on which it migrates.
//
//   source ns: tap vm0 [bridge guests] uplink --veth-- vm-s [switch ns: bridge public, 10.78.0.1]
//   vm-d --veth-- uplink [bridge guests] tap vm0 :destination ns
//
// What is made here lies in the namespaces of a case's Network and goes with them. The switch
// listens on both ports (AF_PACKET) and keeps when which host has sent a frame in the VM's name, by
// kernel time stamps. The kernel's buffers are small (net.core.rmem_max): frames() is to be called
// every few milliseconds, and lost() says what was too much.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/network_sight.h"
#include "harness/io/network.h"

namespace migfuzz::io {

inline constexpr const char* kClientAddress = "10.78.0.1";  // of whoever speaks with the VM

using Mac = std::array<std::uint8_t, 6>;

class GuestNetwork {
 public:
  /// Why there can be none on this machine, one line: no tap devices, or not for us.
  static std::string impossible();
  /// Throws InfraError naming the step that the kernel refused.
  GuestNetwork(const Network& network, const Mac& vm);
  ~GuestNetwork();
  GuestNetwork(const GuestNetwork&) = delete;
  GuestNetwork& operator=(const GuestNetwork&) = delete;

  /// Of a tap device without packet information, to be inherited by that host's QEMU.
  int tap_fd(Side host) const;
  /// Network::replace_destination() has been called: a new host has a new tap.
  void follow_destination(const Network& network);
  /// The administrative state of the switch's end of that host's cable: the host loses its carrier.
  void set_link(Side host, bool up);
  /// The cable carries, and the switch's port forwards.
  bool link_up(Side host) const;
  /// Behind which host the switch's forwarding table has the VM; nothing: it is not in it.
  std::optional<Side> place_of_vm() const;
  /// What has come since the last call, in order of time.
  std::vector<VmFrame> frames();
  /// Frames that the kernel dropped because nobody had called frames() for too long.
  std::uint64_t lost() const;
  /// Sends the traffic that frames() has seen last once more, from that host's tap. Throws
  /// InfraError when there was none.
  void repeat(Side host) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace migfuzz::io
