// What a client and a switch have seen of the VM.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/core/types.h"

namespace migfuzz {

/// Answers that follow each other, and how long one had to be waited for.
struct AnswerSight {
  std::uint64_t asked = 0, answered = 0;
  Clock::time_point last;         // of an answer
  Clock::duration longest_gap{};  // between two that follow each other
  bool operator==(const AnswerSight&) const = default;
};

struct ClientSight {
  AnswerSight pings, echoes;
  bool connected = false;  // the connection was made once
  std::string broken;      // why it is no more, or what came back wrong; empty: it stands
  bool operator==(const ClientSight&) const = default;
};

/// A frame that a host has sent to the switch, and whose source is the VM's hardware address.
struct VmFrame {
  enum class Kind {
    traffic,
    rarp,            // ethertype 0x8035, as QEMU announces a VM (net/announce.c), once it runs:
                     // until then the frame waits in a queue (net/net.c, qemu_can_send_packet)
    gratuitous_arp,  // sender and target address are one, as a guest announces itself (RFC 5227)
  };
  Side from = Side::source;
  Clock::time_point at;
  Kind kind = Kind::traffic;
  bool operator==(const VmFrame&) const = default;
};

struct NetworkSight {
  ClientSight client;
  std::vector<VmFrame> frames;    // in order of time
  std::uint64_t frames_lost = 0;  // by whoever listened: what they were nobody knows
  std::optional<Side> place;    // where the switch would send what is for the VM
  bool operator==(const NetworkSight&) const = default;
};

}  // namespace migfuzz
