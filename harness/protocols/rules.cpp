#include "harness/protocols/rules.h"

namespace migfuzz {

namespace protocols {

bool given_up(MigrationStatus status) {
  return status == MigrationStatus::failed || status == MigrationStatus::cancelled;
}

Decision supervise(const Situation& s) {
  const Journal& j = s.journal;
  if (s.source.migration == MigrationStatus::pre_switchover && !j.continued)
    return {Action::continue_switchover, "the source stopped and waits before the switch-over"};
  if (s.destination.dead && !j.cancelled) return {Action::cancel, "the destination is dead"};
  if (s.quiet < s.patience) return {Action::wait, ""};
  if (!j.cancelled) return {Action::cancel, "nothing has moved for the arbiter's patience"};
  if (!j.yanked_source) return {Action::yank_source, "cancel had no effect in time"};
  // Whoever does not answer is taken for hung. The destination goes first: before a hand-over it is
  // never the owner, and a source that is only blocked on the channel is freed by its end. A silent
  // source whose destination answers is fenced, because the destination may hold the whole image.
  if (!s.destination.dead && (!s.destination.answers || s.source.answers))
    return {Action::fence_destination, "cancel and yank had no effect in time"};
  return {Action::fence_source, "the source answers neither monitor"};
}

Decision salvage(const Situation& s) {
  if (s.destination.dead) return {Action::done, "both hosts are dead: the VM is lost"};
  // The destination may still be reading what was in flight; a dead peer's silence never ends by
  // itself, so the arbiter closes the channel. The load then completes or fails.
  if (!s.journal.yanked_destination) {
    if (s.quiet < s.patience) return {Action::wait, ""};
    return {Action::yank_destination, "the source is dead and the destination still waits for it"};
  }
  if (s.quiet < s.patience) return {Action::wait, ""};
  return {Action::fence_destination, "the destination has no complete image and does not end"};
}

}  // namespace protocols
}  // namespace migfuzz
