// Tiers: how much of the matrix one run takes, for two minutes, an hour, or a week's end.
//
// A tier is nothing but a set of options under one name: what is typed beside it wins.
#pragma once

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/command_line/settings.h"

namespace migfuzz::command_line {

struct Tier {
  std::string_view name;
  std::string_view summary;
  std::vector<std::pair<std::string_view, std::vector<std::string>>> options;
};

std::span<const Tier> all_tiers();

/// The settings with what `--tier` stands for, where it was given. Throws UsageError for an unknown
/// tier, and for a scenario that has no cells to choose from.
Settings with_tier(Settings settings);

}  // namespace migfuzz::command_line
