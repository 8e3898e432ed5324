// What of a source is still to be run: nothing of another shard's, nothing that finished in an
// earlier session, nothing that the time does not allow.
//
// A resumed run takes its source through what it had seen before: the same draws in the same order,
// and before each of them as many results as the source had learned by then. So a source that
// learns draws the same cases again, too; those that were under way are run again, and where a draw
// is not what the store has, the run is not continued.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "harness/campaign/identity.h"
#include "harness/campaign/output.h"
#include "harness/campaign/source.h"

namespace migfuzz {

/// Where a run stands in what it draws; all sources of one run share it.
struct Drawing {
  CaseKeys keys;
  std::uint64_t ordinal = 0;  // of the next draw
};

class Remaining : public CaseSource {
 public:
  /// All of these outlive it. `time_left` is asked before each draw.
  Remaining(CaseSource& inner, const Shard& shard, Drawing& drawing, Output& output,
            std::function<bool()> time_left);
  /// Throws UsageError when a resumed run draws something else than before.
  std::optional<PlannedCase> next() override;
  /// The results that count are those of the output, in its order: this one is there already.
  void learn(const PlannedCase&, const CaseResult&) override;

 private:
  void teach(std::uint64_t most);

  CaseSource& inner_;
  const Shard shard_;
  Drawing& drawing_;
  Output& output_;
  std::function<bool()> time_left_;
  std::map<std::string, PlannedCase> untaught_;  // drawn here, by key
  std::uint64_t taught_ = 0;                     // results of the output that inner_ has seen
};

}  // namespace migfuzz
