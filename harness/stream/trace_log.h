// The log of QEMU's trace backend `log`: text in, trace events out.
//
// A line is "EVENT text", and with -msg timestamp=on "THREAD@SECONDS.MICROSECONDS:EVENT text"
// (scripts/tracetool/backend/log.py of QEMU 7.2 and 10.0). Pure and for any bytes: the process that
// writes the log may be killed in the middle of a line, an event's text may hold line ends, and
// anything else may have got into the file. What is no event is skipped; a last line without its
// end is left out. Memory is bounded by the limits.
#pragma once

#include <string_view>
#include <vector>

#include "harness/core/reached.h"

namespace migfuzz::stream {

/// A no-fault case logs 260 lines, 17 KiB (bench/trace_cost.cpp).
struct TraceLimits {
  std::size_t bytes_most = std::size_t{8} << 20;
  std::size_t events_most = 100'000;
  std::size_t name_most = 64;   // QEMU's longest is 49
  std::size_t state_most = 32;  // "postcopy-recover-setup" is 22
};

std::vector<Traced> parse_trace_log(std::string_view text, const TraceLimits& limits = {});

}  // namespace migfuzz::stream
