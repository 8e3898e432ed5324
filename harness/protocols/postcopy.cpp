// What every manager does in post-copy: from the source's switch-over until the destination has all
// pages.
//
// Before the destination is told to run, the source's image is the current one, and a migration
// that fails is given up like any other. From then on each host has a part of the VM that the other
// one lacks: nobody is fenced while both may still go on. A channel that is lost, or moves nothing,
// is given up on both sides (migrate-pause, out of band, because a destination whose vCPU waits for
// a page may not answer in band), and replaced: migrate-recover on the destination, `migrate` with
// resume on the source. A host that is dead, or answers nothing and does not pause, takes the VM
// along: post-copy is known for that (Hines et al., VEE'09; QEMU's docs/devel/migration/postcopy).
// One that answers and neither pauses nor moves is given up on, and left as it stands.
#include "harness/protocols/rules.h"

namespace migfuzz::protocols {
namespace {

using enum MigrationStatus;

bool is_paused(const Sight& host) { return host.migration == postcopy_paused; }

bool has_switched(const Sight& host) {
  switch (host.migration) {
    case postcopy_active:
    case postcopy_paused:
    case postcopy_recover:
    case postcopy_recover_setup:
    case postcopy_device:
      return true;
    default:
      return false;
  }
}

// It waits for `cont` behind the package, or runs already.
bool was_told_to_run(const Sight& destination) {
  return destination.run == RunState::paused || destination.run == RunState::running;
}

// The source has stopped and sends the package, and nobody was given the VM yet.
Decision while_it_switches(const Situation& s) {
  const bool arrived = has_switched(s.destination) || s.destination.migration == completed;
  if (arrived && was_told_to_run(s.destination))
    return {Action::hand_over, "the destination has the package and was told to run"};
  if (s.quiet < s.patience && !s.destination.dead) return {Action::wait, ""};
  // The source has all of the VM. Whether it gives the migration up is its own to say.
  if (!s.destination.dead && !s.journal.yanked_destination)
    return {Action::yank_destination, "the package does not arrive"};
  if (!s.destination.dead)
    return {Action::fence_destination, "it must not run when the source goes on"};
  if (!s.journal.cancelled) return {Action::cancel, "the destination died without the VM"};
  if (s.quiet < s.patience) return {Action::wait, ""};
  if (!s.journal.yanked_source) return {Action::yank_source, "the source does not give up"};
  return {Action::fence_source, "the source neither runs nor gives up, and nobody else has the VM"};
}

// Both have a part, and a channel between them no more.
Decision without_channel(const Situation& s) {
  const bool both_paused = is_paused(s.source) && is_paused(s.destination);
  const bool calm = s.quiet > s.patience / 4;  // from here on both are asked whether they live
  if (both_paused && !calm) return {Action::recover, "both hosts are paused: a new channel"};
  if (s.quiet < s.patience) return {Action::wait, ""};
  if (both_paused && s.source.answers && s.destination.answers)
    return {Action::recover, "both hosts are paused still: another channel"};
  if (!is_paused(s.source) && !s.journal.paused_source)
    return {Action::pause_source, "nothing has moved for the arbiter's patience"};
  if (!is_paused(s.destination) && !s.journal.paused_destination)
    return {Action::pause_destination, "nothing has moved for the arbiter's patience"};
  if (!s.source.answers)
    return {Action::fence_source, "the source is silent and holds the pages that are missing"};
  if (!s.destination.answers)
    return {Action::fence_destination, "the destination is silent and does not pause"};
  // QEMU before 10.0 refuses migrate-pause while it recovers; its socket can be shut all the same.
  if (!is_paused(s.source) && !s.journal.yanked_source)
    return {Action::yank_source, "it does not pause: its channel is shut"};
  if (!is_paused(s.destination) && !s.journal.yanked_destination)
    return {Action::yank_destination, "it does not pause: its channel is shut"};
  if (s.journal.paused_again)
    return {Action::give_up, "it answers, does not pause and moves nothing, its channel is shut"};
  return is_paused(s.source)
             ? Decision{Action::pause_destination, "it answers and goes on without a channel"}
             : Decision{Action::pause_source, "it answers and goes on without a channel"};
}

Decision at_the_end(const Situation& s) {
  if (s.destination.run != RunState::running) {
    if (s.quiet < s.patience) return {Action::wait, ""};
    if (!s.destination.answers)
      return {Action::fence_destination, "the destination does not answer"};
    return {Action::run_destination, "the destination has the VM and does not run"};
  }
  if (s.source.dead) return {Action::done, "the destination runs and has every page"};
  // It is about to say so itself, and QEMU 10.0 may crash when it is told to quit before it has.
  const bool over = s.source.migration == completed || is_paused(s.source);
  if (!over && s.quiet < s.patience) return {Action::wait, ""};
  if (s.source.answers) return {Action::discard_source, "the destination has every page"};
  return {Action::fence_source, "the source does not answer"};
}

Decision while_both_have_it(const Situation& s, bool starts_paused) {
  if (s.destination.dead) {
    if (s.source.dead) return {Action::done, "both hosts are dead: the VM is lost"};
    return {Action::fence_source, "the destination died: it had what changed since the switch"};
  }
  if (!s.source.dead && given_up(s.source.migration))
    return {Action::fence_source, "it gave up behind the hand-over: it must not run"};
  const bool told = s.journal.ran_destination || !starts_paused;
  if (!told && s.destination.run == RunState::paused) {
    if (s.destination_fresh) return {Action::run_destination, "it answers, and owns the VM"};
    if (!s.journal.asked_destination)
      return {Action::ask_destination, "the VM was handed over: is it still there?"};
  }
  if (s.destination.migration == completed) return at_the_end(s);
  if (s.source.dead) {
    if (s.quiet < s.patience) return {Action::wait, ""};
    return {Action::fence_destination, "the source died: its pages are missing here"};
  }
  return without_channel(s);
}

}  // namespace

std::optional<Decision> in_postcopy(const Situation& s, bool starts_paused) {
  if (!s.postcopy || s.journal.taken_back) return std::nullopt;
  if (s.journal.handed_over && s.journal.started_postcopy)
    return while_both_have_it(s, starts_paused);
  if (s.source.dead) {
    const bool arrived = has_switched(s.destination) && was_told_to_run(s.destination);
    if (s.destination.dead || !arrived) return std::nullopt;
    return Decision{Action::hand_over, "the source died, and the package has arrived"};
  }
  if (has_switched(s.source)) return while_it_switches(s);
  // A source in post-copy may accept a cancel and never carry it out.
  const bool given_up_on = s.journal.started_postcopy && s.journal.cancelled &&
                           s.journal.yanked_source && s.destination.dead;
  if (given_up_on && s.source.migration == cancelling && s.quiet >= s.patience)
    return Decision{Action::fence_source, "it neither runs nor gives up, and nobody has the VM"};
  return std::nullopt;
}

}  // namespace migfuzz::protocols
