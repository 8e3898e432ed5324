#include "harness/campaign/campaign.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/campaign/progress.h"
#include "harness/core/error.h"
#include "harness/io/files.h"

namespace migfuzz {
namespace {

using nlohmann::json;

// A tiny guest beats after 40-140 ms; a KVM that has not run it within 1 s is not KVM.
constexpr Milliseconds kKvmLimit{1000};
// TCG always runs it, however loaded the machine: the bound only catches a hang.
constexpr Milliseconds kTcgLimit{15000};
constexpr std::uint64_t kDefaultMemory = std::uint64_t{16} << 20;
// See docs/memory-size.md: not a multiple of 256 KiB, so that QEMU < 9.0 under TCG is exact.
constexpr std::uint64_t kOddMemory = kDefaultMemory + (8 << 10);

struct TrialAnswer {
  bool beats = false;
  std::string version, why;
};

TrialAnswer try_one(Pool& pool, const std::string& binary, const std::string& accel,
                    const std::string& machine, const GuestShape& shape) {
  const auto limit = accel == "kvm" ? kKvmLimit : kTcgLimit;
  const json request{{"job", "trial"},
                     {"binary", binary},
                     {"accel", accel},
                     {"machine", machine},
                     {"memory_bytes", shape.memory_bytes},
                     {"guest", shape.name},
                     {"limit_ms", limit.count()}};
  const auto answer = json::parse(pool.trial(request.dump(), limit + Milliseconds(30000)));
  return {answer.at("beats"), answer.at("version"), answer.at("why")};
}

bool loses_dirty_pages(const std::string& version) {
  return std::atoi(version.c_str()) < 9;  // "7.2.22"; mended by 03bfc2188f in 9.0
}

std::string size_text(std::uint64_t bytes) {
  return bytes % (1 << 20) == 0 ? fmt::format("{} MiB", bytes >> 20)
                                : fmt::format("{} KiB", bytes >> 10);
}

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

FindingGroup group_of(const CaseResult& result, const std::string& folder) {
  FindingGroup group;
  group.signature = result.signature;
  group.verdict = result.verdict;
  group.case_id = result.id;
  group.replay = fmt::format("migfuzz replay {}/{}", folder, result.evidence_kept);
  group.what = result.headline;
  for (const auto& finding : result.findings)
    if (finding.verdict == result.verdict) {
      group.checker = finding.checker;
      break;
    }
  if (result.plan.faults.empty()) return group;
  const auto& fault = result.plan.faults.front();
  group.phase = to_string(fault.trigger.point.phase);
  group.point = to_string(fault.trigger);
  group.fault = fault.kind;
  group.side = to_string(fault.side);
  return group;
}

// Rows in the order of phases, then by name.
std::vector<Coverage> coverage_of(const Matrix& matrix, const std::set<std::string>& delivered) {
  std::vector<Coverage> rows;
  const auto row_of = [&](const Cell& cell) -> Coverage& {
    Coverage row;
    row.phase = cell.point.substr(0, cell.point.find('/'));
    row.fault = cell.fault;
    row.side = to_string(cell.side);
    row.protocol = cell.protocol;
    row.versions = cell.versions;
    for (auto& known : rows)
      if (known.phase == row.phase && known.fault == row.fault && known.side == row.side &&
          known.protocol == row.protocol && known.versions == row.versions)
        return known;
    return rows.emplace_back(std::move(row));
  };
  for (const auto& cell : matrix.required) {
    auto& row = row_of(cell);
    ++row.required;
    if (delivered.contains(to_string(cell))) ++row.delivered;
  }
  for (const auto& [cell, why, here] : matrix.left_out) {
    auto& row = row_of(cell);
    ++(here ? row.impossible : row.meaningless);
    if (std::find(row.why.begin(), row.why.end(), why) == row.why.end()) row.why.push_back(why);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return phase_from(a.phase) < phase_from(b.phase);
  });
  return rows;
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
    auto draw = request_.draw;
    adopt(draw, choose(pool_, draw.base, request_.memory_given,
                       catalogs_.find_guest(draw.base.guest.name)));
    draw.passed_points = run_controls(draw);
    const auto drawn = catalogs_.find_scenario(request_.scenario).draw(draw, catalogs_);
    for (const auto& one : drawn.cases) {
      check_plan(one.plan, catalogs_);
      if (one.cell) matrix_.required.insert(*one.cell);
    }
    matrix_.left_out = drawn.left_out;
    progress_.set_total(drawn.cases.size() + controls_);
    run_cases(drawn.cases, nullptr);
    progress_.finish();
    return finish();
  }

