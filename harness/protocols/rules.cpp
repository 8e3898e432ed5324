#include "harness/protocols/rules.h"

#include <string>

namespace migfuzz {

namespace protocols {

bool given_up(MigrationStatus status) {
  return status == MigrationStatus::failed || status == MigrationStatus::cancelled;
}

namespace {

// Closes the channel under a destination that still waits: its load completes with what has
// arrived, or fails. Only one that says itself that it reads nothing can be fenced meanwhile.
Decision end_load(const Situation& s) {
  if (s.journal.yanked_destination && s.destination.migration != MigrationStatus::active)
    return {Action::fence_destination, "the destination has no image and reads none"};
  return {Action::yank_destination, "the destination still waits for a source that is gone"};
}

// The source is silent, for good or for a while, and holds the VM unless the destination has all of
// it. Neither is fenced before it is known which. The source is not told to give up: it could run
// on unheard, and the destination could not take over any more.
Decision without_source(const Situation& s) {
  if (s.destination.answers && s.destination.migration == MigrationStatus::completed)
    return {Action::fence_source, "the source is silent, the destination has the whole image"};
  if (s.journal.yanked_destination && !s.destination.answers)
    return {Action::fence_destination, "both hosts are silent: the destination is not the owner"};
  return end_load(s);
}

}  // namespace

Decision before_migration(const Situation& s) {
  if (s.source.dead) return salvage(s);
  if (s.source.run == RunState::shutdown) return see_off(s);
  if (s.destination.dead)
    return {Action::take_back, "the destination is dead before the migration began"};
  if (s.mirror.state == MirrorSight::State::failed)
    return {Action::take_back, "the mirror of the disk failed: " + s.mirror.why};
  if (s.quiet < s.patience) return {Action::wait, ""};
  return {Action::take_back, "the mirror has not moved for the arbiter's patience"};
}

namespace {

// The mirror has not ended, and will not, or nobody is left who could use what it brought.
std::string disk_is_missing(const Situation& s) {
  using State = MirrorSight::State;
  if (s.mirror.state == State::none) return "";
  if (s.destination.dead) return "the destination is dead";
  if (s.mirror.state == State::ended) return "";
  if (s.mirror.state == State::failed) return "the mirror of the disk failed: " + s.mirror.why;
  return s.quiet >= s.patience ? "the mirror does not end" : "";
}

}  // namespace

Decision supervise(const Situation& s) {
  const Journal& j = s.journal;
  if (!s.refused.empty()) return {Action::take_back, s.refused};
  const bool waits = s.source.migration == MigrationStatus::pre_switchover && !j.continued;
  const auto no_disk = j.continued ? "" : disk_is_missing(s);
  const bool given_up = j.cancelled && s.mirror.state != MirrorSight::State::none;
  if (waits && no_disk.empty() && !given_up)
    return {Action::continue_switchover, "the source stopped and waits before the switch-over"};
  if (waits && !no_disk.empty() && !j.cancelled) return {Action::cancel, no_disk};
  if (s.mirror.state == MirrorSight::State::failed && !j.cancelled && !j.continued)
    return {Action::cancel, no_disk};
  if (s.destination.dead && !j.cancelled) return {Action::cancel, "the destination is dead"};
  if (s.switch_due && !j.started_postcopy && s.source.migration == MigrationStatus::active)
    return {Action::start_postcopy, "the pre-copy rounds are over"};
  if (s.quiet < s.patience) return {Action::wait, ""};
  if (!s.destination.dead && !s.source.answers) return without_source(s);
  if (!j.cancelled) return {Action::cancel, "nothing has moved for the arbiter's patience"};
  if (!j.yanked_source) return {Action::yank_source, "cancel had no effect in time"};
  // A source that answers holds the VM and is never fenced; one that is blocked on the channel is
  // freed by the other end.
  if (!s.destination.dead)
    return {Action::fence_destination, "cancel and yank had no effect in time"};
  if (s.source.answers)
    return {Action::cancel, "the source answers and goes on: the cancel may have been lost"};
  return {Action::fence_source, "the source is silent and nobody else has the image"};
}

Decision salvage(const Situation& s) {
  if (s.destination.dead) return {Action::done, "both hosts are dead: the VM is lost"};
  if (s.quiet < s.patience) return {Action::wait, ""};
  if (s.journal.yanked_destination && !s.destination.answers)
    return {Action::fence_destination, "the source is dead and the destination does not answer"};
  return end_load(s);
}

Decision see_off(const Situation& s) {
  if (s.quiet < s.patience) return {Action::wait, ""};
  return {Action::fence_source, "the source said that it leaves, and does not end"};
}

Decision after_take_back(const Situation& s) {
  if (!s.destination.dead)
    return {Action::fence_destination, "the VM is the source's: the destination must not run"};
  if (s.source.dead) return {Action::done, "both hosts are dead: the VM is lost"};
  if (s.source.run == RunState::running) return {Action::done, "the source runs"};
  // io-error: it could not activate or flush its images when it resumed; they may work again.
  const bool stands = s.source.run == RunState::paused ||
                      s.source.run == RunState::postmigrate ||
                      s.source.run == RunState::io_error;
  if (stands && !s.journal.ran_source)
    return {Action::run_source, "it stands still and the destination is proved dead"};
  if (s.quiet < s.patience) return {Action::wait, ""};
  if (!s.source.answers) return {Action::fence_source, "the source does not answer"};
  return {Action::run_source, "the source answers and does not run"};
}

}  // namespace protocols
}  // namespace migfuzz
