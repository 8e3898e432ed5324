// The protocols as what they are: pure functions from a situation to one decision.
//
// Each test is a moment in the life of a migration and what the arbiter must do then; the rule
// that holds over all moments is in tests/property/protocol_property_test.cpp. Run alone:
// unit_protocols "[protocol]".
#include <catch2/catch.hpp>
#include <set>

#include "harness/arbiter.h"
#include "harness/core/error.h"
#include "harness/protocols/catalog.h"
#include "tests/fakes/situations.h"

namespace migfuzz {
namespace {

using fakes::dead_host;
using fakes::host;
using fakes::migrating;
using M = MigrationStatus;
using R = RunState;
constexpr Milliseconds kLong{1000};

Action handshake(const Situation& s) { return make_handshake()->decide(s).action; }
Action autostart(const Situation& s) { return make_autostart()->decide(s).action; }

Situation after(Situation s, std::initializer_list<Action> actions) {
  for (const auto action : actions) s.journal = record(s.journal, action);
  return s;
}

TEST_CASE("While bytes move the arbiter waits", "[protocol]") {
  CHECK(handshake(migrating()) == Action::wait);
  CHECK(autostart(migrating()) == Action::wait);
}

TEST_CASE("A source at pre-switchover is told to go on, once", "[protocol]") {
  auto s = migrating();
  s.source = host(R::finish_migrate, M::pre_switchover);
  CHECK(handshake(s) == Action::continue_switchover);
  CHECK(handshake(after(s, {Action::continue_switchover})) == Action::wait);
}

TEST_CASE("Completed means hand over, then run, then discard, then done", "[protocol]") {
  auto s = migrating();
  s.source = host(R::postmigrate, M::completed);
  s.destination = host(R::paused, M::completed);
  CHECK(handshake(s) == Action::hand_over);
  s = after(s, {Action::hand_over});
  CHECK(handshake(s) == Action::ask_destination);
  s = after(s, {Action::ask_destination});
  CHECK(handshake(s) == Action::wait);
  s.destination_fresh = true;
  CHECK(handshake(s) == Action::run_destination);
  s = after(s, {Action::run_destination});
  CHECK(handshake(s) == Action::wait);
  s.destination.run = R::running;
  CHECK(handshake(s) == Action::discard_source);
  s.source = dead_host();
  CHECK(handshake(s) == Action::done);
}

TEST_CASE("A destination that dies or falls silent before it was told to run is not the owner",
          "[protocol]") {
  auto s = migrating();
  s.source = host(R::postmigrate, M::completed);
  s.destination = host(R::paused, M::completed, false);
  s = after(s, {Action::hand_over, Action::ask_destination});
  s.quiet = Milliseconds(301);
  CHECK(handshake(s) == Action::fence_destination);
  s.destination = dead_host();
  CHECK(handshake(s) == Action::take_back);
  s.destination = host(R::paused, M::completed);
  CHECK(handshake(s) == Action::ask_destination);
}

TEST_CASE("A destination that has loaded waits until the source has said so", "[protocol]") {
  auto s = migrating();
  s.source = host(R::finish_migrate, M::device);
  s.destination = host(R::paused, M::completed);
  CHECK(handshake(s) == Action::wait);
  // A silent source could take a cancel and run on unheard: it is fenced, not told.
  s.source.answers = false;
  s.quiet = kLong;
  CHECK(handshake(s) == Action::fence_source);
}

TEST_CASE("A failed migration fences the destination before the source counts as running",
          "[protocol]") {
  for (const auto status : {M::failed, M::cancelled}) {
    auto s = migrating();
    s.source = host(R::running, status);
    CHECK(autostart(s) == Action::fence_destination);
    CHECK(handshake(s) == Action::take_back);
    s = after(s, {Action::take_back});
    CHECK(handshake(s) == Action::fence_destination);
    s.destination = dead_host();
    CHECK(handshake(s) == Action::done);
    CHECK(autostart(s) == Action::done);
  }
}

TEST_CASE("A source that stands still after a failure runs only when the destination is dead",
          "[protocol]") {
  auto s = migrating();
  s.source = host(R::paused, M::failed);
  CHECK(handshake(s) == Action::take_back);
  s = after(s, {Action::take_back});
  CHECK(handshake(s) == Action::fence_destination);
  s.destination = dead_host();
  CHECK(handshake(s) == Action::run_source);
  s = after(s, {Action::run_source});
  CHECK(handshake(s) == Action::wait);
  s.source.run = R::running;
  CHECK(handshake(s) == Action::done);
}

TEST_CASE("Without progress the mildest means comes first", "[protocol]") {
  auto s = migrating(kLong);
  CHECK(handshake(s) == Action::cancel);
  s = after(s, {Action::cancel});
  CHECK(handshake(s) == Action::yank_source);
  s = after(s, {Action::yank_source});
  CHECK(handshake(s) == Action::fence_destination);
  s.destination = dead_host();
  CHECK(handshake(s) == Action::cancel);
  s.source.answers = false;
  CHECK(handshake(s) == Action::fence_source);
}

TEST_CASE("Of two silent hosts the destination goes first", "[protocol]") {
  auto s = migrating(kLong);
  s.source.answers = s.destination.answers = false;
  CHECK(handshake(s) == Action::yank_destination);
  CHECK(handshake(after(s, {Action::yank_destination})) == Action::fence_destination);
}

TEST_CASE("A silent source is fenced when it is known who has the image", "[protocol]") {
  auto s = migrating(kLong);
  s.source.answers = false;
  CHECK(handshake(s) == Action::yank_destination);
  s = after(s, {Action::yank_destination});
  CHECK(handshake(s) == Action::yank_destination);
  auto loaded = s;
  loaded.destination = host(R::paused, M::completed);
  CHECK(handshake(loaded) == Action::fence_source);
  s.destination = dead_host();
  s = after(s, {Action::cancel, Action::yank_source});
  CHECK(handshake(s) == Action::fence_source);
}

TEST_CASE("A source that was told to give up, or said so, and died is not inherited from",
          "[protocol]") {
  auto s = migrating();
  s.source = dead_host();
  s.destination = host(R::paused, M::completed);
  CHECK(handshake(s) == Action::hand_over);
  CHECK(handshake(after(s, {Action::cancel})) == Action::take_back);
  s.source.migration = M::failed;
  CHECK(handshake(s) == Action::take_back);
}

TEST_CASE("A new arbiter keeps who may run and forgets what was only tried", "[protocol]") {
  const auto protocol = make_handshake();
  const Arbiter arbiter(*protocol, {"continue-switchover", "yank-source", "cancel", "hand-over",
                                    "ask-destination", "run-destination"});
  Journal kept;
  kept.handed_over = kept.ran_destination = kept.cancelled = true;
  CHECK(arbiter.journal() == kept);
}

TEST_CASE("A dead destination cancels the migration at once", "[protocol]") {
  auto s = migrating();
  s.destination = dead_host();
  CHECK(handshake(s) == Action::cancel);
  CHECK(autostart(s) == Action::cancel);
  CHECK(handshake(after(s, {Action::cancel})) == Action::wait);
}

TEST_CASE("A dead source hands over only to a destination that has the whole image", "[protocol]") {
  auto s = migrating();
  s.source = dead_host();
  CHECK(handshake(s) == Action::wait);
  s.quiet = kLong;
  CHECK(handshake(s) == Action::yank_destination);
  s = after(s, {Action::yank_destination});
  CHECK(handshake(s) == Action::yank_destination);
  auto silent = s;
  silent.destination.answers = false;
  CHECK(handshake(silent) == Action::fence_destination);
  s.destination = host(R::paused, M::completed);
  CHECK(handshake(s) == Action::hand_over);
}

TEST_CASE("A destination that dies before it was told to run gives the VM back", "[protocol]") {
  auto s = migrating();
  s.source = host(R::postmigrate, M::completed);
  s.destination = dead_host();
  s = after(s, {Action::hand_over});
  CHECK(handshake(s) == Action::take_back);
  CHECK(handshake(after(s, {Action::run_destination})) == Action::fence_source);
}

TEST_CASE("Two dead hosts end the case", "[protocol]") {
  auto s = migrating();
  s.source = s.destination = dead_host();
  for (const auto& journal : {Journal{}, record({}, Action::hand_over),
                              record(record({}, Action::hand_over), Action::take_back)}) {
    s.journal = journal;
    CHECK(handshake(s) == Action::done);
    CHECK(autostart(s) == Action::done);
  }
}

TEST_CASE("Autostart never tells anybody to run", "[protocol]") {
  auto s = migrating();
  s.source = host(R::postmigrate, M::completed);
  CHECK(autostart(s) == Action::wait);
  s.destination = host(R::running, M::completed);
  CHECK(autostart(s) == Action::discard_source);
  s.source = dead_host();
  CHECK(autostart(s) == Action::done);
  s.source = host(R::postmigrate, M::completed);
  s.destination = dead_host();
  CHECK(autostart(s) == Action::fence_source);
}

Situation paused_on_both_sides() {
  auto s = migrating();
  s.postcopy = true;
  s.source = host(R::finish_migrate, M::postcopy_paused);
  s.destination = host(R::running, M::postcopy_paused);
  return after(s, {Action::start_postcopy, Action::hand_over, Action::run_destination});
}

TEST_CASE("A post-copy that is paused on both sides gets a new channel at once", "[protocol]") {
  CHECK(handshake(paused_on_both_sides()) == Action::recover);
}

TEST_CASE("Who stands paused and does not answer is found out and fenced", "[protocol]") {
  auto s = paused_on_both_sides();
  s.quiet = s.patience / 2;
  CHECK(handshake(s) == Action::wait);
  s.quiet = s.patience;
  CHECK(handshake(s) == Action::recover);
  s.source.answers = false;
  CHECK(handshake(s) == Action::fence_source);
  s.source.answers = true;
  s.destination.answers = false;
  CHECK(handshake(s) == Action::fence_destination);
}

// A source that has saved everything, and a destination that was told nothing.
Situation saved() {
  auto s = migrating();
  s.through_file = true;
  s.source = host(RunState::postmigrate, MigrationStatus::completed);
  s.destination = host(RunState::inmigrate, MigrationStatus::none);
  return s;
}

TEST_CASE("A file is loaded when the source has completed, and handed over when it is loaded",
          "[protocol]") {
  for (const auto& protocol : all_protocols()) {
    auto s = saved();
    CHECK(protocol->decide(s).action == Action::load_file);
    s.source.migration = MigrationStatus::active;
    CHECK(protocol->decide(s).action == Action::wait);
    s = saved();
    s.journal.loading = true;
    CHECK(protocol->decide(s).action == Action::wait);
  }
  auto s = saved();
  s.journal.loading = true;
  s.destination = host(RunState::paused, MigrationStatus::completed);
  CHECK(make_handshake()->decide(s).action == Action::hand_over);
}

TEST_CASE("A file that cannot be loaded gives the VM back to a source that still has it",
          "[protocol]") {
  for (const auto& protocol : all_protocols()) {
    auto s = saved();
    s.journal.loading = true;
    s.destination = dead_host();
    CHECK(protocol->decide(s).action == Action::take_back);
    s.destination = host(RunState::inmigrate, MigrationStatus::failed);
    CHECK(protocol->decide(s).action == Action::take_back);
    s.source = dead_host();
    CHECK(protocol->decide(s).action == Action::fence_destination);
    s.destination = dead_host();
    CHECK(protocol->decide(s).action == Action::done);
  }
}

TEST_CASE("What a dead source has saved is tried, unless it may have run on since", "[protocol]") {
  for (const auto& protocol : all_protocols()) {
    auto s = saved();
    s.source = dead_host();
    CHECK(protocol->decide(s).action == Action::load_file);
    s.journal.cancelled = true;
    CHECK(protocol->decide(s).action != Action::load_file);
    s.journal.cancelled = false;
    s.source.migration = MigrationStatus::failed;
    CHECK(protocol->decide(s).action != Action::load_file);
  }
}

TEST_CASE("A destination that never ends to load is told again, or fenced", "[protocol]") {
  auto s = saved();
  s.journal.loading = true;
  s.quiet = kLong;
  CHECK(make_handshake()->decide(s).action == Action::load_file);
  s.destination.migration = MigrationStatus::active;
  CHECK(make_handshake()->decide(s).action == Action::fence_destination);
  s.destination.answers = false;
  CHECK(make_handshake()->decide(s).action == Action::fence_destination);
}

TEST_CASE("A snapshot's destination is never told to run", "[protocol]") {
  for (const auto& protocol : all_protocols())
    for (const bool source_dead : {false, true})
      for (const auto source : {MigrationStatus::active, MigrationStatus::completed,
                                MigrationStatus::failed})
        for (const auto quiet : {Milliseconds(0), kLong})
          for (const bool answers : {false, true}) {
            auto s = migrating(quiet);
            s.snapshot = true;
            s.source = source_dead ? dead_host() : host(RunState::running, source, answers);
            s.destination = host(RunState::paused, MigrationStatus::completed);
            const auto action = protocol->decide(s).action;
            CHECK(action != Action::hand_over);
            CHECK(action != Action::run_destination);
            CHECK(action != Action::discard_source);
          }
}

TEST_CASE("Who answers and does not pause has its channel shut, once for each recovery",
          "[protocol]") {
  auto s = paused_on_both_sides();
  s.source = host(R::finish_migrate, M::postcopy_recover);
  s.quiet = s.patience;
  CHECK(handshake(s) == Action::pause_source);
  s = after(s, {Action::pause_source});
  CHECK(handshake(s) == Action::yank_source);
  s = after(s, {Action::yank_source});
  CHECK(handshake(s) == Action::pause_source);
  CHECK(handshake(after(s, {Action::pause_source})) == Action::give_up);
  CHECK(handshake(after(s, {Action::recover, Action::pause_source})) == Action::yank_source);
}

TEST_CASE("Every decision that acts gives its reason", "[protocol]") {
  for (const auto& protocol : all_protocols())
    for (const bool dead : {false, true}) {
      auto s = migrating(kLong);
      if (dead) s.source = dead_host();
      const auto decision = protocol->decide(s);
      CHECK(decision.action != Action::wait);
      CHECK_FALSE(decision.why.empty());
    }
}

TEST_CASE("Protocols and actions have names of their own", "[protocol]") {
  std::set<std::string_view> names;
  for (const auto& protocol : all_protocols()) {
    CHECK_FALSE(protocol->summary().empty());
    names.insert(protocol->name());
  }
  CHECK(names.size() == all_protocols().size());
  std::set<std::string_view> actions;
  for (int i = 0; i <= static_cast<int>(Action::done); ++i)
    actions.insert(to_string(static_cast<Action>(i)));
  CHECK(actions.size() == static_cast<std::size_t>(Action::done) + 1);
  CHECK(actions.count("?") == 0);
}

TEST_CASE("The journal forgets nothing", "[protocol]") {
  Journal journal;
  for (int i = 0; i <= static_cast<int>(Action::done); ++i)
    if (const auto action = static_cast<Action>(i); action != Action::recover)
      journal = record(journal, action);
  CHECK(journal == Journal{true, true, true, true, true, true, true,  //
                           true, true, true, true, true, true, true});
  // A new channel has not been given up yet.
  journal = record(journal, Action::recover);
  CHECK_FALSE(journal.paused_source);
  CHECK_FALSE(journal.paused_destination);
  CHECK(record(Journal{}, Action::wait) == Journal{});
}

}  // namespace
}  // namespace migfuzz
