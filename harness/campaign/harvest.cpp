#include "harness/campaign/harvest.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "harness/campaign/proposals.h"
#include "harness/campaign/utc.h"
#include "harness/core/error.h"
#include "harness/core/simpler.h"
#include "harness/io/files.h"
#include "harness/judge.h"

namespace migfuzz {
namespace {

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void amend(CaseResult& result, const std::vector<KnownIssue>& list, const Catalogs& catalogs) {
  result.ended = utc_now();
  const auto arrow = result.versions.find(" -> ");
  if (arrow == std::string::npos) return;  // no host came up
  apply_known_issues(result, list, result.versions.substr(0, arrow),
                     result.versions.substr(arrow + 4), utc_today(),
                     catalogs.promises_of(result.plan));
}

RunPlans on_pool(Pool& pool, const std::function<void(CaseResult&)>& amend,
                 const std::function<bool()>& stop) {
  return [&pool, amend, stop](const std::vector<Plan>& plans) {
    std::vector<PlannedCase> cases;
    for (std::size_t i = 0; i < plans.size(); ++i)  // the cell only tells which one it is
      cases.push_back({plans[i], Cell{std::to_string(i), "", Side::channel, "", ""}});
    ListSource source(std::move(cases));
    std::vector<std::optional<CaseResult>> ended(plans.size());
    pool.run(
        source,
        [&](Pool::Done& done) {
          const auto& number = done.planned.cell->point;
          std::size_t i = 0;
          std::from_chars(number.data(), number.data() + number.size(), i);
          amend(done.result);
          ended[i] = std::move(done.result);
        },
        stop);
    std::vector<CaseResult> results;
    for (auto& one : ended) {
      if (!one) break;  // stopped: what follows is of no use without it
      results.push_back(std::move(*one));
    }
    return results;
  };
}

void write_shrunk(const std::string& folder, const Reduced& reduced) {
  std::string lines;
  for (const auto& step : reduced.shrunk.steps) lines += to_json(step).dump() + "\n";
  io::make_output_folder(folder);
  io::write_whole(folder + "/shrink.jsonl", lines);
  io::write_whole(folder + "/minimal.json", to_json(stored(reduced, utc_now())).dump(2) + "\n");
}

std::vector<Reduced> read_reduced(const std::string& folder,
                                  const std::vector<CaseResult>& results) {
  std::vector<Reduced> all;
  for (const auto& result : results) {
    const auto path = fmt::format("{}/cases/{}/minimal.json", folder, result.id);
    if (result.verdict != Verdict::fail || !io::is_file(path)) continue;
    const auto kept = read_stored_plan(path);
    // Shrunk by hand, and another failure than this one.
    if (face_of(kept.signature) != face_of(result.signature)) continue;
    Reduced one;
    one.case_id = result.id;
    one.signature = result.signature;
    one.key = kept.signature;
    one.versions = kept.versions;
    one.headline = kept.what;
    one.shrunk.face = face_of(result.signature);
    one.shrunk.plan = kept.plan;
    one.shrunk.first = one.shrunk.last = kept.rate;
    one.shrunk.end = kept.end;
    one.shrunk.understood = kept.end == kLedElsewhere;
    all.push_back(std::move(one));
  }
  // Where one has led to another, the other one speaks for both.
  std::stable_partition(all.begin(), all.end(),
                        [](const Reduced& one) { return !one.shrunk.understood; });
  return all;
}

StoredPlan stored(const Reduced& reduced, const std::string& found) {
  const auto& shrunk = reduced.shrunk;
  // No time to measure what is left: then what is known of the plan that it came from.
  return {reduced.key, reduced.headline, reduced.versions, found,
          shrunk.end,  shrunk.last.runs > 0 ? shrunk.last : shrunk.first, shrunk.plan};
}

std::vector<Reduced> harvest(Pool& pool, const Catalogs& catalogs,
                             const std::vector<CaseResult>& results,
                             const HarvestRequest& request) {
  if (request.time.count() == 0) return read_reduced(request.folder, results);
  const auto start = Clock::now();
  ReduceRequest reducing;
  reducing.limits.confirm = request.confirm;
  reducing.limits.at_once = request.at_once;
  reducing.limits.spent = [&] {
    return request.stop() ? 1.0 : seconds(Clock::now() - start) / seconds(request.time);
  };
  reducing.run = on_pool(pool, request.amend,
                         [&] { return request.stop() || Clock::now() - start > request.time; });
  reducing.simpler = [&](const Plan& plan) { return proposals(plan, catalogs); };
  reducing.met = request.met;
  reducing.done = [&](const Reduced& one) {
    const auto folder = fmt::format("{}/cases/{}", request.folder, one.case_id);
    const auto kept = stored(one, utc_now());
    write_shrunk(folder, one);
    if (one.shrunk.understood) return;
    request.say(fmt::format("{}  reproduced {}; {} runs: {}", one.key, to_string(kept.rate),
                            one.shrunk.runs, one.shrunk.end));
    if (request.corpus.empty() || kept.rate.shown == 0 || !one.shrunk.done) return;
    try {
      if (const auto path = add_to_corpus(request.corpus, kept); !path.empty())
        request.say("added to the corpus: " + path);
    } catch (const io::OutputError& error) {  // minimal.json has it, too
      request.say(fmt::format("not added to the corpus: {}", error.what()));
    }
  };
  return reduce(results, read_reduced(request.folder, results), reducing);
}

Plan adapted(Plan plan, const Plan& base) {
  run_as(plan, kCorpusScenario);
  plan.source = base.source;
  plan.destination = base.destination;
  plan.accel = base.accel;
  if (plan.machine == Plan().machine) plan.machine = base.machine;
  // RAM that a run chose by itself on another machine may be what this version loses pages at.
  if (plain_memory(plan.guest.memory_bytes)) plan.guest.memory_bytes = base.guest.memory_bytes;
  return plan;
}

std::string why_not_here(const Plan& plan, const Catalogs& catalogs,
                         const std::map<std::string, std::string>& missing) {
  try {
    check_plan(plan, catalogs);
  } catch (const UsageError& error) {
    return error.what();
  }
  for (const auto& fault : plan.faults) {
    const auto lacking = missing.find(std::string(catalogs.find_fault(fault.kind).needs));
    if (lacking != missing.end()) return lacking->second;
  }
  return "";
}

}  // namespace migfuzz
