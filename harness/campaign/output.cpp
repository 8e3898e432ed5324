#include "harness/campaign/output.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "harness/campaign/feedback.h"
#include "harness/campaign/harvest.h"
#include "harness/campaign/nights.h"
#include "harness/campaign/utc.h"
#include "harness/core/error.h"

namespace migfuzz {
namespace {

constexpr std::size_t kResultsBytesMax = std::size_t{4} << 30;
constexpr const char* kDatabase = "/results.db";
// What belongs to one run; all but the evidence is made anew by `report`.
constexpr const char* kOfOneRun[] = {"results.jsonl", "summary.json", "summary.md",
                                     "junit.xml",     "report.html",  "report.sarif",
                                     "metrics.prom",  "cases",        "findings"};

std::string dump(const nlohmann::json& json, int indent = -1) {
  return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

nlohmann::json parse(const std::string& text, const std::string& path) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded())
    throw UsageError(
        fmt::format("{}: is truncated or not JSON; run migfuzz again or restore it", path));
  return json;
}

std::string case_readme(const CaseResult& result) {
  return fmt::format(
      "# {}\n\nVerdict: **{}**{}\n\n{}\n\nReplay: `migfuzz replay plan.json` in this folder.\n\n"
      "- `plan.json`: everything that decided this case\n"
      "- `history.jsonl`: what happened, one event per line, `at_ns` on one clock\n"
      "- `qmp-source.log`, `qmp-destination.log`: both monitors of each host (milliseconds)\n"
      "- `stderr-*.log`: what QEMU printed\n"
      "- `guest-*.log`: the guest's own record of its steps\n"
      "- `stacks-*.log`: where the threads of a host stood that was waited for in vain\n"
      "- `trace-*.log`: QEMU's own trace events, where they were traced (docs/feedback.md)\n",
      result.id, to_string(result.verdict),
      result.signature.empty() ? "" : " (" + result.signature + ")", result.headline);
}

std::vector<CaseResult> results_of(const std::vector<StoredCase>& cases) {
  std::vector<CaseResult> results;
  results.reserve(cases.size());
  for (const auto& one : cases) results.push_back(one.result);
  return results;
}

// Of a run that was killed, or of several: its results in their order give the whole map again.
RunReach reach_of(const std::vector<CaseResult>& results) {
  const bool traced = std::any_of(results.begin(), results.end(),
                                  [](const CaseResult& one) { return !one.reached.empty(); });
  if (!traced) return {};
  CoverageMap map;
  for (const auto& one : results) map.add(one.reached);
  auto reach = map.reach();
  reach.mode = "watch";
  reach.why = "counted from the results";
  return reach;
}

double seconds_of(const std::vector<Session>& sessions) {
  double seconds = 0;
  for (const auto& session : sessions) seconds += session.seconds;
  return seconds;
}

}  // namespace

std::vector<std::string> unfinished_shards(const std::vector<Session>& sessions) {
  std::set<std::string> ended, begun;
  for (const auto& session : sessions) {
    begun.insert(session.shard);
    if (session.finished) ended.insert(session.shard);
  }
  if (ended.contains("")) return {};
  std::vector<std::string> left;
  for (const auto& label : begun) {
    const auto of = shard_from(label).of;
    std::vector<std::string> missing;
    for (std::uint64_t number = 1; number <= of; ++number)
      if (const auto part = to_string(Shard{number, of}); !ended.contains(part))
        missing.push_back(part);
    if (missing.empty()) return {};
    if (left.empty() || missing.size() < left.size()) left = std::move(missing);
  }
  return left;
}

