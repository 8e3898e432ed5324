// Reports: what a run has shown, for people (HTML, Markdown) and for machines (JUnit,
// SARIF, Prometheus).
//
// Pure: values in, text out. No fault, checker or protocol is known here by name; a report shows
// what the data says, in the words of the data. All text that came from QEMU or a guest is hostile:
// it is escaped for its format and never interpreted. summary.json and results.jsonl are
// to_json() of harness/core/result.h.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/core/result.h"

namespace migfuzz {

/// One self-contained page: opens from file://, asks the network for nothing, and shows verdict,
/// findings and commands without JavaScript too. Events are trimmed to stay near 4 MB in total.
std::string html_report(const Summary& summary, const std::vector<CaseResult>& results);

/// One suite per point. fail: failure; infra: error; not-delivered: skipped; the rest succeeds.
/// Within GitLab's limits for any number of cases.
std::string junit_xml(const Summary& summary, const std::vector<CaseResult>& results);

/// What each checker proves, by its name: one sentence.
using Claims = std::map<std::string, std::string>;
/// One result per finding, with fingerprints that GitHub recognises next night.
std::string sarif_log(const Summary& summary, const std::vector<CaseResult>& results,
                      const Claims& claims);

/// The run as gauges named migfuzz_*, for a textfile collector.
std::string prometheus_metrics(const Summary& summary, const std::vector<CaseResult>& results);

/// One screen for a merge request or a CI summary.
std::string summary_markdown(const Summary& summary, const std::vector<CaseResult>& results);

}  // namespace migfuzz
