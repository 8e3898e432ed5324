#include "harness/io/relay_holds.h"

#include <algorithm>
#include <limits>

namespace migfuzz::io {

void Holds::arm(const Trigger& trigger) {
  for (const auto& hold : all_)
    if (hold.trigger == trigger) return;
  all_.emplace_back().trigger = trigger;
}

bool Holds::see(Phase phase, const std::string& name, std::uint64_t offset, bool forth) {
  bool found = false;
  for (auto& hold : all_) {
    hold.last = false;
    const auto& point = hold.trigger.point;
    if (hold.placed || point.phase != phase || point.name != name) continue;
    if (++hold.seen != hold.trigger.nth) continue;
    hold.placed = hold.last = found = true;
    hold.forth = forth;
    hold.offset = offset + point.plus_bytes;
  }
  return found;
}

void Holds::pass_last() {
  for (auto& hold : all_) hold.released = hold.released || hold.last;
}

bool Holds::release(const Trigger& trigger) {
  for (auto& hold : all_)
    if (hold.trigger == trigger && !hold.released) return hold.released = true;
  return false;
}

void Holds::release_all() {
  for (auto& hold : all_) {
    // What this channel has not come to, the one that takes its place may.
    hold.left_over = !hold.placed && !hold.released;
    hold.released = true;
  }
}

std::uint64_t Holds::barrier(bool forth) const {
  auto first = std::numeric_limits<std::uint64_t>::max();
  for (const auto& hold : all_)
    if (hold.ahead(forth)) first = std::min(first, hold.offset);
  return first;
}

bool Holds::any(bool forth) const {
  return std::any_of(all_.begin(), all_.end(), [&](const Hold& hold) { return hold.ahead(forth); });
}

std::vector<Trigger> Holds::reached(bool forth, std::uint64_t passed) {
  std::vector<Trigger> fresh;
  for (auto& hold : all_) {
    if (!hold.ahead(forth) || hold.reached || passed < hold.offset) continue;
    hold.reached = true;
    fresh.push_back(hold.trigger);
  }
  return fresh;
}

std::vector<Trigger> Holds::standing() const {
  std::vector<Trigger> all;
  for (const auto& hold : all_)
    if (hold.reached && !hold.released) all.push_back(hold.trigger);
  return all;
}

std::vector<Trigger> Holds::waiting() const {
  std::vector<Trigger> all;
  for (const auto& hold : all_)
    if (!hold.placed && (!hold.released || hold.left_over)) all.push_back(hold.trigger);
  return all;
}

std::vector<Trigger> Holds::unreleased() const {
  std::vector<Trigger> all;
  for (const auto& hold : all_)
    if (!hold.released) all.push_back(hold.trigger);
  return all;
}

}  // namespace migfuzz::io
