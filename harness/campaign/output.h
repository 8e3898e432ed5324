// The output folder of a run: what is written when, and by whom it is read again.
//
// Each result is appended to results.jsonl as its case ends; evidence of everything that is not a
// plain pass goes to cases/ID/; reports are written at the end, also of an interrupted run.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "harness/core/result.h"

namespace migfuzz {

/// The report texts by file name ("report.html"), made by whoever knows reports.
using Reports = std::function<std::map<std::string, std::string>(const Summary&,
                                                                 const std::vector<CaseResult>&)>;

class Output {
 public:
  /// Makes the folder; an earlier run's results stay until the first of this one is added. Throws
  /// io::OutputError.
  explicit Output(std::string folder);
  /// Gives the result its unique id, writes it and its evidence, and keeps the result.
  void add(CaseResult result);
  const std::vector<CaseResult>& results() const { return results_; }
  void finish(const Summary& summary, const Reports& reports) const;
  const std::string& folder() const { return folder_; }

  /// Reads results.jsonl and summary.json of a finished run; throws UsageError naming the file.
  static std::pair<Summary, std::vector<CaseResult>> read(const std::string& folder);

 private:
  void wipe() const;

  std::string folder_;
  std::set<std::string> ids_;
  std::vector<CaseResult> results_;
};

}  // namespace migfuzz
