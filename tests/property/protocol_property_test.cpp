// What no protocol may ever decide, over random situations and over every reachable one.
//
// First decide() is asked about situations at random, reachable or not: each rule is a statement
// about one decision. Then a small model of both hosts and the arbiter is explored exhaustively:
// all interleavings of progress, loss of the acknowledgement, and the death or silence of either
// host and of the arbiter. In no reachable state do both hosts run the guest under handshake.
// Run alone: property_protocols "[protocol]".
#include <rapidcheck/catch.h>

#include <array>
#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <set>

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
    if (action == Action::take_back) RC_ASSERT(s.destination.dead);
    if (action == Action::run_source) {
      RC_ASSERT(s.journal.taken_back);
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

// --- every reachable state -----------------------------------------------------------------------

// One state of the world and of what the arbiter has written. Small on purpose: each field is a
// fact that a decision depends on.
struct State {
  enum class Source { precopy, waiting, completed, failed } source = Source::precopy;
  bool source_dead = false, source_runs = true, source_silent = false, source_cut = false;
  bool destination_dead = false, destination_runs = false, destination_silent = false;
  bool destination_cut = false, loaded = false, load_failed = false, acknowledged = false;
  // Commands that a host has in its socket and takes when it does not stand still.
  bool source_told = false, source_yanked = false, destination_told = false;
  bool destination_yanked = false;
  bool answered = false;  // the question asked before it is told to run
  Journal journal;
  auto key() const {
    return std::array<bool, 27>{source == Source::waiting || source == Source::failed,
                                source == Source::completed || source == Source::failed,
                                source_dead,
                                source_runs,
                                source_silent,
                                source_cut,
                                destination_dead,
                                destination_runs,
                                destination_silent,
                                destination_cut,
                                loaded,
                                load_failed,
                                acknowledged,
                                journal.handed_over,
                                journal.asked_destination,
                                answered,
                                journal.taken_back,
                                journal.cancelled,
                                journal.yanked_source,
                                journal.yanked_destination,
                                journal.continued,
                                journal.ran_source,
                                journal.ran_destination,
                                source_told,
                                source_yanked,
                                destination_told,
                                destination_yanked};
  }
};

Situation seen(const State& s, bool patience_over) {
  using S = State::Source;
  Situation t;
  t.patience = Milliseconds(300);
  t.quiet = patience_over ? Milliseconds(301) : Milliseconds(0);
  t.journal = s.journal;
  t.destination_fresh = s.answered;
  t.source = s.source_dead ? fakes::dead_host()
                           : fakes::host(s.source_runs              ? RunState::running
                                         : s.source == S::completed ? RunState::postmigrate
                                                                    : RunState::finish_migrate,
                                         s.source == S::completed ? MigrationStatus::completed
                                         : s.source == S::failed  ? MigrationStatus::failed
                                                                  : MigrationStatus::active,
                                         !s.source_silent);
  t.destination = s.destination_dead
                      ? fakes::dead_host()
                      : fakes::host(s.destination_runs ? RunState::running
                                    : s.loaded         ? RunState::paused
                                                       : RunState::inmigrate,
                                    s.loaded ? MigrationStatus::completed : MigrationStatus::active,
                                    !s.destination_silent);
  return t;
}

// What goes on without any failure; the hosts behave as QEMU does (failure resumes the source).
std::vector<State> progress(const State& s, bool autostart) {
  using S = State::Source;
  std::vector<State> next;
  const auto add = [&](auto change) {
    State n = s;
    change(n);
    next.push_back(n);
  };
  const auto fail = [](State& n) {
    n.source = S::failed;
    n.source_runs = true;
    n.source_cut = true;
    n.destination_cut = true;
  };
  const bool source_moves = !s.source_dead && !s.source_silent;
  const bool destination_moves = !s.destination_dead && !s.destination_silent;
  if (source_moves && s.source_told)
    add([](State& n) {
      n.source_told = false;
      n.source_runs = true;
    });
  if (source_moves && s.source_yanked)
    add([](State& n) {
      n.source_yanked = false;
      n.source_cut = n.destination_cut = true;
    });
  if (destination_moves && s.journal.asked_destination && !s.answered)
    add([](State& n) { n.answered = true; });
  if (destination_moves && s.destination_told && s.loaded)
    add([](State& n) {
      n.destination_told = false;
      n.destination_runs = true;
    });
  if (destination_moves && s.destination_yanked)
    add([](State& n) {
      n.destination_yanked = false;
      n.source_cut = n.destination_cut = true;
    });
  if (source_moves && s.source == S::precopy && !s.source_cut)
    add([](State& n) {
      n.source = S::waiting;
      n.source_runs = false;
    });
  if (source_moves && (s.source == S::precopy || s.source == S::waiting) && s.source_cut) add(fail);
  if (source_moves && s.source == S::waiting && s.acknowledged)
    add([](State& n) { n.source = S::completed; });
  // The whole image may have been forwarded before the channel or the source ended.
  const bool whole = s.source == S::waiting || s.source == S::completed || s.source == S::failed;
  if (destination_moves && whole && !s.loaded && !s.load_failed)
    add([&](State& n) {
      n.loaded = true;
      n.destination_runs = autostart;
      n.acknowledged = !n.source_cut;
    });
  if (destination_moves && s.destination_cut && !s.loaded && !s.load_failed)
    add([](State& n) { n.load_failed = n.destination_dead = n.source_cut = true; });
  return next;
}

// What may go wrong, at any moment.
std::vector<State> failures(const State& s) {
  using S = State::Source;
  std::vector<State> next;
  const auto add = [&](auto change) {
    State n = s;
    change(n);
    next.push_back(n);
  };
  add([](State& n) {
    n.source_dead = true;
    n.source_runs = false;
    n.destination_cut = true;
  });
  add([](State& n) {
    n.destination_dead = true;
    n.destination_runs = false;
    n.source_cut = true;
  });
  if (!s.source_silent) add([](State& n) { n.source_silent = true; });
  if (!s.destination_silent) add([](State& n) { n.destination_silent = true; });
  if (s.source_silent) add([](State& n) { n.source_silent = false; });
  if (s.destination_silent) add([](State& n) { n.destination_silent = false; });
  add([](State& n) { n.source_cut = n.destination_cut = true; });
  if (s.acknowledged && s.source == S::waiting)
    add([](State& n) {
      n.acknowledged = false;
      n.source_cut = true;
    });
  return next;
}

State act(State s, Action action) {
  s.journal = record(s.journal, action);
  switch (action) {
    case Action::fence_source:
      s.source_dead = true;
      s.source_runs = false;
      s.destination_cut = true;
      break;
    case Action::discard_source:
      s.source_dead = !s.source_silent;
      s.source_runs = s.source_runs && s.source_silent;
      break;
    case Action::fence_destination:
      s.destination_dead = true;
      s.destination_runs = false;
      s.source_cut = true;
      break;
    case Action::cancel:
    case Action::yank_source:
      s.source_yanked = true;
      break;
    case Action::yank_destination:
      s.destination_yanked = true;
      break;
    case Action::run_source:
      s.source_told = true;
      break;
    case Action::run_destination:
      s.destination_told = true;
      break;
    default:
      break;
  }
  return s;
}

struct Explored {
  std::size_t states = 0, double_runs = 0, rollbacks = 0;
  std::size_t two_left = 0;  // `done` although both hosts live
  std::size_t stuck = 0;  // states from which `done` cannot be reached any more without a failure
};

struct Rules {
  bool autostart = false;
  /// The arbiter may die between writing its journal and acting: only the journal changes then.
  bool arbiter_dies = true;
};

Explored explore(const Protocol& protocol, Rules rules) {
  using Key = decltype(State().key());
  Explored found;
  std::map<Key, std::vector<Key>> comes_from;  // along moves that are no failures
  std::set<Key> known, ends;
  std::deque<State> open{State()};
  known.insert(State().key());
  const auto visit = [&](const State& s) {
    if (known.insert(s.key()).second) open.push_back(s);
  };
  const auto leads_to = [&](const State& from, const State& to) {
    comes_from[to.key()].push_back(from.key());
    visit(to);
  };
  for (; !open.empty(); open.pop_front()) {
    const auto s = open.front();
    ++found.states;
    if (s.source_runs && s.destination_runs) ++found.double_runs;
    for (const bool over : {false, true}) {  // the arbiter may look at any moment, patient or not
      const auto action = protocol.decide(seen(s, over)).action;
      if (action == Action::done) ends.insert(s.key());
      if (action == Action::done && !s.source_dead && !s.destination_dead) ++found.two_left;
      if (action == Action::done || action == Action::wait) continue;
      leads_to(s, act(s, action));
      State written = s;
      written.journal = record(s.journal, action);
      if (rules.arbiter_dies) visit(written);
      if (action == Action::run_source && s.journal.ran_destination) ++found.rollbacks;
    }
    for (const auto& next : progress(s, rules.autostart)) leads_to(s, next);
    for (const auto& next : failures(s)) visit(next);
  }
  std::deque<Key> back(ends.begin(), ends.end());
  for (; !back.empty(); back.pop_front())
    for (const auto& before : comes_from[back.front()])
      if (ends.insert(before).second) back.push_back(before);
  found.stuck = known.size() - ends.size();
  return found;
}

TEST_CASE("Handshake: no reachable state has two owners", "[protocol][property]") {
  const auto found = explore(*make_handshake(), {});
  CHECK(found.states > 1000);
  CHECK(found.double_runs == 0);
  CHECK(found.rollbacks == 0);
  CHECK(found.two_left == 0);
}

TEST_CASE("Handshake: from every reachable state the arbiter comes to an end",
          "[protocol][property]") {
  const auto found = explore(*make_handshake(), {.autostart = false, .arbiter_dies = false});
  CHECK(found.states > 1000);
  CHECK(found.stuck == 0);
}

TEST_CASE("Handshake: an arbiter that died before it acted comes to an end, too",
          "[protocol][property]") {
  CHECK(explore(*make_handshake(), {}).stuck == 0);
}

TEST_CASE("Autostart: two owners are reachable, as the table of hazards says",
          "[protocol][property]") {
  const auto found = explore(*make_autostart(), {.autostart = true, .arbiter_dies = false});
  CHECK(found.double_runs > 0);
  CHECK(found.stuck == 0);
}

// The exploration must be able to see what it looks for: an arbiter without fencing.
class Careless final : public Protocol {
 public:
  std::string_view name() const override { return "careless"; }
  std::string_view summary() const override { return "runs the destination when it has loaded"; }
  bool destination_starts_paused() const override { return true; }
  bool pause_before_switchover() const override { return true; }
  Decision decide(const Situation& s) const override {
    if (!s.destination.dead && s.destination.migration == MigrationStatus::completed &&
        !s.journal.ran_destination)
      return {Action::run_destination, "it has loaded"};
    return {Action::wait, ""};
  }
};

TEST_CASE("The exploration finds the double run of an arbiter that does not fence",
          "[protocol][property]") {
  CHECK(explore(Careless(), {}).double_runs > 0);
  CHECK(explore(Careless(), {}).stuck > 0);
}

}  // namespace
}  // namespace migfuzz
