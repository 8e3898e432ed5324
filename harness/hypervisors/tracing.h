// QEMU's own trace events about migration, switched on and written to a file of their own.
//
// The backend `log` writes each event as a line (stream/trace_log.h); -D keeps these apart from
// what QEMU prints, and each line is flushed, so that a killed process leaves what it did. Which
// events are wanted is a list of patterns by group, without those that come once a page, a byte
// or a field: they cost most of the time and say the same each time (docs/feedback.md has figures).
#pragma once

#include <string>
#include <vector>

#include "harness/core/reached.h"
#include "harness/io/fd.h"
#include "harness/io/qmp.h"

namespace migfuzz {

class Tracing {
 public:
  Tracing();
  std::vector<std::string> arguments() const;  // for QEMU's command line
  std::vector<int> inherited() const;          // descriptors that it needs
  /// What was traced so far, of a process that may still run.
  HostTrace read() const;

 private:
  io::MemoryFile wanted_, log_;
};

/// The events that a QEMU with these arguments has switched on; none where it has none of them.
/// Throws InfraError.
std::vector<std::string> traced_events(io::Qmp& monitor, Clock::time_point deadline);

}  // namespace migfuzz
