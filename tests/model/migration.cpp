#include "tests/model/migration.h"

#include <cstring>

#include "tests/fakes/situations.h"

namespace migfuzz::model {
namespace {

using S = Source;
using D = Destination;

unsigned told(S s) { return static_cast<unsigned>(s == S::sent ? S::device : s); }

bool migrates(const State& s) {
  return s.source == S::precopy || s.source == S::waiting || s.source == S::device ||
         s.source == S::sent;
}

// What can make no difference any more is forgotten, so that equal states are equal.
State settled(State s) {
  if (!migrates(s)) s.source_end = s.acknowledgement = s.go_on = 0;
  if (s.destination != D::loading) s.image = s.destination_end = s.autostart = 0;
  if (!source_alive(s)) {
    s.source_silent = s.source_heard = s.source_fresh = 0;  // what it has said may still arrive
    s.cancel = s.yank_source = s.run_source = s.quit = 0;
  }
  if (!destination_alive(s)) {
    s.destination_silent = s.destination_heard = s.destination_fresh = s.destination_report = 0;
    s.destination_seen = s.yank_destination = s.run_destination = 0;
  }
  return s;
}

class Moves {
 public:
  Moves(const State& state, const Visit& visit) : s_(state), visit_(visit) {}

  void all() {
    if (source_alive(s_)) source();
    source_report();
    if (destination_alive(s_)) destination();
    failures();
  }

 private:
  template <typename Change>
  void add(Kind kind, const char* what, Change change) {
    State next = s_;
    change(next);
    next = settled(next);
    visit_(next, kind, what);
  }

  // A command that a host takes; other copies of it may still be under way.
  template <typename Change>
  void take(Kind kind, const char* what, bool under_way, void (*clear)(State&), Change change) {
    if (!under_way) return;
    add(kind, what, [&](State& n) {
      clear(n);
      change(n);
    });
    add(Kind::possible, what, change);
    add(Kind::failure, "the command is lost", clear);
  }

  static void give_up(State& n, bool runs) {
    if (n.source != S::precopy && runs) n.source_resumed = 1;
    n.source = runs ? S::failed : S::still;
    n.destination_end = 1;
  }
  void gives_up(Kind kind, const char* what) {
    add(kind, what, [](State& n) { give_up(n, true); });
    if (s_.source != S::precopy) add(kind, what, [](State& n) { give_up(n, false); });
  }

  void source() {
    const auto kind = s_.source_silent ? Kind::possible : Kind::due;
    if (s_.source == S::precopy)
      add(kind, "the source stops for the switch-over", [](State& n) { n.source = S::waiting; });
    if (s_.source == S::device)
      add(kind, "the source writes the rest", [](State& n) {
        n.source = S::sent;
        n.image = 1;
      });
    if (s_.source == S::sent && s_.acknowledgement)
      add(kind, "the source has the acknowledgement", [](State& n) { n.source = S::completed; });
    if (migrates(s_) && s_.source_end) gives_up(kind, "the source sees the channel's end");
    source_commands(kind);
    if (s_.source_silent == 0 && s_.source_report == 0)
      add(kind, "the source reports", [](State& n) {
        n.source_report = told(n.source);
        n.source_fresh = 1;
      });
  }

  void source_report() {
    if (s_.source_report == 0) return;
    const bool counted_on = source_alive(s_) && !s_.source_silent;
    add(counted_on ? Kind::due : Kind::possible, "the source's report arrives", [](State& n) {
      n.source_seen = n.source_report;
      n.source_heard = n.source_heard | n.source_fresh;
      n.source_report = n.source_fresh = 0;
    });
    add(Kind::failure, "the source's report is lost",
        [](State& n) { n.source_report = n.source_fresh = 0; });
  }