Summary summary_of(const StoredRun& run, const std::vector<Session>& sessions,
                   const std::vector<CaseResult>& results, const std::string& folder) {
  auto summary = run.facts;
  summary.interrupted = !run.finished;
  summary.duration_s = seconds_of(sessions);
  const bool merged = run.kind == "merge";
  if (const auto left = unfinished_shards(sessions); merged && !left.empty())
    summary.notes.push_back(fmt::format("these parts are missing or did not come to their end: {}",
                                        fmt::join(left, ", ")));
  if (merged || summary.reached.mode == "off") summary.reached = reach_of(results);
  sum_up(summary, results, merged ? whole(run.matrix) : run.matrix,
         read_reduced(folder, results));
  return summary;
}

Output::Output(std::string folder, Clock::time_point since)
    : folder_((io::make_output_folder(folder), std::move(folder))),
      lock_(folder_),
      store_(folder_ + kDatabase, Store::Access::write),
      since_(since),
      session_started_(utc_now_ms()) {}

// --- the run ---

StoredRun Output::unfinished() const {
  auto last = store_.last_run();
  if (!last || last->kind != "run" || last->finished)
    throw UsageError(fmt::format(
        "--resume: {} has no unfinished run to go on with{}; leave --resume out to start one",
        folder_, last && last->finished ? ", the last one came to its end" : ""));
  return std::move(*last);
}

void Output::resume(StoredRun run) {
  run_ = std::move(run);
  seconds_before_ = seconds_of(store_.sessions(run_.id));
  for (auto& one : store_.drawn(run_.id))
    if (!one.key.starts_with(kMetOnTheWay)) drawn_.emplace(one.ordinal, std::move(one));
  for (auto& one : store_.finished(run_.id)) keep(one);
}

void Output::begin(StoredRun run) {
  const auto earlier = store_.last_run();
  // Files first: whatever happens between, those at the top belong to the last run of the store.
  move_away(earlier);
  run_ = std::move(run);
  run_.finished = false;
  run_.id = store_.add(run_);
}

void Output::move_away(const std::optional<StoredRun>& earlier) const {
  const auto there = fmt::format("{}/runs/{}", folder_, earlier ? earlier->id : 0);
  for (const auto* name : kOfOneRun) {
    const auto path = folder_ + "/" + name;
    if (!io::is_there(path)) continue;
    io::make_output_folder(there);
    io::remove_if_there(there + "/" + name);
    io::move(path, there + "/" + name);
  }
  if (!earlier || earlier->finished || !io::is_there(there)) return;
  // It was given up: nobody has written its results yet.
  const auto results = results_of(store_.finished(earlier->id));
  write(there, summary_of(*earlier, store_.sessions(earlier->id), results, there), results,
        nullptr);
}

double Output::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(Clock::now() - since_).count();
}

Session Output::session() const {
  return {run_.shard, session_started_, seconds() - seconds_before_, run_.finished};
}

void Output::record(const Summary& facts, const Matrix& matrix) {
  run_.facts = facts;
  run_.matrix = matrix;
  store_.update(run_);
}

// --- its cases ---

void Output::start(const PlannedCase& planned, std::uint64_t ordinal, std::uint64_t learned) {
  store_.start(run_.id, {planned.key, ordinal, learned, planned.plan});
}

std::string Output::unique(const std::string& id) {
  auto mine = id;
  for (int n = 2; !ids_.insert(mine).second; ++n) mine = fmt::format("{}-{}", id, n);
  return mine;
}

void Output::keep(const StoredCase& one) {
  const auto [place, fresh] = by_key_.try_emplace(one.drawn.key, Place{results_.size(), {}});
  place->second.passed_points = one.passed_points;
  ids_.insert(one.result.id);
  if (!fresh) {
    results_[place->second.index] = one.result;
    return;
  }
  keys_.push_back(one.drawn.key);
  results_.push_back(one.result);
}

