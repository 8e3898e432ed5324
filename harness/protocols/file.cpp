// What every manager does when the image goes through a file: who loads it, and when.
//
// The source saves and has completed when the last byte is written; no destination has a part in
// that, so `completed` says nothing about one, and the source keeps its image (postmigrate) until
// the VM is handed over. The destination is told to load the file then. It refuses a file that is
// not whole: QEMU_VM_EOF is the last thing of the image (savevm.c, qemu_loadvm_state). Hence a file
// whose source died before it said anything may be tried: it is whole, or it is refused.
#include "harness/protocols/rules.h"

namespace migfuzz::protocols {
namespace {

// It may have run on since: what it has saved is the past.
bool may_have_run_on(const Situation& s) {
  return s.journal.cancelled ||
         (s.source.run != RunState::shutdown && given_up(s.source.migration));
}

Decision while_it_loads(const Situation& s) {
  if (s.quiet < s.patience) return {Action::wait, ""};
  if (!s.destination.answers)
    return {Action::fence_destination, "it does not answer and has not loaded the file"};
  if (s.destination.migration == MigrationStatus::none)
    return {Action::load_file, "it answers, and was perhaps never told to load the file"};
  return {Action::fence_destination, "it does not come to the end of the file"};
}

}  // namespace

std::optional<Decision> through_file(const Situation& s) {
  if (!s.through_file || !s.begun || s.journal.taken_back || s.journal.handed_over)
    return std::nullopt;
  const bool saved = s.source.migration == MigrationStatus::completed;
  if (!saved && (!s.source.dead || may_have_run_on(s))) return std::nullopt;
  if (s.destination.migration == MigrationStatus::completed) return std::nullopt;
  if (s.destination.dead) {
    if (s.source.dead) return Decision{Action::done, "both hosts are dead: the VM is lost"};
    return Decision{Action::take_back, "the destination is dead and has not loaded the file"};
  }
  if (given_up(s.destination.migration)) {
    if (s.source.dead)
      return Decision{Action::fence_destination, "it could not load the file, and nobody can"};
    return Decision{Action::take_back, "the destination could not load the file"};
  }
  if (s.journal.loading) return while_it_loads(s);
  if (saved) return Decision{Action::load_file, "the source has completed: the file is whole"};
  return Decision{Action::load_file, "the source is dead: what it has saved may be whole"};
}

}  // namespace migfuzz::protocols
