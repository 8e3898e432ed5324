// What the scripts of report.html draw from: one JSON object, written so that it can stand inline
// (inline_json.h), within a number of bytes.
#pragma once

#include <string>
#include <vector>

#include "harness/core/result.h"
#include "reports/grid.h"

namespace migfuzz {

std::string page_data(const Summary& summary, const std::vector<CaseResult>& results,
                      const std::vector<GridCell>& grid, std::size_t bytes_max);

}  // namespace migfuzz