  void source_commands(Kind kind) {
    take(
        kind, "migrate-continue", s_.go_on, [](State& n) { n.go_on = 0; },
        [](State& n) {
          if (n.source == S::waiting) n.source = S::device;
        });
    for (const bool runs : {true, false})
      take(
          kind, "migrate_cancel", s_.cancel, [](State& n) { n.cancel = 0; },
          [runs](State& n) {
            if (migrates(n)) give_up(n, runs || n.source == S::precopy);
          });
    take(
        kind, "yank at the source", s_.yank_source, [](State& n) { n.yank_source = 0; },
        [](State& n) { n.source_end = n.destination_end = 1; });
    take(
        kind, "cont at the source", s_.run_source, [](State& n) { n.run_source = 0; },
        [](State& n) {
          if (n.source != S::still && n.source != S::completed) return;
          n.source = n.source == S::still ? S::failed : S::again;
          n.source_resumed = 1;
        });
    take(
        kind, "quit", s_.quit, [](State& n) { n.quit = 0; },
        [](State& n) {
          source_dies(n);
          n.destination_end = 1;
        });
  }

  void destination() {
    const auto kind = s_.destination_silent ? Kind::possible : Kind::due;
    if (s_.destination == D::loading && s_.image)
      add(kind, "the destination has loaded", [](State& n) {
        n.destination = n.autostart ? D::running : D::loaded;
        n.destination_ran = n.destination_ran | n.autostart;
        n.acknowledgement = 1;
      });
    if (s_.destination == D::loading && !s_.image && s_.destination_end) {
      add(kind, "the load fails and ends the destination", [](State& n) {
        destination_dies(n);
        n.source_end = 1;
      });
      add(kind, "the load fails", [](State& n) {
        n.destination = D::failed;
        n.source_end = 1;
      });
    }
    take(
        kind, "yank at the destination", s_.yank_destination,
        [](State& n) { n.yank_destination = 0; },
        [](State& n) { n.source_end = n.destination_end = 1; });
    take(
        kind, "cont at the destination", s_.run_destination,
        [](State& n) { n.run_destination = 0; },
        [](State& n) {
          if (n.destination == D::loading) n.autostart = 1;
          if (n.destination != D::loaded) return;
          n.destination = D::running;
          n.destination_ran = 1;
        });
    if (s_.destination_silent == 0 && s_.destination_report == 0)
      add(kind, "the destination reports", [](State& n) {
        n.destination_report = static_cast<unsigned>(n.destination);
        n.destination_fresh = 1;
      });
    if (s_.destination_report != 0)
      add(kind, "the destination's report arrives", [](State& n) {
        n.destination_seen = n.destination_report;
        n.destination_heard = n.destination_heard | n.destination_fresh;
        n.destination_report = n.destination_fresh = 0;
      });
  }

  void failures() {
    using enum Kind;
    if (source_alive(s_)) {
      add(failure, "the source dies", [](State& n) {
        source_dies(n);
        n.destination_end = 1;
      });
      add(failure, "the source's whole host dies", source_dies);
      add(failure, s_.source_silent ? "the source is back" : "the source falls silent",
          [](State& n) { n.source_silent = !n.source_silent; });
      if (s_.source_silent && s_.source_heard)
        add(possible, "the source's silence is noticed", [](State& n) { n.source_heard = 0; });
    }
    if (destination_alive(s_)) {
      add(failure, "the destination dies", [](State& n) {
        destination_dies(n);
        n.source_end = 1;
      });
      add(failure, "the destination's whole host dies", destination_dies);
      add(failure,
          s_.destination_silent ? "the destination is back" : "the destination falls silent",
          [](State& n) { n.destination_silent = !n.destination_silent; });
      if (s_.destination_silent && s_.destination_heard)
        add(possible, "the destination's silence is noticed",
            [](State& n) { n.destination_heard = 0; });
      if (s_.destination_report)
        add(failure, "the destination's report is lost",
            [](State& n) { n.destination_report = n.destination_fresh = 0; });
    }
    if (s_.image) add(failure, "the image is lost", [](State& n) { n.image = 0; });
    if (s_.acknowledgement)
      add(failure, "the acknowledgement is lost", [](State& n) { n.acknowledgement = 0; });
    add(failure, "the source's end of the channel ends", [](State& n) { n.source_end = 1; });
    add(failure, "the destination's end of the channel ends",
        [](State& n) { n.destination_end = 1; });
  }

