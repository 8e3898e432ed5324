// A made-up run that looks like a real one: 17 points × 15 faults and sides, every verdict.
//
// For tests of the reports, for screenshots, and for whoever works on the page without QEMU at
// hand. The same seed gives the same run. Nothing here was measured: never quote its numbers.
#pragma once

#include <vector>

#include "harness/core/result.h"

namespace migfuzz::fakes {

enum class Mood { broken, safe, inconclusive };

struct ReportSample {
  Summary summary;
  std::vector<CaseResult> results;
};

ReportSample report_sample(Mood mood = Mood::broken, std::uint64_t seed = 7);

/// A sample of one case in which every text that came from outside is `text`.
ReportSample hostile_sample(const std::string& text);

}  // namespace migfuzz::fakes
