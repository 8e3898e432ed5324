// Every state that a protocol can lead the model of a migration into, with the real Arbiter.
//
// The arbiter is migfuzz::Arbiter itself: it is built from journals as a successor would read them,
// asked for its next action at every moment, patient or not, and told to note what was journalled.
// The journal is written before the action; between the two the world moves on, and the arbiter may
// die. Time is not modelled: a host that is not silent is heard before anybody's patience ends, and
// everything else may take any time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/model/migration.h"

namespace migfuzz::model {

struct Rules {
  bool autostart = false;     // the destination was started without -S
  bool journal_first = true;  // false: acts, then writes: a defect
  bool arbiter_dies = true;
  unsigned most_failures = 1000;  // in one story; more than any story needs: no bound
  /// Stop as soon as this promise is broken; empty: go through all states.
  std::string until = {};
};

/// What is counted, and the fewest failures that lead there.
struct Count {
  std::size_t states = 0;
  unsigned failures = 0;
};

struct Explored {
  std::size_t states = 0, moves = 0;
  /// Broken promises by name, each with the shortest story that was found.
  std::map<std::string, std::string> broken;
  Count ends, losses;  // `done`, and `done` with nobody left to run the VM
  /// The destination runs although the source had resumed, died, and was never heard of it.
  Count unheard_rollbacks;
  std::string unheard_story;
};

Explored explore(const Protocol& protocol, const Rules& rules = {});

}  // namespace migfuzz::model