  const State& s_;
  const Visit& visit_;
};

}  // namespace

std::uint64_t pack(const State& state) {
  static_assert(sizeof(State) == 8 || sizeof(State) == 12);
  const State& s = state;
  std::uint64_t key = 0;
  const auto put = [&key](std::uint64_t value, unsigned bits) { key = key << bits | value; };
  put(static_cast<unsigned>(s.source), 4), put(static_cast<unsigned>(s.destination), 3);
  for (const unsigned bit : std::initializer_list<unsigned>{s.source_silent,
                                                            s.destination_silent,
                                                            s.autostart,
                                                            s.destination_ran,
                                                            s.source_resumed,
                                                            s.image,
                                                            s.acknowledgement,
                                                            s.source_end,
                                                            s.destination_end,
                                                            s.go_on,
                                                            s.cancel,
                                                            s.yank_source,
                                                            s.run_source,
                                                            s.quit,
                                                            s.yank_destination,
                                                            s.run_destination,
                                                            s.source_fresh,
                                                            s.source_heard,
                                                            s.destination_fresh,
                                                            s.destination_heard,
                                                            s.asking})
    put(bit, 1);
  put(s.source_report, 4), put(s.source_seen, 4);
  put(s.destination_report, 3), put(s.destination_seen, 3);
  put(s.journal, 9), put(s.successor, 9), put(s.pending, 4);
  return key;
}

State unpack(std::uint64_t key) {
  State s;
  const auto get = [&key](unsigned bits) {
    const auto value = static_cast<unsigned>(key & ((1u << bits) - 1));
    key >>= bits;
    return value;
  };
  s.pending = get(4), s.successor = get(9), s.journal = get(9);
  s.destination_seen = get(3), s.destination_report = get(3);
  s.source_seen = get(4), s.source_report = get(4);
  s.asking = get(1), s.destination_heard = get(1), s.destination_fresh = get(1);
  s.source_heard = get(1), s.source_fresh = get(1), s.run_destination = get(1);
  s.yank_destination = get(1), s.quit = get(1), s.run_source = get(1), s.yank_source = get(1);
  s.cancel = get(1), s.go_on = get(1), s.destination_end = get(1), s.source_end = get(1);
  s.acknowledgement = get(1), s.image = get(1), s.source_resumed = get(1);
  s.destination_ran = get(1), s.autostart = get(1), s.destination_silent = get(1);
  s.source_silent = get(1), s.destination = static_cast<D>(get(3));
  s.source = static_cast<S>(get(4));
  return s;
}

bool source_executes(const State& s) {
  return s.source == S::precopy || s.source == S::failed || s.source == S::again;
}

void source_dies(State& s) {
  s.source = S::dead;
  s = settled(s);
}
void destination_dies(State& s) {
  s.destination = D::dead;
  s = settled(s);
}

void world_moves(const State& state, const Visit& visit) { Moves(state, visit).all(); }

Sight source_sight(const State& s) {
  using M = MigrationStatus;
  using R = RunState;
  auto sight = fakes::host(R::unknown, M::unknown);
  switch (static_cast<S>(s.source_seen)) {
    case S::dead:
      break;  // nothing was heard yet
    case S::precopy:
      sight = fakes::host(R::running, M::active);
      break;
    case S::waiting:
      sight = fakes::host(R::finish_migrate, M::pre_switchover);
      break;
    case S::device:
    case S::sent:
      sight = fakes::host(R::finish_migrate, M::device);
      break;
    case S::completed:
      sight = fakes::host(R::postmigrate, M::completed);
      break;
    case S::failed:
      sight = fakes::host(R::running, M::failed);
      break;
    case S::still:
      sight = fakes::host(R::paused, M::failed);
      break;
    case S::again:
      sight = fakes::host(R::running, M::completed);
      break;
  }
  sight.dead = !source_alive(s);
  sight.answers = !sight.dead;
  return sight;
}

Sight destination_sight(const State& s) {
  using M = MigrationStatus;
  using R = RunState;
  if (!destination_alive(s)) return fakes::dead_host();
  switch (static_cast<D>(s.destination_seen)) {
    case D::dead:
      return fakes::host(R::unknown, M::unknown);  // nothing was heard yet
    case D::loading:
      return fakes::host(R::inmigrate, M::active);
    case D::loaded:
      return fakes::host(R::paused, M::completed);
    case D::running:
      return fakes::host(R::running, M::completed);
    case D::failed:
      break;
  }
  return fakes::host(R::inmigrate, M::failed);
}

}  // namespace migfuzz::model
