// What a case's short history says in numbers: how long it took to settle, how often RAM was sent,
// and how much went through the channel.
//
// All of the first migration; a second one (the checker `retry`) is left out. Only what stands in
// the history is told: a history that was cut before the manager was done gives nothing.
#pragma once

#include <cstdint>

#include "harness/core/result.h"

namespace migfuzz {

/// -1: not known.
struct Measures {
  double settle_ms = -1;     // from `migrate` until the manager was done
  std::int64_t passes = -1;  // over the guest's RAM, as QEMU counts them (MIGRATION_PASS)
  std::int64_t bytes = -1;   // forwarded to the destination when the channel ended
};

Measures measures_of(const CaseResult& result);

}  // namespace migfuzz
