#include "harness/core/protocol.h"

#include <array>
#include <utility>

namespace migfuzz {
namespace {

constexpr std::array<std::pair<Action, std::string_view>, 20> kActions{{
    {Action::wait, "wait"},
    {Action::continue_switchover, "continue-switchover"},
    {Action::cancel, "cancel"},
    {Action::yank_source, "yank-source"},
    {Action::yank_destination, "yank-destination"},
    {Action::fence_source, "fence-source"},
    {Action::fence_destination, "fence-destination"},
    {Action::hand_over, "hand-over"},
    {Action::take_back, "take-back"},
    {Action::ask_destination, "ask-destination"},
    {Action::run_source, "run-source"},
    {Action::run_destination, "run-destination"},
    {Action::discard_source, "discard-source"},
    {Action::start_postcopy, "start-postcopy"},
    {Action::pause_source, "pause-source"},
    {Action::pause_destination, "pause-destination"},
    {Action::load_file, "load-file"},
    {Action::recover, "recover"},
    {Action::give_up, "give-up"},
    {Action::done, "done"},
}};

}  // namespace

std::string_view to_string(Action action) {
  for (const auto& [known, word] : kActions)
    if (known == action) return word;
  return "?";
}

std::optional<Action> action_from(std::string_view word) {
  for (const auto& [action, known] : kActions)
    if (known == word) return action;
  return std::nullopt;
}

Journal record(Journal journal, Action action) {
  if (action == Action::hand_over) journal.handed_over = true;
  if (action == Action::take_back) journal.taken_back = true;
  if (action == Action::cancel) journal.cancelled = true;
  if (action == Action::yank_source) journal.yanked_source = true;
  if (action == Action::yank_destination) journal.yanked_destination = true;
  if (action == Action::continue_switchover) journal.continued = true;
  if (action == Action::ask_destination) journal.asked_destination = true;
  if (action == Action::run_source) journal.ran_source = true;
  if (action == Action::run_destination) journal.ran_destination = true;
  if (action == Action::start_postcopy) journal.started_postcopy = true;
  if ((action == Action::pause_source && journal.yanked_source) ||
      (action == Action::pause_destination && journal.yanked_destination))
    journal.paused_again = true;
  if (action == Action::pause_source) journal.paused_source = true;
  if (action == Action::pause_destination) journal.paused_destination = true;
  if (action == Action::load_file) journal.loading = true;
  if (action == Action::recover) {
    journal.paused_source = journal.paused_destination = false;
    journal.yanked_source = journal.yanked_destination = journal.paused_again = false;
  }
  return journal;
}

}  // namespace migfuzz
