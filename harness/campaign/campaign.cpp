#include "harness/campaign/campaign.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <tuple>

#include "harness/campaign/bundle.h"
#include "harness/campaign/display.h"
#include "harness/campaign/recorded_request.h"
#include "harness/campaign/remaining.h"
#include "harness/campaign/run_feedback.h"
#include "harness/campaign/search_source.h"
#include "harness/campaign/spread.h"
#include "harness/campaign/utc.h"
#include "harness/core/error.h"
#include "harness/judge.h"

namespace migfuzz {
namespace {

std::string host_text() {
  utsname name{};
  ::uname(&name);
  return fmt::format("{} cores, {} {}, {}", ::sysconf(_SC_NPROCESSORS_ONLN), name.sysname,
                     name.release, ::geteuid() == 0 ? "root" : "ordinary user");
}

// The scenario is a search, or is followed by one until the time is up.
bool searches(const CampaignRequest& request) {
  return request.scenario == kSearchScenario || (request.scenario == "cells" && request.time);
}

// Of no-fault migrations: a resumed run has others, too, before its first case.
Verdict worst_control(const std::vector<CaseResult>& results) {
  auto worst = Verdict::pass;
  for (const auto& result : results)
    if (is_control(result.plan)) worst = std::min(worst, result.verdict);
  return worst;
}

// One run of a campaign; its members are what the steps share.
class Campaign {
 public:
  Campaign(io::Loop& loop, const CampaignRequest& request, const Catalogs& catalogs,
           const TrialFunction& trial, const Reports& reports)
      : request_(request),
        catalogs_(catalogs),
        reports_(reports),
        started_(Clock::now()),
        output_(request.output, started_),
        pool_(loop, catalogs, trial, request.jobs),
        signals_(loop, [this](int number) { signal_ = number; }),
        display_(STDERR_FILENO, request.quiet) {
    pool_.each_turn([this] { show(); });
  }

  int run() {
    if (!request_.corpus.empty()) corpus_ = read_corpus(request_.corpus);
    open_run();
    if (request_.resume)  // the corpus as it was when the run began
      std::erase_if(corpus_, [this](const auto& one) { return one.found >= run_.facts.started; });
    display_.say(fmt::format("seed {}", request_.draw.base.seed));
    missing_ = pool_.missing_capabilities();  // the machine's, the same for every pair
    std::vector<PlannedCase> drawn;
    for (const auto& pair : request_.pairs)
      for (auto& one : prepare(pair)) drawn.push_back(std::move(one));
    if (request_.most_cells != 0) drawn = a_part_of(std::move(drawn));
    auto cases = corpus_cases();
    cases.insert(cases.end(), std::make_move_iterator(drawn.begin()),
                 std::make_move_iterator(drawn.end()));
    place(cases);
    output_.record(summary_, matrix_);
    ListSource list(std::move(cases));
    std::vector<CaseSource*> sources{&list};
    if (auto* more = search()) sources.push_back(more);
    run_cases(ChainedSource(std::move(sources)), request_.shard);
    display_.finish(tally());
    reduced_ = confirm_and_shrink();
    display_.clear();
    return finish();
  }

 private:
  // What is known before anything is run. A resumed run begins with what it knew.
  void open_run() {
    run_.facts.started = utc_now();
    if (request_.resume) {
      run_ = output_.unfinished();
      if (!request_.seed_given) request_.draw.base.seed = run_.facts.seed;
      refuse_another_request();
      matrix_ = run_.matrix;
      output_.resume(run_);
      for (const auto& result : output_.results()) feedback_.recall(result);
      display_.say(fmt::format("going on with the run of {}: {} cases have finished",
                               run_.facts.started, output_.results().size()));
    }
    summary_ = run_.facts;
    summary_.seed = request_.draw.base.seed;
    if (!request_.resume) summary_.command = request_.command;
    if (!request_.resume && !request_.seed_given)
      summary_.command += fmt::format(" --seed={}", summary_.seed);  // repeated, it draws the same
    summary_.version = request_.version;
    summary_.host = host_text();
    summary_.promises.clear();  // a resumed run knows them, counted
    for (const auto& one : catalogs_.find_scenario(request_.scenario).promises)
      summary_.promises.push_back(
          {std::string(one.name), std::string(one.claim), std::string(one.source)});
    if (!request_.time) return;
    const std::chrono::duration<double> left(seconds_of(*request_.time - request_.shrink_time) -
                                             output_.seconds());
    deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(left);
  }

