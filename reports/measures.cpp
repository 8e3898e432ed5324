#include "reports/measures.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace migfuzz {
namespace {

/// After these the relay forwards no byte any more.
bool ends_channel(std::string_view name) {
  constexpr std::array kEnds{"close-seen", "reset-seen", "cut", "sealed", "peer-gone"};
  return std::find(kEnds.begin(), kEnds.end(), name) != kEnds.end();
}

}  // namespace

Measures measures_of(const CaseResult& result) {
  const History first = result.history.first_migration();
  const Event* begins = first.first("source", "qmp-command", "migrate");
  const Event* done = first.first("arbiter", "decision", "done");
  if (begins == nullptr || done == nullptr || done->at_ns < begins->at_ns) return {};
  Measures out;
  out.settle_ms = static_cast<double>(done->at_ns - begins->at_ns) / 1e6;
  for (const Event& event : first.events()) {
    if (event.actor == "source" && event.name == "MIGRATION_PASS")
      out.passes = std::max(out.passes, number_field(event, "pass").value_or(-1));
  }
  const Event* last = first.last("channel", "relay");
  if (last != nullptr && ends_channel(last->name))
    out.bytes = number_field(*last, "forwarded").value_or(-1);
  return out;
}

}  // namespace migfuzz
