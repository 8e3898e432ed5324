#include "harness/core/protocol.h"

namespace migfuzz {

std::string_view to_string(Action action) {
  switch (action) {
    case Action::wait:
      return "wait";
    case Action::continue_switchover:
      return "continue-switchover";
    case Action::cancel:
      return "cancel";
    case Action::yank_source:
      return "yank-source";
    case Action::yank_destination:
      return "yank-destination";
    case Action::fence_source:
      return "fence-source";
    case Action::fence_destination:
      return "fence-destination";
    case Action::hand_over:
      return "hand-over";
    case Action::take_back:
      return "take-back";
    case Action::run_source:
      return "run-source";
    case Action::run_destination:
      return "run-destination";
    case Action::discard_source:
      return "discard-source";
    case Action::done:
      return "done";
  }
  return "?";
}

Journal record(Journal journal, Action action) {
  if (action == Action::hand_over) journal.handed_over = true;
  if (action == Action::take_back) journal.taken_back = true;
  if (action == Action::cancel) journal.cancelled = true;
  if (action == Action::yank_source) journal.yanked_source = true;
  if (action == Action::yank_destination) journal.yanked_destination = true;
  if (action == Action::continue_switchover) journal.continued = true;
  if (action == Action::run_source) journal.ran_source = true;
  if (action == Action::run_destination) journal.ran_destination = true;
  return journal;
}

}  // namespace migfuzz