  static double seconds_of(Milliseconds time) {
    return std::chrono::duration<double>(time).count();
  }

  void refuse_another_request() const {
    auto other = difference(run_.request, recorded(request_));
    if (other.empty() && run_.shard != to_string(request_.shard))
      other = fmt::format("--shard was `{}` and is `{}`", run_.shard, to_string(request_.shard));
    if (other.empty() && run_.facts.version != request_.version)
      other = fmt::format("it was begun by migfuzz {}", run_.facts.version);
    if (!other.empty())
      throw UsageError(
          fmt::format("--resume: {}: {}; give the options of that run", output_.folder(), other));
  }

  // The run is in the store from here on: this machine can run it.
  void begin_run() {
    if (output_.begun()) return;
    run_.request = recorded(request_);
    run_.shard = to_string(request_.shard);
    run_.facts = summary_;
    output_.begin(run_);
  }

  // Splits what has to be delivered into this shard's part and the others'.
  void place(const std::vector<PlannedCase>& cases) {
    auto keys = drawing_.keys;
    std::size_t own = 0;
    for (const auto& one : cases) {
      const auto key = keys.next(one.plan);
      const bool mine = request_.shard.holds(key);
      own += mine && !output_.has(key) ? 1 : 0;
      if (one.cell) (mine ? matrix_.required : matrix_.elsewhere).insert(*one.cell);
    }
    begin_stage(request_.scenario == kSearchScenario ? "search" : "cases");
    if (own > 0) stage_.total = own;
    stage_.more = request_.time && searches(request_);
  }

  // Looks at one pair of QEMUs, runs its controls, and draws its cases under every protocol.
  std::vector<PlannedCase> prepare(const std::pair<HypervisorSpec, HypervisorSpec>& pair) {
    auto draw = request_.draw;
    draw.missing = missing_;
    std::tie(draw.base.source, draw.base.destination) = pair;
    const auto& guest = catalogs_.find_guest(draw.base.guest.name);
    adopt(draw, choose(pool_, draw.base, request_.memory_given, guest));
    boot_once(pool_, draw.base, guest);
    begin_run();
    for (const auto& one : corpus_)
      replayed_.push_back({one.signature, adapted(one.plan, draw.base)});
    if (const auto said = feedback_.look(pool_, draw.base); !said.empty()) note(said);
    std::vector<PlannedCase> cases;
    for (const auto& mode : modes_here(draw.base)) {
      draw.base.mode = mode;
      for (auto& one : prepare_mode(draw)) cases.push_back(std::move(one));
      if (signal_ != 0) break;
    }
    return cases;
  }

  // Of cells only: what a scenario draws besides them is run.
  std::vector<PlannedCase> a_part_of(std::vector<PlannedCase> drawn) {
    const auto cells = std::stable_partition(drawn.begin(), drawn.end(),
                                             [](const auto& one) { return !one.cell; });
    std::vector<PlannedCase> part(std::make_move_iterator(drawn.begin()),
                                  std::make_move_iterator(cells));
    drawn.erase(drawn.begin(), cells);
    const auto all = drawn.size();
    auto chosen = spread(std::move(drawn), request_.most_cells, request_.draw.base.seed);
    note(fmt::format("{} of {} cells were chosen, as different as they can be", chosen.size(),
                     all));
    for (auto& one : chosen) part.push_back(std::move(one));
    return part;
  }

  // Those of the request that both QEMUs can do.
  std::vector<std::string> modes_here(const Plan& base) {
    const auto refused = refused_modes(pool_, base, request_.modes);
    auto modes = request_.modes;
    for (const auto& [mode, why] : refused) {
      note(fmt::format("mode {} was left out: {}", mode, why));
      std::erase(modes, mode);
    }
    if (modes.empty() && request_.pairs.size() == 1)
      throw CannotRun(fmt::format("--mode: {}: {}", refused.begin()->first,
                                  refused.begin()->second));
    return modes;
  }

