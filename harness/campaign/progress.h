// Progress for people, as text: what is known of a run becomes lines. Pure.
//
// On a terminal several lines: how far, at which rate, how much longer; what was found; what each
// worker does. In a log one line. An end is only foretold where it follows from something: from the
// rate so far when the number of cases is known, from the clock when the run ends by time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/result.h"

namespace migfuzz {

/// A case under way.
struct Doing {
  std::string what;                      // its ID
  std::optional<Clock::duration> since;  // nothing: not known
};

struct Tally {
  std::string stage = "cases";               // "looking at the machine", "controls", "cases", …
  std::size_t done = 0;                      // in this stage
  std::optional<std::size_t> total;          // nothing: nobody knows
  bool more = false;                         // what follows the total goes on until the time is up
  std::map<Verdict, std::size_t> verdicts;   // of the whole run
  std::size_t signatures = 0;                // different ones, of what failed
  Clock::duration elapsed{0};                // since the stage began, or somebody looks at it
  std::optional<std::size_t> seen;           // of `done`, in that time; nothing: all of them
  std::optional<Clock::duration> time_left;  // of a run that ends by time
  std::vector<Doing> workers;
  bool ended = false;  // then it is said how long it took
};

/// "3 s", "2 min 10 s", "3 h 20 min"
std::string length_text(Clock::duration time);
/// Nothing: it cannot be told yet, or never.
std::optional<Clock::duration> expected_end(const Tally& tally);
/// One line for a log: "cases 57/500  2.5/s  pass 54  fail 3 (2 signatures)  about 3 min left".
std::string progress_line(const Tally& tally);
/// Lines for a terminal, each at most `columns` - 1 wide, at most `rows` of them.
std::vector<std::string> progress_lines(const Tally& tally, unsigned columns, unsigned rows,
                                        bool colours);

}  // namespace migfuzz
