// What a worker does: takes one job after the other, each a line of JSON, and answers with one.
//
//  {"job":"case","number":N,"plan":{…},"trace":…}   ->
//  {"number":N,"result":{…},"evidence":{name:text},"points":[…]}; `trace`: its hosts trace
//  {"job":"trial","binary":…,"accel":…,"machine":…,"memory_bytes":N,"guest":…,"limit_ms":N,
//   "trace":…} -> {"beats":…,"version":…,"why":…,"machines":[…],"traced":[…]}
//  {"job":"capabilities"} -> {name:reason} of what this machine cannot do (io/capabilities.h)
// Runs inside the namespaces of harness/io/sandbox.h. A case whose environment fails is `infra`.
#pragma once

#include "harness/core/catalogs.h"
#include "harness/core/result.h"
#include "harness/io/loop.h"
#include "harness/io/sandbox.h"

namespace migfuzz {

/// The accelerator trial as main() provides it; `campaign` knows no hypervisor.
using TrialFunction = std::function<std::string(io::Loop&, const std::string& request)>;

/// Runs one plan here and now: the body of a worker, and of tests that stay in one process.
struct CaseRun {
  CaseResult result;
  std::vector<std::string> passed_points;  // of the stream, in order, each once
};
CaseRun run_case(io::Loop& loop, const Plan& plan, const Catalogs& catalogs, bool trace = false);

/// The loop of a worker; returns its exit status when the harness closes the line.
int work(io::Line& line, const Catalogs& catalogs, const TrialFunction& trial);

}  // namespace migfuzz