  std::vector<PlannedCase> prepare_mode(ScenarioRequest draw) {
    std::vector<PlannedCase> cases;
    for (const auto& protocol : request_.protocols) {
      draw.base.protocol = protocol;
      if (!request_.disk_given) draw.base.disk = disk_of(protocol);
      draw.passed_points = run_controls(draw);
      if (signal_ != 0) break;
      // When the time is up it is drawn all the same: what was not reached is not delivered.
      draws_.push_back(draw);
      if (request_.scenario == kSearchScenario) continue;  // one sequence over all draws
      Drawn drawn;
      try {
        drawn = catalogs_.find_scenario(request_.scenario).draw(draw, catalogs_);
        for (const auto& one : drawn.cases) check_plan(one.plan, catalogs_);
      } catch (const UsageError& error) {
        // What is asked for has to have a meaning somewhere, and need not have one in every mode.
        if (request_.modes.size() * request_.protocols.size() == 1) throw;
        note(fmt::format("mode {} under {} has no such cell: {}", draw.base.mode, protocol,
                         error.what()));
        continue;
      }
      std::move(drawn.cases.begin(), drawn.cases.end(), std::back_inserter(cases));
      unite(matrix_, {{}, {}, std::move(drawn.left_out)});
    }
    return cases;
  }

  std::string disk_of(const std::string& protocol) {
    const std::string disk(catalogs_.find_protocol(protocol).disk());
    const auto missing = missing_.find("storage-daemon");
    if (disk != "nbd" || missing == missing_.end()) return disk;
    note(fmt::format("{} runs on disk raw instead of nbd: {}", protocol, missing->second));
    return "raw";
  }

  // What is drawn as it is run: all of a search, or what follows the cases while there is time.
  CaseSource* search() {
    if (!searches(request_) || draws_.empty()) return nullptr;
    const bool alone = request_.scenario == kSearchScenario;
    const auto usual = request_.time ? 0 : kUsualSearch;  // 0: without end
    const auto cases = alone && request_.draw.cases != 0 ? request_.draw.cases : usual;
    if (cases != 0) stage_.total = cases;
    try {
      search_ = std::make_unique<SearchSource>(PlanGenerator(draws_, catalogs_), cases,
                                               feedback_.steers());
    } catch (const UsageError& error) {
      if (alone) throw;
      note(fmt::format("no search follows the cells: {}", error.what()));
      return nullptr;
    }
    return &feedback_.steer(
        *search_,
        [this](const PlannedCase& planned, std::uint64_t seed) {
          return search_->generator().mutate(planned, seed);
        },
        {.seed = request_.draw.base.seed, .cases = cases});
  }

  void adopt(ScenarioRequest& draw, const Chosen& chosen) {
    draw.base.accel = chosen.accel;
    draw.base.guest.memory_bytes = chosen.memory_bytes;
    if (request_.pairs.size() > 1)
      draw.versions = chosen.source_version + " -> " + chosen.destination_version;
    // `pc` is another machine type in every version: two versions need one that both know.
    const bool mixed = chosen.source_version != chosen.destination_version;
    if (mixed && !request_.machine_given && !chosen.common_machine.empty())
      draw.base.machine = chosen.common_machine;
    const auto named = [](const std::string& version, const std::string& binary) {
      return fmt::format("QEMU {} ({})", version, binary.empty() ? "qemu-system-x86_64" : binary);
    };
    const auto source = named(chosen.source_version, draw.base.source.binary);
    const auto destination = named(chosen.destination_version, draw.base.destination.binary);
    if (request_.resume && request_.pairs.size() == 1 && run_.facts.accel != chosen.accel)
      note(fmt::format("before it was resumed the run used accelerator {}", run_.facts.accel));
    refuse_another(source, draw.base.source.binary, run_.facts.source_qemu);
    refuse_another(destination, draw.base.destination.binary, run_.facts.destination_qemu);
    list_also(summary_.source_qemu, source);
    list_also(summary_.destination_qemu, destination);
    summary_.accel = chosen.accel;
    summary_.accel_why = chosen.accel_why;
    list_also(summary_.memory, size_text(chosen.memory_bytes));
    list_also(summary_.memory_why, chosen.memory_why);
    display_.say(fmt::format("source {}, destination {}, machine type {}", source, destination,
                             draw.base.machine));
    display_.say(fmt::format("accelerator {}: {}", chosen.accel, chosen.accel_why));
    display_.say(
        fmt::format("guest RAM {}: {}", size_text(chosen.memory_bytes), chosen.memory_why));
  }

