// What the scripts of report.html draw from: one JSON object, written so that it can stand inline.
//
// It is ASCII and holds no '<', '>' or '&', so that nothing in it can end its <script> or open a
// comment. Events are trimmed per case by a share of a fixed number of bytes, cases that did not
// pass having the larger one; the case's folder has them all.
#pragma once

#include <string>
#include <vector>

#include "harness/core/result.h"

namespace migfuzz {

std::string page_data(const Summary& summary, const std::vector<CaseResult>& results);

}  // namespace migfuzz
