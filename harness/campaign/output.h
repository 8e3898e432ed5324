// The output folder of a run: what is written when, and by whom it is read again.
//
// Each result is committed to results.db (store.h) as its case ends, after the evidence of
// everything that is not a plain pass has gone to cases/ID/. Reports and results.jsonl are made
// from it at the end, also of an interrupted run. A new run in the same folder leaves the earlier
// ones in the database and moves their files to runs/N/. One process at a time writes the folder.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "harness/campaign/identity.h"
#include "harness/campaign/store.h"
#include "harness/core/result.h"
#include "harness/core/scenario.h"
#include "harness/io/files.h"

namespace migfuzz {

/// The report texts by file name ("report.html"), made by whoever knows reports.
using Reports = std::function<std::map<std::string, std::string>(const Summary&,
                                                                 const std::vector<CaseResult>&)>;

class Output {
 public:
  /// Makes and locks the folder and opens its store; changes nothing of an earlier run. The time of
  /// this session counts from `since`. Throws io::OutputError, UsageError.
  explicit Output(std::string folder, Clock::time_point since = Clock::now());

  // --- the run ---
  std::optional<StoredRun> last_run() const { return store_.last_run(); }
  std::vector<Session> sessions() const { return store_.sessions(run_.id); }
  std::vector<StoredCase> finished() const { return store_.finished(run_.id); }
  /// The last run, where it did not come to its end. Throws UsageError.
  StoredRun unfinished() const;
  /// Goes on with it: what has finished is in results() at once.
  void resume(StoredRun run);
  /// Adds a run. add() does it by itself for those who keep no record of their request.
  void begin(StoredRun run);
  bool begun() const { return run_.id != 0; }
  /// Of the run so far, its earlier sessions included.
  double seconds() const;
  /// Facts and matrix, as they are known by now.
  void record(const Summary& facts, const Matrix& matrix);

  // --- its cases ---
  /// A row for a case that is started now; an earlier session's row stays as it is.
  void start(const PlannedCase& planned, std::uint64_t ordinal, std::uint64_t learned);
  /// Gives the result its unique id, keeps it and its evidence. Without a key it gets the next one
  /// of its plan.
  const CaseResult& add(CaseResult result, std::string key = "",
                        const std::vector<std::string>& passed_points = {});
  /// Those that ended, in that order, with keys() in parallel.
  const std::vector<CaseResult>& results() const { return results_; }
  const std::vector<std::string>& keys() const { return keys_; }
  bool has(const std::string& key) const { return by_key_.contains(key); }
  /// Takes over a case of another folder, or a worse result of one that is there already, with its
  /// evidence.
  void adopt(const StoredCase& one, const std::string& folder);
  void adopt(const Session& session);
  /// The points that it passed, of a control of an earlier session.
  std::vector<std::string> passed_points(const std::string& key) const;
  /// What the run had drawn and started before this session, by ordinal.
  const std::map<std::uint64_t, DrawnCase>& drawn() const { return drawn_; }

  // --- the end ---
  /// Writes the reports. `ended`: the run is finished, and cannot be resumed.
  void finish(const Summary& summary, const Reports& reports, bool ended);
  const std::string& folder() const { return folder_; }

  /// The last run of a folder, summed up: from its results.db, else from results.jsonl and
  /// summary.json. Throws UsageError naming the file.
  static std::pair<Summary, std::vector<CaseResult>> read(const std::string& folder);
  /// Writes results.jsonl, summary.json and the reports.
  static void write(const std::string& folder, const Summary& summary,
                    const std::vector<CaseResult>& results, const Reports& reports);

 private:
  void move_away(const std::optional<StoredRun>& earlier) const;
  Session session() const;
  void keep(const StoredCase& one);
  std::string unique(const std::string& id);

  std::string folder_;
  io::FolderLock lock_;
  Store store_;
  Clock::time_point since_;
  std::string session_started_;
  StoredRun run_;
  double seconds_before_ = 0;  // of earlier sessions
  std::map<std::uint64_t, DrawnCase> drawn_;
  std::set<std::string> ids_;
  std::vector<CaseResult> results_;
  std::vector<std::string> keys_;
  struct Place {
    std::size_t index;  // in results_
    std::vector<std::string> passed_points;
  };
  std::map<std::string, Place> by_key_;
  CaseKeys own_keys_;
};

/// The parts of a merged campaign that did not come to their end, "3/12"; none: all did.
std::vector<std::string> unfinished_shards(const std::vector<Session>& sessions);

/// Summary of a stored run: its facts, its time, and what follows from its cases.
Summary summary_of(const StoredRun& run, const std::vector<Session>& sessions,
                   const std::vector<CaseResult>& results, const std::string& folder);

}  // namespace migfuzz
