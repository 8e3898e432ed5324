// Made-up runs in which every text is somebody else's: markup, controls, broken UTF-8, a megabyte.
//
// For tests of the reports, and for folders that `migfuzz report` takes. Nothing is left out:
// unit_reports looks into the JSON of a result and a summary for a text that is not the given one.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/report_sample.h"

namespace migfuzz::fakes {

/// Four cases and their summary, every text of both `text`.
ReportSample filled_with(const std::string& text);

/// Texts that have broken reports, by a name that a folder can have.
std::vector<std::pair<std::string, std::string>> hostile_texts();

/// With the names that become paths put right, so that results.jsonl is read again.
ReportSample made_readable(ReportSample sample);

}  // namespace migfuzz::fakes
