#include "harness/interruption.h"

#include <algorithm>
#include <vector>

namespace migfuzz {
namespace {

struct Beat {
  double at_ms = 0;
  double step = -1;  // -1: the event does not say
};

// From the last one before the migration began to the last one of the first migration.
std::vector<Beat> beats_of(const History& history) {
  std::vector<Beat> beats;
  bool begun = false;
  for (const auto& event : history.events()) {
    if (event.kind == "phase") begun = true;
    if (event.kind != "heartbeat") continue;
    if (!begun) beats.clear();
    const auto step = number_field(event, "step");
    beats.push_back({double(event.at_ns) / 1e6, step ? double(*step) : -1});
  }
  return begun ? beats : std::vector<Beat>();
}

}  // namespace

Interruption interruption_of(const History& history, double steps_per_s) {
  Interruption measured;
  const auto beats = beats_of(history.first_migration());
  if (beats.size() < 2) return measured;
  double steps_in_gap = 0;
  std::size_t behind = 0;  // the first beat after the gap
  bool forwards = beats.front().step >= 0;
  for (std::size_t i = 1; i < beats.size(); ++i) {
    const auto gap = beats[i].at_ms - beats[i - 1].at_ms;
    forwards = forwards && beats[i].step >= beats[i - 1].step;
    if (gap <= measured.blackout_ms) continue;
    measured.blackout_ms = gap;
    steps_in_gap = beats[i].step - beats[i - 1].step;
    behind = i;
  }
  // Steps that go back are a double run or a rollback: there is no one guest to lose time.
  if (!forwards || beats.size() < 3 || steps_per_s <= 0) return measured;
  const auto time = beats.back().at_ms - beats.front().at_ms - measured.blackout_ms;
  const auto steps = beats.back().step - beats.front().step - steps_in_gap;
  measured.brownout_ms = std::max(0.0, time - steps / steps_per_s * 1000);
  const auto lost_behind = beats.back().at_ms - beats[behind].at_ms -
                           (beats.back().step - beats[behind].step) / steps_per_s * 1000;
  measured.brownout_after_ms = std::clamp(lost_behind, 0.0, measured.brownout_ms);
  return measured;
}

}  // namespace migfuzz
