// The guest `linux` on the network: what the payload takes for itself, and a client connects to.
#pragma once

#include <array>
#include <cstdint>

/// Its only interface, eth0. The hardware address is that of QEMU's first network device where
/// nobody names another (net/net.c, qemu_macaddr_default_if_unset).
inline constexpr const char* kGuestAddress = "10.78.0.2";
inline constexpr const char* kGuestNetmask = "255.255.255.0";
inline constexpr std::array<std::uint8_t, 6> kGuestHardware{0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
/// TCP: sends back what comes (RFC 862).
inline constexpr unsigned short kGuestEchoPort = 7;