 private:
  void adopt(ScenarioRequest& draw, const Chosen& chosen) {
    draw.base.accel = chosen.accel;
    draw.base.guest.memory_bytes = chosen.memory_bytes;
    source_version_ = chosen.source_version;
    destination_version_ = chosen.destination_version;
    const auto named = [](const std::string& version, const std::string& binary) {
      return fmt::format("QEMU {} ({})", version, binary.empty() ? "qemu-system-x86_64" : binary);
    };
    summary_.source_qemu = named(chosen.source_version, draw.base.source.binary);
    summary_.destination_qemu = named(chosen.destination_version, draw.base.destination.binary);
    summary_.accel = chosen.accel;
    summary_.accel_why = chosen.accel_why;
    summary_.memory = size_text(chosen.memory_bytes);
    summary_.memory_why = chosen.memory_why;
    progress_.say(
        fmt::format("source {}, destination {}", summary_.source_qemu, summary_.destination_qemu));
    progress_.say(fmt::format("accelerator {}: {}", chosen.accel, chosen.accel_why));
    progress_.say(fmt::format("guest RAM {}: {}", summary_.memory, chosen.memory_why));
  }

  // One control per transport, before any fault: what fails here no fault can be blamed for.
  std::vector<std::string> run_controls(const ScenarioRequest& draw) {
    auto two = draw;
    two.cases = 2;
    two.base.seed ^= 0xc0117201;  // not the numbers that the scenario `control` draws
    auto cases = catalogs_.find_scenario("control").draw(two, catalogs_).cases;
    controls_ = cases.size();
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
          apply_known_issues(done.result, request_.known_issues, source_version_,
                             destination_version_, utc_now("{:%Y-%m-%d}"));
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
    output_.finish(summary_, reports_);
    print_end();
    return signal_ != 0 ? 128 + signal_ : exit_status(summary_);
  }

  void print_end() const {
    if (request_.quiet) return;
    for (const auto& finding : summary_.findings)
      fmt::print("{}  {}  ×{}\n    {}\n    {}\n", to_string(finding.verdict), finding.signature,
                 finding.count, finding.what, finding.replay);
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
  std::string source_version_, destination_version_;
  Matrix matrix_;
  std::size_t controls_ = 0;
  Clock::time_point started_;
};

}  // namespace

