// What is known after a case, and after a run: the shapes that the reports are made of.
//
// to_json() of CaseResult is one line of results.jsonl; to_json() of Summary is summary.json. Both
// are read again by `report` and `replay`, so from_json() is strict about the schema number.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/history.h"
#include "harness/core/night.h"
#include "harness/core/plan.h"
#include "harness/core/promise_tally.h"
#include "harness/core/rate.h"
#include "harness/core/reached.h"
#include "harness/core/verdict.h"

namespace migfuzz {

/// One stretch of the case's clock, milliseconds from its start.
struct Span {
  std::string name;  // phase bands: phase name; owners: source, destination, both, none
  double from_ms = 0;
  double to_ms = 0;
};

struct CaseResult {
  static constexpr int kSchema = 1;
  std::string id;  // unique within a run
  Plan plan;
  Verdict verdict = Verdict::infra;
  std::string signature;       // empty for expected-loss and pass
  std::string headline;        // one sentence: what happened
  std::string survivor;        // "source", "destination", "both", "none", "unknown"
  bool delivered = false;      // every fault of the plan was delivered (true for no faults)
  std::string delivery_proof;  // one line
  std::string expected, rule;  // what had to be left of the VM, and the table's rule that says so
  std::string versions;        // of both QEMUs: "7.2.22 -> 10.0.2"
  std::string ended;           // ISO 8601, UTC; empty in results of earlier versions
  std::string evidence_kept;   // folder under cases/, empty for plain passes
  double duration_ms = 0;
  double blackout_ms = -1;        // gap between heartbeats over the switch; -1: none measured
  double brownout_ms = -1, brownout_after_ms = -1;  // guest time lost outside it, and behind it
  double ping_gap_ms = -1, tcp_gap_ms = -1;  // longest between answers to its client; -1: none
  std::vector<Finding> findings;  // one or more per checker
  std::vector<Span> phases;       // phase bands
  std::vector<Span> owners;       // who executed the guest when
  std::vector<double> heartbeats_source_ms, heartbeats_destination_ms;  // thinned
  History history;  // bounded: the events worth drawing
  /// What the case reached (core/reached.h), where its hosts traced: all of it from a worker, only
  /// what no case of the campaign had reached before it in the store.
  std::vector<std::string> reached;
  /// Full evidence by file name ("history.jsonl", "qmp-source.log"); not part of results.jsonl.
  std::map<std::string, std::string> evidence;
  std::string required_cell;  // "" for cases outside the matrix (controls, canaries)
};

/// One kind of failure over a whole run. What is said of a place, a fault and a case is said of the
/// one case that is shown. Summaries of earlier versions lack the fields behind `case_id`.
struct FindingGroup {
  std::string signature;
  Verdict verdict = Verdict::fail;
  std::uint64_t count = 0;
  std::string phase, point, fault, side, checker, what, replay, case_id;
  std::string bundle{};  // its archive in the output folder; empty: there is no evidence
  std::string first_seen{}, last_seen{};  // ISO 8601, UTC
  std::vector<std::string> versions{};    // of the QEMUs that showed it, each pair once
  std::optional<Plan> shortest{};         // the simplest plan that showed it
  Rate rate{};                            // of that plan; no runs: it was not confirmed
  std::string minimal{};                  // what replays it; empty: nobody shrunk it
  std::string shrink_end{};               // how its shrink ended
  SeenBefore before{};                    // what earlier nights of the folder say about it
};

/// One row of the coverage table: all points of a phase, for one fault, side and protocol.
struct Coverage {
  std::string phase, fault, side, protocol, versions;
  std::uint64_t required = 0, delivered = 0;
  std::uint64_t impossible = 0;   // cells that this machine cannot do
  std::uint64_t meaningless = 0;  // cells that make no sense on any machine
  std::vector<std::string> why;   // of the last two, each reason once
};

/// A statement on whether this run's eyesight can be trusted.
struct Control {
  std::string name;  // "no-fault control", "canary", "corrupt"
  std::uint64_t cases = 0;
  std::uint64_t good = 0;
};

struct Summary {
  static constexpr int kSchema = 1;
  std::uint64_t seed = 0;
  std::string version;                        // of migfuzz
  std::string command;                        // the command line that made it
  std::string started;                        // ISO 8601, UTC
  std::string source_qemu, destination_qemu;  // "QEMU 7.2.22 (/usr/bin/qemu-system-x86_64)"
  std::string accel, accel_why;               // what was chosen and why, one line
  std::string memory, memory_why;             // likewise for the RAM size
  std::string host;                           // cores, kernel, root or user
  bool interrupted = false;
  double duration_s = 0;
  std::map<Verdict, std::uint64_t> verdicts;
  std::uint64_t cases = 0, cells_required = 0, cells_delivered = 0;
  std::uint64_t searched = 0;          // cases that a search drew
  std::uint64_t missed = 0;            // of these: they missed a point, and test nothing
  std::vector<Coverage> coverage;      // in the order of phases and faults
  std::vector<FindingGroup> findings;  // worst first
  std::vector<Control> controls;
  std::vector<PromiseTally> promises;  // of the scenario
  std::vector<Night> nights;  // of the output folder, oldest first, this run last
  std::vector<Gone> gone;     // what the night before had and this run has not
  RunReach reached;  // what the run reached inside the QEMUs, where they were traced
  std::vector<std::string> notes;  // said to the user: what was left out, what was impossible here
  double cases_per_hour() const { return duration_s > 0 ? 3600.0 * double(cases) / duration_s : 0; }
};

nlohmann::json to_json(const CaseResult& result);
CaseResult case_result_from_json(const nlohmann::json& json);
nlohmann::json to_json(const Summary& summary);
Summary summary_from_json(const nlohmann::json& json);
/// More than half of what the search drew missed its points: it looks where nothing is.
bool search_is_blind(const Summary& summary);
/// The whole run's exit status: 0, 1 or 3 (see README): 1 failures, 3 inconclusive.
int exit_status(const Summary& summary);

}  // namespace migfuzz
