// How many cells fit was measured on two cores with TCG, the slowest machine this is meant for: 1.5
// to 2.5 cells a second. What a faster one has left of its time goes into a search.
#include "harness/command_line/tiers.h"

#include <fmt/format.h>

#include "harness/core/error.h"

namespace migfuzz::command_line {

std::span<const Tier> all_tiers() {
  static const std::vector<Tier> tiers{
      {"smoke",
       "2 minutes: 100 cells of the five modes that differ most; every fault once",
       {{"mode", {"precopy", "postcopy", "multifd", "tls-psk", "storage"}},
        {"phase", {"all"}},
        {"time", {"2m"}},
        {"cells", {"100"}}}},
      {"nightly",
       "1 hour: 4000 cells of every mode, other ones each night; then a search",
       {{"mode", {"all"}}, {"phase", {"all"}}, {"time", {"1h"}}, {"cells", {"4000"}}}},
      {"weekly",
       "8 hours: every cell of every mode, then a search",
       {{"mode", {"all"}}, {"phase", {"all"}}, {"time", {"8h"}}}}};
  return tiers;
}

Settings with_tier(Settings settings) {
  if (!settings.has("tier")) return settings;
  const auto word = settings.text("tier");
  std::string known;
  for (const auto& tier : all_tiers()) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", tier.name);
    if (tier.name != word) continue;
    if (settings.text("scenario") != "cells")
      throw UsageError(fmt::format("{}: a tier takes cells, and --scenario={} has none; leave one "
                                   "of the two out",
                                   settings.from("tier"), settings.text("scenario")));
    // Exact points replace phases, and they are few: all of them are taken.
    for (const auto& [name, values] : tier.options)
      if (!(settings.has("point") && (name == "phase" || name == "cells")))
        settings.set(name, {values, settings.from("tier"), false});
    return settings;
  }
  throw UsageError(fmt::format("{}: `{}` is not a tier; take one of {}", settings.from("tier"),
                               word, known));
}

}  // namespace migfuzz::command_line
