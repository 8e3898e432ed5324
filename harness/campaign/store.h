// The store: results.db, one SQLite database per output folder, written as each case ends.
//
// It holds every run that used the folder (one per night), the sessions that worked on each run
// (one per process: a run that was killed goes on in another one) and the cases, unique by run and
// key. A case has a row from its start, so that after a crash one sees what was under way. Evidence
// stays in files. WAL with synchronous=FULL: what a call here has returned from is on the disk,
// whatever happens to the process or the power next.
//
// Reading throws UsageError (not a database of migfuzz, a newer one, truncated), writing throws
// io::OutputError (full, read-only); both name the file and what to do.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/campaign/sum_up.h"
#include "harness/core/result.h"

namespace migfuzz {

struct StoredRun {
  std::int64_t id = 0;       // from 1, in the order in which they began
  std::string kind = "run";  // run, merge, replay
  std::string request;       // JSON object of what was asked for (recorded_request.h)
  std::string shard;         // "2/12"; empty: all of it
  Summary facts;             // nothing in it follows from the cases
  Matrix matrix;
  bool finished = false;  // not: it may be resumed
};

/// A process that worked on a run. `seconds` are as of the last case that ended in it.
struct Session {
  std::string shard;
  std::string started;  // ISO 8601, UTC, with milliseconds: names it within its run and shard
  double seconds = 0;
  bool finished = false;  // it brought its run to the end
};

/// A case that was drawn and started.
struct DrawnCase {
  std::string key;
  std::uint64_t ordinal = 0;  // its place among all that the run drew, other shards' too
  std::uint64_t learned = 0;  // results that its source knew when it was drawn
  Plan plan;
};

/// A case that ended.
struct StoredCase {
  DrawnCase drawn;
  CaseResult result;
  std::vector<std::string> passed_points;  // kept of controls
  std::string ended;                       // ISO 8601, UTC
};

class Store {
 public:
  static constexpr int kSchema = 1;
  enum class Access { read, write };

  /// `write` makes the database where there is none.
  Store(const std::string& path, Access access);
  ~Store();

  // --- reading ---
  std::optional<StoredRun> last_run() const;
  std::vector<Session> sessions(std::int64_t run) const;
  std::vector<DrawnCase> drawn(std::int64_t run) const;      // by ordinal
  std::vector<StoredCase> finished(std::int64_t run) const;  // in the order in which they ended
  /// The runs before that one, oldest first, at most kNightsMax; replays are no nights. A run that
  /// came to its end keeps its night among its facts, of others it is counted from their cases.
  std::vector<Night> nights_before(std::int64_t run) const;
  static constexpr int kNightsMax = 60;

  // --- writing ---
  std::int64_t add(const StoredRun& run);
  void update(const StoredRun& run);
  /// Adds or updates the session of that shard and start.
  void put(std::int64_t run, const Session& session);
  /// Of a case that has a row already nothing changes.
  void start(std::int64_t run, const DrawnCase& drawn);
  /// The result of a case, started or not, and the state of the session, in one transaction.
  void end(std::int64_t run, const StoredCase& one, const std::optional<Session>& session);
  /// Leaves a single file that can be read from anywhere, without a log beside it.
  void settle();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace migfuzz
