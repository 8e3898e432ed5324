// Where a fault has a meaning: the reasons that several kinds share, for FaultKind::excluded.
#pragma once

#include <string>

#include "harness/core/point.h"

namespace migfuzz {

/// For what is done to the mirror of a disk: it has to exist.
std::string needs_mirror(const Trigger& trigger, Side side);
/// For what is done to the migration channel: it has to exist.
std::string needs_channel(const Trigger& trigger, Side side);
/// For what is seen by bytes that wait: some must follow the point in its direction.
std::string needs_bytes_behind(const Trigger& trigger, Side side);
/// For what is seen by anything that is still said, by anybody.
std::string needs_words_behind(const Trigger& trigger, Side side);
/// The same, packet by packet on a host's leg.
std::string needs_packets_behind(const Trigger& trigger, Side side);
/// For what needs many bytes of the stream behind the point.
std::string needs_stream_behind(const Trigger& trigger, Side side);
/// The same on a host's leg: TCP lets the source send ahead of the point, over its own leg.
std::string needs_bulk_behind(const Trigger& trigger, Side side);
/// For kinds that are there before the hosts are started: they have the one point `prepare/ready`.
std::string only_before_start(const Trigger& trigger, Side side);

/// For what is seen by a decision that is not taken: there must be decisions to come.
std::string needs_decisions(const Trigger& trigger, Side side);

}  // namespace migfuzz
