// A client of the VM: pings it and holds one TCP connection to its echo service, all the while.
//
// It lives in a network namespace from which the VM is reached, speaks every kClientEvery from the
// worker's loop, and only counts; whether what it saw is right is for a checker. A gap is the time
// between two answers that follow each other; so is the resolution kClientEvery.
// Limits: one connection, opened once and never again; 16 bytes a message.
#pragma once

#include <memory>
#include <string>

#include "harness/core/network_sight.h"
#include "harness/io/loop.h"
#include "harness/io/network.h"

namespace migfuzz::io {

inline constexpr Milliseconds kClientEvery{10};

class GuestClient {
 public:
  /// Begins at once; whom nobody answers it asks again. Throws InfraError where no raw socket is
  /// allowed.
  GuestClient(Loop& loop, const Network& network, const std::string& address, std::uint16_t port);
  ~GuestClient();
  GuestClient(const GuestClient&) = delete;
  GuestClient& operator=(const GuestClient&) = delete;

  ClientSight sight() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace migfuzz::io
