// A third party that connects to a migration's incoming port and says what no source would say.
//
// It has no credentials and no part in the migration. Nothing here waits: the connection is opened
// in the background, and each look carries on what has come up meanwhile. Its socket is closed with
// it, or as soon as everything was said where it does not stay.
// Limits: one connection; what the host answers is read and dropped.
#pragma once

#include <string>
#include <vector>

#include "harness/core/failures.h"
#include "harness/io/fd.h"

namespace migfuzz::io {

/// What it says; the same Intrusion says the same bytes, but for the random numbers of a `hello`.
std::vector<std::byte> words_of(const Intrusion& stranger);

class Stranger {
 public:
  /// `fd`: a TCP socket, non-blocking, in the network namespace that it is to come from.
  Stranger(UniqueFd fd, const std::string& address, std::uint16_t port, const Intrusion& what);
  IntrusionSight look();

 private:
  void connected();
  void say();
  void listen();

  UniqueFd fd_;
  std::vector<std::byte> words_;
  std::size_t said_ = 0;
  bool stays_, connected_ = false;
  IntrusionSight seen_;
};

}  // namespace migfuzz::io