  // A resumed run needs each binary to be of the version that it was. Of several pairs the facts
  // may have only some.
  void refuse_another(const std::string& qemu, const std::string& binary,
                      const std::string& before) const {
    const auto path = fmt::format("({})", binary.empty() ? "qemu-system-x86_64" : binary);
    const bool other = before.find(path) != before.npos && before.find(qemu) == before.npos;
    if (request_.resume && other)
      throw UsageError(
          fmt::format("--resume: {} was begun with {}, and now it is {}; start a new run",
                      output_.folder(), before, qemu));
  }

  // One control per transport, before any fault: what fails here no fault can be blamed for.
  std::vector<std::string> run_controls(const ScenarioRequest& draw) {
    auto two = draw;
    two.cases = 2;
    two.base.seed ^= 0xc0117201;  // not the numbers that the scenario `control` draws
    auto cases = catalogs_.find_scenario("control").draw(two, catalogs_).cases;
    std::vector<std::string> points;
    auto keys = drawing_.keys;
    for (const auto& one : cases) {
      const auto key = keys.next(one.plan);
      longer(points, output_.passed_points(key));
    }
    begin_stage("controls");
    stage_.total = cases.size();
    // Every shard runs all of them: each machine has to show that it can be trusted.
    run_cases(ListSource(std::move(cases)), Shard(), &points);
    if (worst_control(output_.results()) <= Verdict::not_delivered)
      note("the no-fault control did not pass: what follows cannot be blamed on the faults alone");
    return points;
  }

  static void longer(std::vector<std::string>& points, const std::vector<std::string>& other) {
    if (points.size() < other.size()) points = other;
  }

  void run_cases(CaseSource&& cases, const Shard& shard,
                 std::vector<std::string>* points = nullptr) {
    Remaining remaining(cases, shard, drawing_, output_, [this] { return time_left(); });
    pool_.run(
        remaining,
        [&](Pool::Done& done) {
          if (done.planned.cell) done.result.required_cell = to_string(*done.planned.cell);
          amend(done.result, request_.known_issues, catalogs_);
          if (points == nullptr) done.passed_points.clear();  // of controls alone they are kept
          if (points != nullptr) longer(*points, done.passed_points);
          feedback_.take(done.result);
          count(done.result);
          done.result =
              output_.add(std::move(done.result), done.planned.key, done.passed_points);
        },
        [this] { return stopped(); });
  }

  // --- progress ---

  void begin_stage(const std::string& name) {
    stage_.stage = name;
    stage_.done = 0;
    stage_.total.reset();
    stage_.more = false;
    stage_began_ = Clock::now();
    stage_ends_ = deadline_;
  }

  // Each kind of failure is said once; how often it came up stands in the counts.
  void count(const CaseResult& result) {
    ++stage_.done;
    ++stage_.verdicts[result.verdict];
    if (result.verdict > Verdict::not_delivered) return;
    const auto key = fmt::format("{}  {}", to_string(result.verdict), result.signature);
    if (!failures_.insert(key).second) return;
    if (result.verdict == Verdict::fail) ++stage_.signatures;
    display_.say(fmt::format("{}  {}  {}", to_string(result.verdict), result.id,
                             result.headline));
  }

  Tally tally() {
    auto now = stage_;
    now.elapsed = Clock::now() - stage_began_;
    if (stage_ends_) now.time_left = std::max(Clock::duration(0), *stage_ends_ - Clock::now());
    now.workers = pool_.doing();
    return now;
  }

  void show() {
    if (display_.due()) display_.show(tally());
  }

  // --- time ---

  bool time_is_up() const { return deadline_ && Clock::now() >= *deadline_; }
  bool stopped() const { return signal_ != 0 || time_is_up(); }

