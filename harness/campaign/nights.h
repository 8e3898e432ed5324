// What is news in a run: its findings against those of the earlier nights of its folder.
//
// Pure. Two nights are compared by signature, and by the signatures of the single cases too,
// because a shrink may have named the same finding otherwise. Nights may have been asked for
// different things; so what is gone comes with how many of its cells this run delivered again.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/core/result.h"

namespace migfuzz {

/// Adds a case to what a night has seen of a finding.
void see(Sighting& sighting, const CaseResult& result);

/// The night that the summary tells; `seen` is what sum_up() has grouped.
Night night_of(const Summary& summary, const std::vector<CaseResult>& results,
               const std::map<std::string, Sighting>& seen);

/// Median and 95th percentile by nearest rank; none of nothing.
std::optional<Night::Spread> spread_of(std::vector<double> numbers);

/// Puts the earlier nights in front of the run's own, which gets the number `run`, and says what is
/// new, back and gone.
void compare(Summary& summary, std::vector<Night> earlier, std::uint64_t run,
             const std::vector<CaseResult>& results);

}  // namespace migfuzz
