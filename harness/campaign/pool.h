// The pool: runs plans on N workers and hands over each result as it comes.
//
// A worker that dies costs its case (`infra`) and is replaced; a case that exceeds the bound costs
// its worker. Single-threaded, like everything else: the caller's loop drives it.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "harness/campaign/progress.h"
#include "harness/campaign/source.h"
#include "harness/campaign/worker.h"

namespace migfuzz {

/// No case may take longer: the director's own bounds add up to less, so that a worker over it
/// hangs.
inline constexpr Milliseconds kCaseLimit{90000};

class Pool {
 public:
  struct Done {
    PlannedCase planned;
    CaseResult result;
    std::vector<std::string> passed_points;
  };

  Pool(io::Loop& loop, const Catalogs& catalogs, TrialFunction trial, unsigned jobs);
  ~Pool();  // ends every worker and everything in it

  /// Runs what `source` gives until it is exhausted; `done` is called once per case, in the order
  /// in which they end, and may amend the result before the source learns it. Returns early when
  /// `stop()` turns true; cases under way are then ended without a result.
  void run(CaseSource& source, const std::function<void(Done&)>& done,
           const std::function<bool()>& stop);
  /// What each worker does now; an idle one does "".
  std::vector<Doing> doing() const;
  /// `act` is called whenever a case ends, and some four times a second, while cases run.
  void each_turn(std::function<void()> act);
  /// Whether the hosts of the cases that are started from now on trace (CaseResult::reached).
  void trace(bool on);
  /// One accelerator trial (JSON in and out, see worker.h). Throws CannotRun when the machine gives
  /// a worker no namespaces.
  std::string trial(const std::string& request, Milliseconds limit);
  /// What FaultKind::needs may name and this machine does not give a worker: name -> reason.
  std::map<std::string, std::string> missing_capabilities();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace migfuzz
