// Looks at a run that another process works on: counts, findings, what is under way.
//
// Reads results.db read-only and asks SQLite to count, so that a look costs the same whether a
// night has a hundred cases or a hundred thousand. A reader of a write-ahead log never stands in
// the writer's way.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/campaign/progress.h"

namespace migfuzz {

struct Followed {
  std::string started, command;
  std::uint64_t seed = 0;
  bool finished = false;  // the run came to its end
  bool written = false;   // a process holds the folder
  Tally tally;
  std::vector<std::string> failures;  // signatures that do not pass, "fail  truth/…", worst first
};

class Follower {
 public:
  /// Throws UsageError: there is no results.db, or another program's.
  explicit Follower(std::string folder);
  ~Follower();
  /// The last run as it stands; only when something has changed it asks for more than that.
  const Followed& look();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace migfuzz
