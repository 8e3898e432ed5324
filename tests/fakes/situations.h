// Situations for the protocols' tests: hosts in the states in which QEMU can be, in short words.
#pragma once

#include "harness/core/protocol.h"

namespace migfuzz::fakes {

inline Sight host(RunState run, MigrationStatus migration, bool answers = true) {
  Sight sight;
  sight.run = run;
  sight.migration = migration;
  sight.answers = answers;
  return sight;
}

inline Sight dead_host() {
  Sight sight;
  sight.dead = true;
  sight.answers = false;
  sight.ending = Ending{0, 9};
  return sight;
}

/// Both hosts alive in the middle of a migration, nothing decided yet.
inline Situation migrating(Milliseconds quiet = Milliseconds(0)) {
  Situation s;
  s.source = host(RunState::running, MigrationStatus::active);
  s.destination = host(RunState::inmigrate, MigrationStatus::active);
  s.quiet = quiet;
  s.patience = Milliseconds(300);
  return s;
}

}  // namespace migfuzz::fakes
