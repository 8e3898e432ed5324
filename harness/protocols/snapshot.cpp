// What every manager does with a background snapshot: nobody is handed over.
//
// The source stops for a moment, saves its devices, write-protects its memory and runs on; every
// page leaves it as it was then (QEMU's migration.c, bg_migration_thread). What the destination
// holds in the end is the past. So the destination is ended whatever it says, and never told to
// run, also when the source is dead: whoever wants to go back to a snapshot decides that himself.
#include "harness/protocols/rules.h"

namespace migfuzz::protocols {

std::optional<Decision> of_snapshot(const Situation& s) {
  using enum MigrationStatus;
  if (!s.snapshot || s.journal.taken_back) return std::nullopt;
  if (s.source.dead) {
    if (s.destination.dead) return Decision{Action::done, "both hosts are dead: the VM is lost"};
    return Decision{Action::fence_destination, "the source is dead; a snapshot must not run"};
  }
  if (s.source.run == RunState::shutdown) return see_off(s);
  if (given_up(s.source.migration))
    return Decision{Action::take_back, "the source reports that the snapshot failed"};
  if (s.source.migration == completed) {
    const bool read = s.destination.dead || s.destination.migration == completed ||
                      given_up(s.destination.migration);
    if (read) return Decision{Action::take_back, "the snapshot is taken, and the source runs on"};
    if (s.quiet < s.patience) return Decision{Action::wait, ""};
    return Decision{Action::take_back, "the destination does not come to the end of it"};
  }
  // A silent source has the only image of the VM that is not the past.
  if (s.quiet >= s.patience && !s.source.answers && !s.destination.dead)
    return Decision{Action::fence_destination, "the source is silent; a snapshot must not run"};
  return std::nullopt;
}

}  // namespace migfuzz::protocols
