// Where a fault has a meaning: the reasons that several kinds share, for FaultKind::excluded.
#pragma once

#include <string>

#include "harness/core/point.h"

namespace migfuzz {

/// For what is done to the migration channel: it has to exist.
std::string needs_channel(const Trigger& trigger, Side side);
/// For what is seen by bytes that wait: some must follow the point in its direction.
std::string needs_bytes_behind(const Trigger& trigger, Side side);
/// For kinds that are there before the hosts are started: they have the one point `prepare/ready`.
std::string only_before_start(const Trigger& trigger, Side side);

}  // namespace migfuzz
