#include "harness/shrink_command.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/campaign/machine.h"
#include "harness/campaign/proposals.h"
#include "harness/campaign/utc.h"
#include "harness/core/error.h"
#include "harness/io/child.h"
#include "harness/io/files.h"
#include "harness/judge.h"

namespace migfuzz {
namespace {

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

// What a person wants to see of a plan, on one line.
std::string words(const Plan& plan) {
  std::string text;
  for (const auto& fault : plan.faults) {
    text += fmt::format("{}{} {} on {}", text.empty() ? "" : ", ", to_string(fault.trigger),
                        fault.kind, to_string(fault.side));
    if (fault.heal_after_ms > 0) text += fmt::format(" for {} ms", fault.heal_after_ms);
    if (fault.parameter > 0) text += fmt::format(" ({})", fault.parameter);
  }
  if (text.empty()) text = "no fault";
  const Plan plain;
  const auto add = [&](bool odd, const std::string& what) {
    if (odd) text += "; " + what;
  };
  add(plan.protocol != plain.protocol, plan.protocol);
  add(plan.transport != plain.transport, std::string(to_string(plan.transport)));
  add(plan.disk != plain.disk, "disk " + plan.disk);
  add(plan.guest.dirty_pages_per_s != plain.guest.dirty_pages_per_s,
      fmt::format("dirties {} pages/s", plan.guest.dirty_pages_per_s));
  add(plan.guest.disk_writes_per_s != plain.guest.disk_writes_per_s,
      fmt::format("writes {}/s", plan.guest.disk_writes_per_s));
  add(plan.bandwidth_bytes_per_s != plain.bandwidth_bytes_per_s,
      fmt::format("{} bytes/s", plan.bandwidth_bytes_per_s));
  add(plan.downtime_limit_ms != plain.downtime_limit_ms,
      fmt::format("downtime limit {} ms", plan.downtime_limit_ms));
  add(plan.least_passes != plain.least_passes, fmt::format("{} passes", plan.least_passes));
  add(plan.patience_ms != plain.patience_ms, fmt::format("patience {} ms", plan.patience_ms));
  return text;
}

// The signature of a failure of the plan: the one that is written with it, else the first that
// shows itself. Every run is told to `seen`.
std::string what_fails(const StoredPlan& stored, const RunPlans& run, std::uint64_t tries,
                       std::vector<CaseResult>& seen) {
  if (!stored.signature.empty()) return stored.signature;
  for (std::uint64_t i = 0; i < tries; ++i) {
    auto results = run({stored.plan});
    if (results.empty()) break;
    seen.push_back(std::move(results.front()));
    const auto verdict = seen.back().verdict;
    if (verdict == Verdict::fail || verdict == Verdict::hazard) return seen.back().signature;
  }
  return "";
}

int nothing_fails(const std::vector<CaseResult>& seen) {
  std::map<std::string, std::size_t> verdicts;
  for (const auto& one : seen) ++verdicts[std::string(to_string(one.verdict))];
  for (const auto& [verdict, count] : verdicts)
    fmt::print("{} of {}: {}\n", count, seen.size(), verdict);
  fmt::print("nothing to shrink: no run failed\n");
  return seen.empty() || verdicts["infra"] + verdicts["not-delivered"] > 0 ? 3 : 0;
}

void print_steps(const Shrunk& shrunk) {
  for (const auto& step : shrunk.steps)
    fmt::print("{}  {:>4} runs  {}\n              {}\n", step.kept ? "+" : "-", step.runs,
               words(step.plan), step.why);
}

Simpler telling(const Catalogs& catalogs, bool quiet) {
  return [&catalogs, quiet](const Plan& plan) {
    if (!quiet) fmt::print(stderr, "at: {}\n", words(plan));
    return proposals(plan, catalogs);
  };
}

}  // namespace

int shrink_plan(io::Loop& loop, const ShrinkCommand& request, const Catalogs& catalogs,
                const TrialFunction& trial) {
  const auto given = read_stored_plan(request.path);
  check_plan(given.plan, catalogs);
  io::make_output_folder(request.output);
  Pool pool(loop, catalogs, trial, request.jobs);
  if (given.plan.accel != "auto") {
    const auto& guest = catalogs.find_guest(given.plan.guest.name);
    choose(pool, given.plan, true, guest);
    boot_once(pool, given.plan, guest);
  }
  int signal = 0;
  const io::Signals signals(loop, [&](int number) { signal = number; });
  const auto start = Clock::now();
  const auto spent = [&] {
    return signal != 0 ? 1.0 : seconds(Clock::now() - start) / seconds(request.time);
  };
  CaseResult last;  // of the runs that failed: its versions and headline
  const auto amend_and_look = [&](CaseResult& result) {
    amend(result, request.known_issues, catalogs);
    if (result.verdict == Verdict::fail || result.verdict == Verdict::hazard) last = result;
  };
  const auto run = on_pool(pool, amend_and_look, [&] { return spent() >= 1; });
  std::vector<CaseResult> seen;
  const auto signature = what_fails(given, run, request.confirm, seen);
  if (signal != 0) return 128 + signal;
  if (signature.empty()) return nothing_fails(seen);
  ShrinkLimits limits;
  limits.confirm = request.confirm;
  limits.at_once = request.jobs;
  limits.spent = spent;
  Verdicts verdicts;
  Reduced reduced;
  reduced.shrunk = shrink(given.plan, face_of(signature), telling(catalogs, request.quiet), run,
                          limits, verdicts);
  reduced.key = key_of_shrunk(reduced.shrunk);
  reduced.versions = last.versions;
  reduced.headline = last.headline;
  const auto& shrunk = reduced.shrunk;
  write_shrunk(request.output, reduced);
  if (!request.quiet) print_steps(shrunk);
  fmt::print("signature: {}\nbegan with: {}\n            {}\n", reduced.key, words(given.plan),
             to_string(shrunk.first));
  fmt::print("is left:    {}\n            {}\n", words(shrunk.plan), to_string(shrunk.last));
  fmt::print("{} runs in {:.1f} s: {}\n", shrunk.runs, seconds(Clock::now() - start), shrunk.end);
  for (const auto& other : shrunk.others)
    fmt::print("another finding on the way: {}\n    {}\n", other.signature, other.headline);
  fmt::print("replay: migfuzz replay {}/minimal.json --times 10\n", request.output);
  if (!request.corpus.empty() && shrunk.done && shrunk.last.shown > 0)
    if (const auto path = add_to_corpus(request.corpus, stored(reduced, utc_now())); !path.empty())
      fmt::print("added to the corpus: {}\n", path);
  if (signal != 0) return 128 + signal;
  return shrunk.first.shown > 0 ? 1 : shrunk.first.runs == 0 ? 3 : 0;
}

}  // namespace migfuzz
