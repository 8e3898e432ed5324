#include "harness/campaign/campaign.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <tuple>

#include "harness/campaign/bundle.h"
#include "harness/campaign/progress.h"
#include "harness/core/error.h"

namespace migfuzz {
namespace {

std::string host_text() {
  utsname name{};
  ::uname(&name);
  return fmt::format("{} cores, {} {}, {}", ::sysconf(_SC_NPROCESSORS_ONLN), name.sysname,
                     name.release, ::geteuid() == 0 ? "root" : "ordinary user");
}

std::string utc_now(const char* format) {
  const std::time_t now = std::time(nullptr);
  return fmt::format(fmt::runtime(format), fmt::gmtime(now));
}

Verdict worst_of(const std::vector<CaseResult>& results) {
  auto worst = Verdict::pass;
  for (const auto& result : results) worst = std::min(worst, result.verdict);
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
        output_(request.output),
        pool_(loop, catalogs, trial, request.jobs),
        signals_(loop, [this](int number) { signal_ = number; }),
        progress_(Progress::style_of_terminal(request.quiet), 0) {}

  int run() {
    started_ = Clock::now();
    summary_.started = utc_now("{:%Y-%m-%dT%H:%M:%SZ}");
    progress_.say(fmt::format("seed {}", request_.draw.base.seed));
    missing_ = pool_.missing_capabilities();  // the machine's, the same for every pair
    std::vector<PlannedCase> cases;
    for (const auto& pair : request_.pairs)
      for (auto& one : prepare(pair)) cases.push_back(std::move(one));
    progress_.set_total(cases.size() + controls_);
    run_cases(std::move(cases), nullptr);
    progress_.finish();
    return finish();
  }

 private:
  // Looks at one pair of QEMUs, runs its controls, and draws its cases under every protocol.
  std::vector<PlannedCase> prepare(const std::pair<HypervisorSpec, HypervisorSpec>& pair) {
    auto draw = request_.draw;
    draw.missing = missing_;
    std::tie(draw.base.source, draw.base.destination) = pair;
    adopt(draw, choose(pool_, draw.base, request_.memory_given,
                       catalogs_.find_guest(draw.base.guest.name)));
    std::vector<PlannedCase> cases;
    for (const auto& protocol : request_.protocols) {
      if (signal_ != 0) break;
      draw.base.protocol = protocol;
      if (!request_.disk_given) draw.base.disk = disk_of(protocol);
      draw.passed_points = run_controls(draw);
      auto drawn = catalogs_.find_scenario(request_.scenario).draw(draw, catalogs_);
      for (auto& one : drawn.cases) {
        check_plan(one.plan, catalogs_);
        if (one.cell) matrix_.required.insert(*one.cell);
        cases.push_back(std::move(one));
      }
      for (auto& one : drawn.left_out) matrix_.left_out.push_back(std::move(one));
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

  void adopt(ScenarioRequest& draw, const Chosen& chosen) {
    draw.base.accel = chosen.accel;
    draw.base.guest.memory_bytes = chosen.memory_bytes;
    versions_[{draw.base.source.binary, draw.base.destination.binary}] = {
        chosen.source_version, chosen.destination_version};
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
    join(summary_.source_qemu, source);
    join(summary_.destination_qemu, destination);
    summary_.accel = chosen.accel;
    summary_.accel_why = chosen.accel_why;
    join(summary_.memory, size_text(chosen.memory_bytes));
    join(summary_.memory_why, chosen.memory_why);
    progress_.say(fmt::format("source {}, destination {}, machine type {}", source, destination,
                              draw.base.machine));
    progress_.say(fmt::format("accelerator {}: {}", chosen.accel, chosen.accel_why));
    progress_.say(
        fmt::format("guest RAM {}: {}", size_text(chosen.memory_bytes), chosen.memory_why));
  }

  // Another value of the same kind, behind a comma, unless it is there already.
  static void join(std::string& list, const std::string& one) {
    if (list.find(one) != list.npos) return;
    list += (list.empty() ? "" : ", ") + one;
  }

  // One control per transport, before any fault: what fails here no fault can be blamed for.
  std::vector<std::string> run_controls(const ScenarioRequest& draw) {
    auto two = draw;
    two.cases = 2;
    two.base.seed ^= 0xc0117201;  // not the numbers that the scenario `control` draws
    auto cases = catalogs_.find_scenario("control").draw(two, catalogs_).cases;
    controls_ += cases.size();
    progress_.set_total(controls_);
    std::vector<std::string> points;
    run_cases(std::move(cases), &points);
    if (worst_of(output_.results()) <= Verdict::not_delivered)
      note("the no-fault control did not pass: what follows cannot be blamed on the faults alone");
    return points;
  }

  void run_cases(std::vector<PlannedCase> cases, std::vector<std::string>* points) {
    pool_.run(
        std::move(cases),
        [&](Pool::Done done) {
          if (done.planned.cell) done.result.required_cell = to_string(*done.planned.cell);
          const auto& plan = done.planned.plan;
          const auto& [source, destination] =
              versions_.at({plan.source.binary, plan.destination.binary});
          apply_known_issues(done.result, request_.known_issues, source, destination,
                             utc_now("{:%Y-%m-%d}"));
          if (points != nullptr && points->size() < done.passed_points.size())
            *points = done.passed_points;
          progress_.count(done.result);
          output_.add(std::move(done.result));
        },
        [this] { return signal_ != 0; });
  }

  void note(const std::string& text) {
    progress_.say("note: " + text);
    summary_.notes.push_back(text);
  }

  int finish() {
    summary_.seed = request_.draw.base.seed;
    summary_.version = request_.version;
    summary_.command = request_.command;
    summary_.host = host_text();
    summary_.interrupted = signal_ != 0;
    summary_.duration_s = std::chrono::duration<double>(Clock::now() - started_).count();
    sum_up(summary_, output_.results(), matrix_, output_.folder());
    write_bundles(output_.folder(), summary_, output_.results(), catalogs_, missing_);
    output_.finish(summary_, reports_);
    print_end();
    return signal_ != 0 ? 128 + signal_ : exit_status(summary_);
  }

  void print_end() const {
    if (request_.quiet) return;
    for (const auto& finding : summary_.findings) {
      fmt::print("{}  {}  ×{}\n    {}\n    {}\n", to_string(finding.verdict), finding.signature,
                 finding.count, finding.what, finding.replay);
      if (!finding.bundle.empty()) fmt::print("    {}/{}\n", output_.folder(), finding.bundle);
    }
    fmt::print("{} cases in {:.1f} s ({:.0f} per hour); cells delivered {}/{}\n", summary_.cases,
               summary_.duration_s, summary_.cases_per_hour(), summary_.cells_delivered,
               summary_.cells_required);
    fmt::print("report: {}/report.html\n", output_.folder());
  }

  const CampaignRequest& request_;
  const Catalogs& catalogs_;
  const Reports& reports_;
  Output output_;
  Pool pool_;
  int signal_ = 0;
  io::Signals signals_;
  Progress progress_;
  Summary summary_;
  /// By the two binaries: the versions that they told.
  std::map<std::pair<std::string, std::string>, std::pair<std::string, std::string>> versions_;
  std::map<std::string, std::string> missing_;
  Matrix matrix_;
  std::size_t controls_ = 0;
  Clock::time_point started_;
};

}  // namespace

int run_campaign(io::Loop& loop, const CampaignRequest& request, const Catalogs& catalogs,
                 const TrialFunction& trial, const Reports& reports) {
  // A request that draws nothing is refused before anything is started or overwritten. Patterns
  // wait until the controls have told the points of this machine's stream.
  const auto& points = request.draw.points;
  const bool patterns = std::any_of(points.begin(), points.end(), [](const auto& point) {
    return point.find('*') != std::string::npos;
  });
  auto draw = request.draw;
  for (const auto& protocol : request.protocols) {
    draw.base.protocol = protocol;
    if (!patterns) catalogs.find_scenario(request.scenario).draw(draw, catalogs);
  }
  return Campaign(loop, request, catalogs, trial, reports).run();
}

}  // namespace migfuzz
