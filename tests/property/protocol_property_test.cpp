// What no protocol may ever decide, over random situations, reachable or not.
//
// Each rule is a statement about one decision. What follows from many of them, over every state
// that can be reached, is in tests/unit/handshake_model_test.cpp.
// Run alone: property_protocols "[protocol]".
#include <rapidcheck/catch.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "harness/protocols/catalog.h"
#include "tests/fakes/situations.h"

namespace migfuzz {
namespace {

// The states in which decisions are made come often, every other one sometimes.
rc::Gen<Sight> arbitrary_sight() {
  return rc::gen::exec([] {
    using M = MigrationStatus;
    using R = RunState;
    if (*rc::gen::inRange(0, 4) == 0) return fakes::dead_host();
    const auto any = *rc::gen::inRange(0, 17);
    return fakes::host(
        *rc::gen::element(R::running, R::paused, R::postmigrate, R::inmigrate, static_cast<R>(any)),
        *rc::gen::element(M::active, M::completed, M::failed, M::cancelled, static_cast<M>(any)),
        *rc::gen::arbitrary<bool>());
  });
}

rc::Gen<Situation> arbitrary_situation() {
  return rc::gen::exec([] {
    Situation s;
    s.source = *arbitrary_sight();
    s.destination = *arbitrary_sight();
    s.patience = Milliseconds(300);
    s.quiet = Milliseconds(*rc::gen::element(0, 100, 300, 1000));
    const auto flag = [] { return *rc::gen::arbitrary<bool>(); };
    s.journal = {flag(), flag(), flag(), flag(), flag(), flag(), flag(), flag(), flag()};
    s.destination_fresh = flag();
    return s;
  });
}

TEST_CASE("Handshake: nobody is told to run against the rules", "[protocol][property]") {
  const auto protocol = make_handshake();
  rc::prop("the rules of running", [&] {
    const auto s = *arbitrary_situation();
    const auto action = protocol->decide(s).action;
    if (action == Action::run_destination) {
      RC_ASSERT(s.journal.handed_over);
      RC_ASSERT(!s.journal.taken_back);
      // Again only when the command was journalled and nothing came of it.
      RC_ASSERT(!s.journal.ran_destination || (s.quiet >= s.patience && s.destination.answers));
      RC_ASSERT(!s.destination.dead);
    }
    if (action == Action::take_back) {
      const bool gave_up = s.source.migration == MigrationStatus::failed ||
                           s.source.migration == MigrationStatus::cancelled;
      const bool told_to = s.source.dead && s.journal.cancelled;
      const bool may = s.journal.handed_over ? s.destination.dead : gave_up || told_to;
      RC_ASSERT(may);
      RC_ASSERT(!s.journal.handed_over || !s.journal.ran_destination);
    }
    if (action == Action::run_source) {
      RC_ASSERT(s.journal.taken_back);
      RC_ASSERT(s.destination.dead);
      RC_ASSERT(!s.source.dead);
    }
    if (action == Action::hand_over) {
      RC_ASSERT(!s.journal.taken_back);
      const bool completed = s.source.migration == MigrationStatus::completed;
      const bool inherits = s.source.dead && !s.destination.dead &&
                            s.destination.migration == MigrationStatus::completed;
      RC_ASSERT(completed || inherits);
    }
  });
}

TEST_CASE("Every protocol: the dead are left in peace and force comes after patience",
          "[protocol][property]") {
  for (const auto& protocol : all_protocols())
    rc::prop(std::string(protocol->name()), [&] {
      const auto s = *arbitrary_situation();
      const auto [action, why] = protocol->decide(s);
      const auto touches = [&](std::initializer_list<Action> all) {
        return std::find(all.begin(), all.end(), action) != all.end();
      };
      if (touches({Action::fence_source, Action::discard_source, Action::yank_source,
                   Action::run_source, Action::continue_switchover, Action::cancel}))
        RC_ASSERT(!s.source.dead);
      if (touches({Action::fence_destination, Action::yank_destination,
                   Action::run_destination}))
        RC_ASSERT(!s.destination.dead);
      if (touches({Action::yank_source, Action::yank_destination}))
        RC_ASSERT(s.quiet >= s.patience);
      if (action != Action::wait) RC_ASSERT(!why.empty());
      const auto again = protocol->decide(s);
      RC_ASSERT(again.action == action);
    });
}

TEST_CASE("Done means that at most one host is left to run", "[protocol][property]") {
  const auto protocol = make_handshake();
  rc::prop("handshake", [&] {
    const auto s = *arbitrary_situation();
    if (protocol->decide(s).action != Action::done) return;
    RC_ASSERT(s.source.dead || s.destination.dead || s.journal.taken_back);
  });
}

}  // namespace
}  // namespace migfuzz
