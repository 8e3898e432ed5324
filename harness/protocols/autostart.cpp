// Autostart: bare QEMU as many scripts use it. The destination runs as soon as it has loaded.
//
// With return-path the destination acknowledges after it has started to run, so the acknowledgement
// means "already running", not "may I run". When it is lost the source takes the migration for
// failed and runs again: two owners, the hazard this protocol is known for. The script cleans up
// what is left: it fences the destination when the source runs, and ends a source that completed.
#include <memory>

#include "harness/protocols/catalog.h"
#include "harness/protocols/rules.h"

namespace migfuzz {
namespace {

class Autostart final : public Protocol {
 public:
  std::string_view name() const override { return "autostart"; }
  std::string_view summary() const override {
    return "destination runs by itself when it has loaded: a lost acknowledgement makes both run";
  }
  bool destination_starts_paused() const override { return false; }
  bool pause_before_switchover() const override { return false; }
  // QEMU's lock on a local image keeps the second owner from running; an export has no lock.
  std::string_view disk() const override { return "nbd"; }

  Decision decide(const Situation& s) const override {
    if (auto decision = protocols::in_postcopy(s, false)) return *decision;
    if (auto decision = protocols::through_file(s)) return *decision;
    if (auto decision = protocols::of_snapshot(s)) return *decision;
    if (s.journal.taken_back) return protocols::after_take_back(s);
    if (!s.begun) return protocols::before_migration(s);
    if (s.source.dead) {
      if (s.destination.dead) return protocols::salvage(s);
      if (s.destination.run == RunState::running) return {Action::done, "the destination runs"};
      const bool whole = s.destination.migration == MigrationStatus::completed;
      return whole ? start_again(s) : protocols::salvage(s);
    }
    if (s.source.migration == MigrationStatus::completed) return after_completion(s);
    if (s.source.run == RunState::shutdown) return protocols::see_off(s);
    if (protocols::given_up(s.source.migration)) return after_failure(s);
    return protocols::supervise(s);
  }

 private:
  static Decision after_completion(const Situation& s) {
    if (s.destination.dead) {
      // It ran before it acknowledged: the source's image is the past by now.
      return {Action::fence_source, "the destination died after it had run"};
    }
    if (s.destination.run == RunState::running) {
      if (s.source.answers) return {Action::discard_source, "the destination runs"};
      return {Action::fence_source, "the source does not answer"};
    }
    return start_again(s);
  }

  // It was told to run, and said afterwards that it still waits for its migration to come in.
  static bool never_ran(const Situation& s) {
    return s.journal.ran_destination && s.destination.run == RunState::inmigrate;
  }

  // The destination has the VM, but its disk failed it, or it was refused the image's lock when it
  // wanted to run: both may be over by now.
  static Decision start_again(const Situation& s) {
    if (s.quiet < s.patience) return {Action::wait, ""};
    if (!s.destination.answers)
      return {Action::fence_destination, "the destination does not answer"};
    if (never_ran(s) && !s.source.dead)
      return {Action::take_back, "it was told to run, and waits on: it never ran and never will"};
    return {Action::run_destination, "the destination has the VM and does not run"};
  }

  static Decision after_failure(const Situation& s) {
    const bool stands = s.source.run == RunState::paused ||
                        s.source.run == RunState::postmigrate ||
                        s.source.run == RunState::io_error;
    // An image lock that the destination holds keeps the source from running again.
    if (stands && s.quiet >= s.patience && s.destination.run == RunState::running)
      return {Action::discard_source, "it cannot run again, and the destination runs"};
    if (stands && s.quiet >= s.patience && s.destination.dead)
      return {Action::run_source, "it stands still and the destination is proved dead"};
    if (stands) return {Action::wait, ""};
    if (!s.destination.dead)
      return {Action::fence_destination, "the source reports that the migration failed"};
    if (s.source.run == RunState::running) return {Action::done, "the source runs on"};
    if (s.quiet >= s.patience && !s.source.answers)
      return {Action::fence_source, "the source does not answer"};
    return {Action::wait, ""};
  }
};

}  // namespace

std::unique_ptr<Protocol> make_autostart() { return std::make_unique<Autostart>(); }

}  // namespace migfuzz
