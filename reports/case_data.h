// One case as JSON for report.html: what its page draws, within a number of bytes.
//
// Texts and lists are cut until the case fits, then as many events as fit are added, the most
// important first; how many are left out is said in the object (`events_left_out`), and the case's
// folder has them all. Everything in it is valid UTF-8, and numbers that a script could not hold
// stand as text. A budget below kCaseBytesLeast is not kept: a case's names and numbers take that.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "harness/core/result.h"

namespace migfuzz {

inline constexpr std::size_t kCaseBytesLeast = 12'000;  // every character escaped; mostly 2 kB

/// `bytes_max` counts the bytes of the page, where '<', '>', '&' and all but ASCII are escaped.
nlohmann::json case_data(const Summary& summary, const CaseResult& result, std::size_t bytes_max);

}  // namespace migfuzz