  // Whether a case that takes as long as the others did would end in time.
  bool time_left() {
    if (!deadline_) return true;
    const auto& results = output_.results();
    for (; timed_ < results.size(); ++timed_) cases_ms_ += results[timed_].duration_ms;
    const double usual_ms = timed_ == 0 ? 0 : cases_ms_ / double(timed_);
    out_of_time_ = Clock::now() + Milliseconds(static_cast<std::int64_t>(usual_ms)) >= *deadline_;
    return !out_of_time_;
  }

  void note_what_time_left_out() {
    if (!out_of_time_ && !time_is_up()) return;
    std::set<std::string> reached;
    for (const auto& result : output_.results()) reached.insert(result.required_cell);
    const auto missed =
        std::count_if(matrix_.required.begin(), matrix_.required.end(),
                      [&](const Cell& cell) { return !reached.contains(to_string(cell)); });
    if (missed > 0)
      note(fmt::format("the time was up before {} of {} cells were reached", missed,
                       matrix_.required.size()));
  }

  // --- findings ---------------------------------------------------------------------------------

  // The plans of the corpus that this machine can run, on each pair of QEMUs.
  std::vector<PlannedCase> corpus_cases() {
    std::vector<PlannedCase> cases;
    std::vector<Replayed> here;
    for (auto& one : replayed_) {
      const auto why = why_not_here(one.plan, catalogs_, missing_);
      if (why.empty()) {
        cases.push_back({one.plan, std::nullopt});
        here.push_back(std::move(one));
      } else {
        note(fmt::format("corpus: the plan of {} was left out: {}", one.signature, why));
      }
    }
    replayed_ = std::move(here);
    return cases;
  }

  std::vector<Reduced> confirm_and_shrink() {
    pool_.trace(false);  // as `replay` and `shrink` run them
    begin_stage("runs to confirm and shrink");
    HarvestRequest harvesting;
    harvesting.folder = output_.folder();
    harvesting.corpus = request_.corpus;
    harvesting.time = shrink_time_left();
    harvesting.confirm = request_.confirm;
    harvesting.at_once = request_.jobs;
    harvesting.stop = [this] { return signal_ != 0; };
    if (harvesting.time.count() > 0) stage_ends_ = Clock::now() + harvesting.time;
    harvesting.amend = [this](CaseResult& result) {
      amend(result, request_.known_issues, catalogs_);
      ++stage_.done;
    };
    harvesting.met = [this](CaseResult result) {
      run_as(result.plan, kShrinkScenario);
      // A drawn case may have the same plan: what was met on the way replaces nothing.
      std::string key;
      do {
        key = kMetOnTheWay + shrink_keys_.next(result.plan);
      } while (output_.has(key));
      return output_.add(std::move(result), key);
    };
    harvesting.say = [this](const std::string& line) { display_.say(line); };
    return harvest(pool_, catalogs_, output_.results(), harvesting);
  }

  // Of --time, which is that of all sessions, and at most --shrink-time.
  Milliseconds shrink_time_left() const {
    if (!request_.time) return request_.shrink_time;
    const auto left = *request_.time - Milliseconds(std::int64_t(1000 * output_.seconds()));
    return std::clamp(left, Milliseconds(0), request_.shrink_time);
  }

  void tell_corpus_and_issues() {
    std::size_t run = 0, again = 0;
    for (const auto& one : replayed_) {
      bool was_run = false, showed = false;
      for (const auto& result : output_.results()) {
        if (result.plan != one.plan) continue;
        was_run = true;
        showed = showed || face_of(result.signature) == face_of(one.signature);
      }
      run += was_run ? 1 : 0;
      again += showed ? 1 : 0;
    }
    if (run > 0)
      note(fmt::format("corpus: {} of {} replayed plans showed their finding again", again, run));
    for (const auto& line : stale_issues(request_.known_issues, output_.results(), replayed_,
                                         utc_today()))
      note(line);
  }

  void note(const std::string& text) {
    display_.say("note: " + text);
    const auto& notes = summary_.notes;
    if (std::find(notes.begin(), notes.end(), text) == notes.end()) summary_.notes.push_back(text);
  }

