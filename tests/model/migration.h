// A migration as a finite machine: both hosts, what is under way between everybody, what the
// arbiter has heard. Each move is one thing that can happen; nothing happens at a set time.
//
// The hosts do what QEMU was seen to do: a source whose migration fails resumes by itself or stands
// still, a destination with -S waits, `cont` on one that still loads takes effect when it has
// loaded, a load whose channel ends completes or ends the process. Messages are delivered late,
// again, or never. Fencing is not here: it is the arbiter's, and proves a death the moment it is
// done. One state is 64 bits, so that millions of them can be told apart.
#pragma once

#include <cstdint>
#include <functional>

#include "harness/core/protocol.h"

namespace migfuzz::model {

enum class Source : unsigned {
  dead,
  precopy,    // runs, memory travels
  waiting,    // stands at pre-switchover
  device,     // stands, the rest is being written
  sent,       // stands, everything is written, no acknowledgement yet
  completed,  // stands
  failed,     // gave the migration up and runs
  still,      // gave the migration up and stands
  again       // completed, and was told to run again
};
enum class Destination : unsigned { dead, loading, loaded, running, failed };

struct State {
  // --- the hosts (silent: not heard, and nobody may count on it to move) ---
  Source source : 4 = Source::precopy;
  Destination destination : 3 = Destination::loading;
  unsigned source_silent : 1 = 0, destination_silent : 1 = 0;
  unsigned autostart : 1 = 0;        // the destination runs as soon as it has loaded
  unsigned destination_ran : 1 = 0;  // ever
  unsigned source_resumed : 1 = 0;   // ever, after it had stopped for the switch-over
  // --- the channel: what is under way, and whose end is going to see that it ended ---
  unsigned image : 1 = 0, acknowledgement : 1 = 0;
  unsigned source_end : 1 = 0, destination_end : 1 = 0;
  // --- commands under way, each any number of times ---
  unsigned go_on : 1 = 0, cancel : 1 = 0, yank_source : 1 = 0, run_source : 1 = 0, quit : 1 = 0;
  unsigned yank_destination : 1 = 0, run_destination : 1 = 0;
  // --- reports under way (0: none) and as last heard (0: nothing yet); fresh: asked for since the
  // arbiter's last action ---
  unsigned source_report : 4 = 0, source_fresh : 1 = 0, source_seen : 4 = 0, source_heard : 1 = 0;
  unsigned destination_report : 3 = 0, destination_fresh : 1 = 0;
  unsigned destination_seen : 3 = 0, destination_heard : 1 = 0;
  // --- the arbiter: Journal as bits, and the same as a successor would read it ---
  unsigned journal : 9 = 0, successor : 9 = 0;
  unsigned pending : 4 = 0;  // an Action between the journal and the hosts
  unsigned asking : 1 = 0;   // its last action was the question to the destination
};

std::uint64_t pack(const State& state);
State unpack(std::uint64_t key);

bool source_executes(const State& state);
inline bool source_alive(const State& s) { return s.source != Source::dead; }
inline bool destination_alive(const State& s) { return s.destination != Destination::dead; }

/// due: happens sooner or later. possible: a silent host may do it or not. failure: goes wrong.
enum class Kind { due, possible, failure };
using Visit = std::function<void(const State& next, Kind kind, const char* what)>;

/// Everything that hosts, channel and messages can do from here.
void world_moves(const State& state, const Visit& visit);
void source_dies(State& state);  // all that it held is gone; its messages stay under way
void destination_dies(State& state);
/// What the arbiter's eyes have, as a Situation; `patient`: its patience has passed.
Sight source_sight(const State& state);
Sight destination_sight(const State& state);

}  // namespace migfuzz::model
