// The guest `linux` on the network: what the payload takes for itself, and a client connects to.
#pragma once

/// Its only interface, eth0; the hardware address is QEMU's default for the first device.
inline constexpr const char* kGuestAddress = "10.78.0.2";
inline constexpr const char* kGuestNetmask = "255.255.255.0";
/// TCP: sends back what comes (RFC 862).
inline constexpr unsigned short kGuestEchoPort = 7;