Chosen choose(Pool& pool, const Plan& base, bool memory_given, const Guest& guest) {
  Chosen chosen;
  auto shape = base.guest;
  shape.memory_bytes = memory_given ? base.guest.memory_bytes : kDefaultMemory;
  if (shape.memory_bytes < guest.least_memory_bytes())
    throw UsageError(fmt::format("--memory: {} is too little for guest `{}`; give at least {}",
                                 size_text(shape.memory_bytes), guest.name(),
                                 size_text(guest.least_memory_bytes())));
  const bool same = base.source.binary == base.destination.binary;
  const auto both = [&](const std::string& accel) {
    auto source = try_one(pool, base.source.binary, accel, base.machine, shape);
    auto destination = same || !source.beats
                           ? source
                           : try_one(pool, base.destination.binary, accel, base.machine, shape);
    chosen.source_version = source.version;
    chosen.destination_version = destination.version;
    return source.beats ? destination : source;
  };
  if (base.accel != "tcg") {
    const auto kvm = both("kvm");
    if (kvm.beats) chosen.accel_why = "KVM ran the guest in the trial";
    if (!kvm.beats && base.accel == "kvm")
      throw CannotRun(fmt::format("--accel=kvm: {}; use --accel=tcg", kvm.why));
    chosen.accel = kvm.beats ? "kvm" : "tcg";
    if (!kvm.beats) chosen.accel_why = fmt::format("KVM did not run the guest ({})", kvm.why);
  }
  if (chosen.accel != "kvm") {
    chosen.accel = "tcg";
    if (base.accel == "tcg") chosen.accel_why = "asked for by --accel=tcg";
    const auto tcg = both("tcg");
    if (!tcg.beats && tcg.why.find("machine type") != std::string::npos)
      throw UsageError(fmt::format("--machine: {}", tcg.why));
    if (!tcg.beats) throw CannotRun(tcg.why);
  }
  const bool odd = chosen.accel == "tcg" && (loses_dirty_pages(chosen.source_version) ||
                                             loses_dirty_pages(chosen.destination_version));
  chosen.memory_bytes = memory_given ? base.guest.memory_bytes : odd ? kOddMemory : kDefaultMemory;
  chosen.memory_why =
      memory_given ? "asked for by --memory"
      : odd ? "QEMU before 9.0 loses dirty pages under TCG at multiples of 256 KiB, so an odd size "
              "is used; --memory=64M --scenario=control shows the bug"
            : "the default";
  return chosen;
}

void sum_up(Summary& summary, const std::vector<CaseResult>& results, const Matrix& matrix,
            const std::string& folder) {
  summary.cases = results.size();
  summary.cells_required = matrix.required.size();
  Control control{"no-fault control", 0, 0}, canary{"canary", 0, 0}, sight{"damage seen", 0, 0};
  std::map<std::string, FindingGroup> groups;
  std::set<std::string> delivered;
  for (const auto& result : results) {
    ++summary.verdicts[result.verdict];
    if (!result.required_cell.empty() && result.delivered) delivered.insert(result.required_cell);
    // What protects a disk is an answer, not a control.
    const bool answer = result.plan.plant == "double-writer";
    if (answer && !result.findings.empty())
      summary.notes.push_back(result.findings.front().what);
    Control* of = answer                         ? nullptr
                  : !result.plan.plant.empty()   ? &canary
                  : result.plan.faults.empty()   ? &control
                  : result.rule == kDamageIsSeen ? &sight
                                                 : nullptr;
    if (of != nullptr) {
      ++of->cases;
      const bool found =
          result.verdict == Verdict::fail && !result.signature.starts_with("oracle/");
      const bool clean = result.verdict == Verdict::pass || result.verdict == Verdict::known_issue;
      of->good += (of == &canary ? found : clean) ? 1 : 0;
    }
    if (result.signature.empty()) continue;
    auto [found, fresh] = groups.try_emplace(result.signature, FindingGroup());
    if (fresh || result.verdict < found->second.verdict) {
      const auto count = found->second.count;
      found->second = group_of(result, folder);
      found->second.count = count;
    }
    ++found->second.count;
  }
  summary.cells_delivered = delivered.size();
  summary.coverage = coverage_of(matrix, delivered);
  for (auto& [signature, group] : groups) summary.findings.push_back(std::move(group));
  std::stable_sort(summary.findings.begin(), summary.findings.end(),
                   [](const auto& a, const auto& b) { return a.verdict < b.verdict; });
  for (const auto& one : {control, canary, sight})
    if (one.cases > 0) summary.controls.push_back(one);
}

int run_campaign(io::Loop& loop, const CampaignRequest& request, const Catalogs& catalogs,
                 const TrialFunction& trial, const Reports& reports) {
  // A request that draws nothing is refused before anything is started or overwritten. Patterns
  // wait until the controls have told the points of this machine's stream.
  const auto& points = request.draw.points;
  const bool patterns = std::any_of(points.begin(), points.end(), [](const auto& point) {
    return point.find('*') != std::string::npos;
  });
  if (!patterns) catalogs.find_scenario(request.scenario).draw(request.draw, catalogs);
  return Campaign(loop, request, catalogs, trial, reports).run();
}

}  // namespace migfuzz
