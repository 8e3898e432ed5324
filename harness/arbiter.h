// The arbiter: the running manager. It looks, decides by its protocol, and journals before it acts.
//
// One piece of code for real migrations and for the exhaustive model of the protocol: the director
// carries out what it says on real QEMUs, the model check on every reachable state. It owns no
// clock and no effects; what it has decided is a list of words that can be read back, because an
// arbiter that crashed knows nothing else when it starts again.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/protocol.h"

namespace migfuzz {

class Arbiter {
 public:
  /// `journal`: what an arbiter before this one had persisted, oldest first; empty at first.
  /// Throws InfraError on a word that no arbiter writes.
  Arbiter(const Protocol& protocol, const std::vector<std::string>& journal);

  /// What is to be done now; `wait` when nothing is. A repeated action waits until the patience
  /// has passed since it was last taken, so that it can show its effect.
  Decision next(Situation situation) const;
  /// Takes note that the action has been persisted: from here on it counts as taken.
  void note(Action action);
  const Journal& journal() const { return journal_; }

 private:
  const Protocol& protocol_;
  Journal journal_;
  std::optional<Action> last_;  // since this arbiter started
};

}  // namespace migfuzz
