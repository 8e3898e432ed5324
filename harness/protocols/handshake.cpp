// The handshake protocol: the destination waits (-S) until the arbiter tells it to run.
//
// The arbiter hands the VM over only after the source has reported `completed` (with return-path:
// the destination has acknowledged the whole image) or is proved dead while the destination holds
// the whole image. It trusts the source to run again only after the destination is proved dead.
// Fencing precedes resuming, always; each step is journalled before it is taken.
// Source of the state machine: QEMU resumes the source by itself when a migration fails
// (migration.c, migration_iteration_finish), so `failed` means the source may already run.
#include <memory>

#include "harness/protocols/catalog.h"
#include "harness/protocols/rules.h"

namespace migfuzz {
namespace {

class Handshake final : public Protocol {
 public:
  std::string_view name() const override { return "handshake"; }
  std::string_view summary() const override {
    return "destination waits (-S) for the arbiter, which fences before it resumes anybody";
  }
  bool destination_starts_paused() const override { return true; }
  bool pause_before_switchover() const override { return true; }

  Decision decide(const Situation& s) const override {
    if (auto decision = protocols::in_postcopy(s, true)) return *decision;
    if (auto decision = protocols::through_file(s)) return *decision;
    if (auto decision = protocols::of_snapshot(s)) return *decision;
    if (s.journal.taken_back) return protocols::after_take_back(s);
    if (s.journal.handed_over) return after_hand_over(s);
    return while_source_owns(s);
  }

 private:
  static Decision while_source_owns(const Situation& s) {
    if (!s.begun) return protocols::before_migration(s);
    const bool leaves = s.source.run == RunState::shutdown;
    if (leaves && !s.source.dead) return protocols::see_off(s);
    // It runs again by then, or will: the destination's image is the past, even if the source dies
    // before the destination is fenced. Hence it is written down first.
    if (!leaves && protocols::given_up(s.source.migration))
      return {Action::take_back, "the source reports that the migration failed"};
    if (s.source.dead) {
      if (s.journal.cancelled)
        return {Action::take_back, "the source was told to give up: it may have run on and died"};
      if (!s.destination.dead && s.destination.migration == MigrationStatus::completed)
        return {Action::hand_over,
                "the source is proved dead, the destination has the whole image"};
      return protocols::salvage(s);
    }
    if (s.source.migration == MigrationStatus::completed)
      return {Action::hand_over, "the source reports completed"};
    return protocols::supervise(s);
  }

  static Decision after_hand_over(const Situation& s) {
    if (s.destination.dead) {
      if (s.source.dead) return {Action::done, "both hosts are dead: the VM is lost"};
      // Once it was told to run, the world may have seen it run: the source's image is the past.
      if (s.journal.ran_destination)
        return {Action::fence_source, "the destination died after it was told to run"};
      return {Action::take_back, "the destination is proved dead before it was told to run"};
    }
    if (s.destination.run == RunState::running) {
      if (s.source.dead) return {Action::done, "the destination runs"};
      if (s.source.answers) return {Action::discard_source, "the destination runs"};
      return {Action::fence_source, "the source does not answer"};
    }
    if (!s.journal.ran_destination) return before_it_runs(s);
    if (s.quiet < s.patience) return {Action::wait, ""};
    if (!s.destination.answers)
      return {Action::fence_destination, "the destination does not answer"};
    // An arbiter that died between journal and command left the command unsent; cont twice is one.
    return {Action::run_destination, "the destination was told to run and does not"};
  }

  // A destination that died or hangs since it acknowledged must not be told to run: from then on
  // the source's image would be the past. Only its answer to a question asked now tells.
  static Decision before_it_runs(const Situation& s) {
    if (s.destination_fresh) return {Action::run_destination, "it answers, and owns the VM"};
    if (!s.journal.asked_destination)
      return {Action::ask_destination, "the VM was handed over: is it still there?"};
    if (s.quiet < s.patience) return {Action::wait, ""};
    if (!s.destination.answers)
      return {Action::fence_destination, "the destination does not answer and was not told to run"};
    return {Action::ask_destination, "the question may have been lost with an earlier arbiter"};
  }
};

}  // namespace

std::unique_ptr<Protocol> make_handshake() { return std::make_unique<Handshake>(); }

}  // namespace migfuzz
