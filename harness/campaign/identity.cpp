#include "harness/campaign/identity.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/core/scenario.h"

namespace migfuzz {

std::string CaseKeys::next(const Plan& plan) {
  Plan asked = plan;
  asked.accel = "auto";
  asked.machine = "pc";
  asked.guest.memory_bytes = 0;
  const auto hash = stable_hash(to_json(asked).dump());
  return fmt::format("{:016x}-{}", hash, ++seen_[hash]);
}

bool Shard::holds(const std::string& key) const {
  // Another round of mixing: the low bits of FNV-1a alone are not evenly spread.
  auto state = stable_hash(key);
  return next_random(state) % of == number - 1;
}

std::string to_string(const Shard& shard) {
  return shard.of == 1 ? "" : fmt::format("{}/{}", shard.number, shard.of);
}

Shard shard_from(const std::string& text) {
  if (text.empty()) return {};
  constexpr std::uint64_t kMost = 100000;
  Shard shard{0, 0};
  const char* const end = text.data() + text.size();
  const auto [slash, bad] = std::from_chars(text.data(), end, shard.number);
  if (bad == std::errc() && slash != end && *slash == '/') {
    const auto [last, worse] = std::from_chars(slash + 1, end, shard.of);
    if (worse == std::errc() && last == end && shard.number >= 1 && shard.number <= shard.of &&
        shard.of <= kMost)
      return shard;
  }
  throw UsageError(
      fmt::format("--shard: `{}` is not a part such as 2/12; give I/N with I from 1 to N", text));
}

}  // namespace migfuzz
