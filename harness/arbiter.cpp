#include "harness/arbiter.h"

#include "harness/core/error.h"

namespace migfuzz {

Arbiter::Arbiter(const Protocol& protocol, const std::vector<std::string>& journal)
    : protocol_(protocol) {
  for (const auto& word : journal) {
    const auto action = action_from(word);
    if (!action) throw InfraError("arbiter: its journal has the unknown word `" + word + "`");
    journal_ = record(journal_, *action);
  }
  // What a predecessor journalled it may never have sent. Who owns the VM, and who was told to run
  // or may run on (`cancelled`), stands; what is harmless to do again is forgotten.
  journal_.continued = journal_.asked_destination = journal_.loading = false;
  journal_.yanked_source = journal_.yanked_destination = false;
  journal_.paused_source = journal_.paused_destination = journal_.paused_again = false;
  journal_.started_postcopy = journal_.started_postcopy && journal_.handed_over;
}

Decision Arbiter::next(Situation situation) const {
  situation.journal = journal_;
  auto decision = protocol_.decide(situation);
  if (decision.action == last_ && situation.since_action < situation.patience)
    return {Action::wait, "given a moment to show its effect"};
  return decision;
}

void Arbiter::note(Action action) {
  journal_ = record(journal_, action);
  last_ = action;
}

}  // namespace migfuzz
