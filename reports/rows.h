// All cases of a run in few bytes, for report.html: columns, and the whole of those worth it.
//
// A night has 100,000 cases and a page 5 MB. So each case is a row of numbers: its kind (verdict,
// place, signature, … which many share), the rest of its name, what was measured. The whole of a
// case is kept as long as bytes last: first of those that did not pass, one of each signature, then
// the second of each, so that a signature with thousands of cases leaves room for the others; then
// a pass of each fault. What was left out is counted in the object. Decoded by
// reports/page/rows.js.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "harness/core/result.h"

namespace migfuzz {

/// `bytes_max` counts the bytes of the page for all of it.
nlohmann::json rows_data(const Summary& summary, const std::vector<CaseResult>& results,
                         std::size_t bytes_max);

}  // namespace migfuzz