const CaseResult& Output::add(CaseResult result, std::string key,
                              const std::vector<std::string>& passed_points) {
  if (!begun()) {
    StoredRun unnamed;
    unnamed.kind = "replay";
    unnamed.request = "{}";
    unnamed.facts.started = session_started_;
    begin(std::move(unnamed));
  }
  if (key.empty()) key = own_keys_.next(result.plan);
  result.id = unique(result.id);
  const auto there = folder_ + "/cases/" + result.id;
  io::remove_if_there(there);  // of the same case in a session that was killed
  if (result.verdict != Verdict::pass) {
    result.evidence_kept = "cases/" + result.id;
    io::make_output_folder(there);
    result.evidence["plan.json"] = to_json(result.plan).dump(2) + "\n";
    result.evidence["README.md"] = case_readme(result);
    for (const auto& [name, text] : result.evidence)
      io::write_whole(fmt::format("{}/{}", there, name), text);
  }
  result.evidence.clear();
  const StoredCase one{
      {key, results_.size(), 0, {}}, std::move(result), passed_points, utc_now_ms()};
  store_.end(run_.id, one, session());
  keep(one);
  return results_[by_key_.at(one.drawn.key).index];
}

void Output::adopt(const StoredCase& one, const std::string& folder) {
  auto mine = one;
  mine.result.evidence.clear();
  const auto known = by_key_.find(one.drawn.key);
  mine.result.id =
      known == by_key_.end() ? unique(one.result.id) : results_[known->second.index].id;
  if (known != by_key_.end()) io::remove_if_there(folder_ + "/cases/" + mine.result.id);
  if (!one.result.evidence_kept.empty()) {
    mine.result.evidence_kept = "cases/" + mine.result.id;
    io::copy_folder(folder + "/" + one.result.evidence_kept,
                    folder_ + "/" + mine.result.evidence_kept);
  }
  store_.end(run_.id, mine, std::nullopt);
  keep(mine);
}

void Output::adopt(const Session& session) { store_.put(run_.id, session); }

std::vector<std::string> Output::passed_points(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? std::vector<std::string>() : found->second.passed_points;
}

// --- the end ---

void Output::finish(const Summary& summary, const Reports& reports, bool ended) {
  auto told = summary;
  compare(told, store_.nights_before(run_.id), static_cast<std::uint64_t>(run_.id), results_);
  write(folder_, told, results_, reports);
  run_.finished = ended;
  run_.facts.nights = {told.nights.back()};
  if (run_.kind != "merge") store_.put(run_.id, session());
  store_.update(run_);
  store_.settle();
}

void Output::write(const std::string& folder, const Summary& summary,
                   const std::vector<CaseResult>& results, const Reports& reports) {
  const auto lines = folder + "/results.jsonl.part";
  io::write_whole(lines, "");
  for (const auto& result : results) io::append_line(lines, dump(to_json(result)));
  io::move(lines, folder + "/results.jsonl");
  io::write_whole(folder + "/summary.json", dump(to_json(summary), 2) + "\n");
  if (!reports) return;
  for (const auto& [name, text] : reports(summary, results))
    io::write_whole(folder + "/" + name, text);
}

std::pair<Summary, std::vector<CaseResult>> Output::read(const std::string& folder) {
  if (io::is_there(folder + kDatabase)) {
    const Store store(folder + kDatabase, Store::Access::read);
    if (const auto run = store.last_run()) {
      auto results = results_of(store.finished(run->id));
      auto summary = summary_of(*run, store.sessions(run->id), results, folder);
      compare(summary, store.nights_before(run->id), static_cast<std::uint64_t>(run->id), results);
      return {std::move(summary), std::move(results)};
    }
  }
  const auto summary_path = folder + "/summary.json", results_path = folder + "/results.jsonl";
  const auto summary =
      summary_from_json(parse(io::read_input(summary_path, 64 << 20), summary_path));
  std::vector<CaseResult> results;
  std::istringstream lines(io::read_input(results_path, kResultsBytesMax));
  for (std::string line; std::getline(lines, line);)
    if (!line.empty())
      results.push_back(case_result_from_json(
          parse(line, fmt::format("{}:{}", results_path, results.size() + 1))));
  return {summary, std::move(results)};
}

}  // namespace migfuzz