  int finish() {
    if (signal_ == 0) {
      note_what_time_left_out();
      tell_corpus_and_issues();
    }
    summary_.reached = feedback_.reach();
    output_.record(summary_, matrix_);
    summary_.interrupted = signal_ != 0;
    summary_.duration_s = output_.seconds();
    sum_up(summary_, output_.results(), matrix_, reduced_);
    write_bundles(output_.folder(), summary_, output_.results(), catalogs_, missing_);
    output_.finish(summary_, reports_, signal_ == 0);
    print_end();
    return signal_ != 0 ? 128 + signal_ : exit_status(summary_);
  }

  // The reports name cases as they lie beside them; who reads a terminal is elsewhere.
  std::string from_here(const std::string& replay) const {
    constexpr std::string_view kCommand = "migfuzz replay ";
    if (!replay.starts_with(kCommand)) return replay;
    return fmt::format("{}{}/{}", kCommand, output_.folder(), replay.substr(kCommand.size()));
  }

  void print_end() const {
    if (request_.quiet) return;
    for (const auto& finding : summary_.findings) {
      fmt::print("{}  {}  ×{}\n    {}\n    {}\n", to_string(finding.verdict), finding.signature,
                 finding.count, finding.what, from_here(finding.replay));
      if (!finding.bundle.empty()) fmt::print("    {}/{}\n", output_.folder(), finding.bundle);
      if (finding.minimal.empty()) continue;
      fmt::print("    reproduced {}; {}\n    {}\n", to_string(finding.rate), finding.shrink_end,
                 from_here(finding.minimal));
    }
    fmt::print("{} cases in {:.1f} s ({:.0f} per hour); cells delivered {}/{}\n", summary_.cases,
               summary_.duration_s, summary_.cases_per_hour(), summary_.cells_delivered,
               summary_.cells_required);
    fmt::print("report: {}/report.html\n", output_.folder());
  }

  CampaignRequest request_;
  const Catalogs& catalogs_;
  const Reports& reports_;
  const Clock::time_point started_;
  Output output_;
  Pool pool_;
  int signal_ = 0;
  io::Signals signals_;
  Display display_;
  Tally stage_;
  Clock::time_point stage_began_ = started_;
  std::optional<Clock::time_point> stage_ends_;
  std::set<std::string> failures_;  // signatures that were said
  Summary summary_;
  std::map<std::string, std::string> missing_;
  StoredRun run_;
  Matrix matrix_;
  Drawing drawing_;
  std::vector<ScenarioRequest> draws_;
  std::vector<StoredPlan> corpus_;
  std::vector<Replayed> replayed_;  // its plans, on this run's hosts
  std::vector<Reduced> reduced_;
  RunFeedback feedback_{request_.feedback, searches(request_), request_.shard.of == 1};
  std::unique_ptr<SearchSource> search_;
  CaseKeys shrink_keys_;
  std::optional<Clock::time_point> deadline_;
  bool out_of_time_ = false;
  double cases_ms_ = 0;  // of the first timed_ results
  std::size_t timed_ = 0;
};

// Throws what speaks against the first mode and protocol when there is no case under any of them.
void refuse_empty(const CampaignRequest& request, const Catalogs& catalogs) {
  std::optional<UsageError> first;
  auto draw = request.draw;
  for (const auto& mode : request.modes)
    for (const auto& protocol : request.protocols) try {
        draw.base.mode = mode;
        draw.base.protocol = protocol;
        if (request.scenario == kSearchScenario)
          PlanGenerator({draw}, catalogs);
        else
          catalogs.find_scenario(request.scenario).draw(draw, catalogs);
        return;
      } catch (const UsageError& error) {
        if (!first) first = error;
      }
  if (first) throw UsageError(*first);
}

}  // namespace

int run_campaign(io::Loop& loop, const CampaignRequest& request, const Catalogs& catalogs,
                 const TrialFunction& trial, const Reports& reports) {
  // A request that draws nothing is refused before anything is started or overwritten. Patterns
  // wait until the controls have told the points of this machine's stream.
  const auto& points = request.draw.points;
  const bool patterns = std::any_of(points.begin(), points.end(), [](const auto& point) {
    return point.find('*') != std::string::npos;
  });
  if (!patterns) refuse_empty(request, catalogs);
  return Campaign(loop, request, catalogs, trial, reports).run();
}

}  // namespace migfuzz
