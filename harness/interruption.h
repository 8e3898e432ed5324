// How long a migration interrupted its guest: blackout and brownout, from the guest's own
// heartbeats.
//
// The definitions, their sources and their resolution are in docs/measurements.md. Pure.
#pragma once

#include "harness/core/history.h"

namespace migfuzz {

/// Milliseconds; -1: not measured.
struct Interruption {
  double blackout_ms = -1;  // longest gap between two heartbeats since the migration began
  double brownout_ms = -1;  // guest time lost outside of that gap
  double brownout_after_ms = -1;  // of that: behind the gap
};

/// Of the first migration of a history. `steps_per_s` is the pace that the plan gives the guest; 0:
/// unknown, and there is no brownout without it.
Interruption interruption_of(const History& history, double steps_per_s);

}  // namespace migfuzz
