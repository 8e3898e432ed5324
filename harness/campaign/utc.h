// The time of day in UTC, as it is written into results.
#pragma once

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <string>

namespace migfuzz {

/// "2026-11-22T05:00:00Z".
inline std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

/// "2026-11-22T05:00:00.123Z", for what has an order within a second.
inline std::string utc_now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::time_t(ms / 1000)), ms % 1000);
}

/// "2026-11-22".
inline std::string utc_today() { return utc_now().substr(0, 10); }

}  // namespace migfuzz
