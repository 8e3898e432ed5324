// metrics.prom: a run in numbers, as Prometheus's text format (version 0.0.4).
//
// For the textfile collector of node_exporter, or a Pushgateway: a run is over when it is read, so
// everything is of the last run and may fall: gauges, and one summary of the blackouts. There are
// no timestamps, because the collector refuses them. Times are seconds. Signatures are labels of at
// most kFindingsMax series: a night that fails in a thousand ways must not flood anybody's
// database; what is left out is a number, too.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "harness/core/nearest_rank.h"
#include "reports/escape.h"
#include "reports/report.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

constexpr std::size_t kFindingsMax = 50;
constexpr std::size_t kControlsMax = 20;
constexpr std::size_t kLabelMax = 200;  // bytes

using Labels = std::vector<std::pair<const char*, std::string>>;

/// Writes metrics in order: all samples of one follow its HELP and TYPE, no series twice.
class Exposition {
 public:
  void metric(const std::string& name, const std::string& help, const char* type = "gauge") {
    name_ = "migfuzz_" + name;
    text_ += "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " " + type + "\n";
  }
  void sample(double value, const Labels& labels = {}, const char* part = "") {
    const std::string name = name_ + part;
    std::string series = name;
    for (const auto& [label, text] : labels)
      series += (series == name ? "{" : ",") + std::string(label) + "=" +
                prometheus_label(shortened(text, kLabelMax));
    if (!labels.empty()) series += "}";
    if (!std::isfinite(value) || !seen_.insert(series).second) return;
    char number[32];
    const auto end = std::to_chars(std::begin(number), std::end(number), value).ptr;
    text_ += series + " " + std::string(std::begin(number), end) + "\n";
  }
  void sample(std::uint64_t value, const Labels& labels = {}) {
    sample(static_cast<double>(value), labels);
  }
  void only(const std::string& name, const std::string& help, double value) {
    metric(name, help);
    sample(value);
  }
  const std::string& text() const { return text_; }

 private:
  std::string name_, text_;
  std::set<std::string> seen_;
};

/// Seconds since 1970 of "2026-11-22T10:57:03Z".
std::optional<double> epoch_s(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() < kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == 'd' ? !digit : text[i] != kShape[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + length, value);
    return value;
  };
  namespace calendar = std::chrono;
  const calendar::year_month_day day{calendar::year(number(0, 4)),
                                     calendar::month(static_cast<unsigned>(number(5, 2))),
                                     calendar::day(static_cast<unsigned>(number(8, 2)))};
  if (!day.ok()) return std::nullopt;
  const auto days = calendar::sys_days(day).time_since_epoch().count();
  return 86400.0 * days + 3600 * number(11, 2) + 60 * number(14, 2) + number(17, 2);
}

void add_verdicts(Exposition& out, const Summary& summary) {
  out.metric("cases", "Cases of the last run, by verdict.");
  for (const Verdict verdict : all_verdicts())
    out.sample(count_of(summary, verdict), {{"verdict", std::string(to_string(verdict))}});
  out.metric("findings", "Kinds of failure (signatures) of the last run, by verdict.");
  for (const Verdict verdict : all_verdicts()) {
    if (verdict == Verdict::pass || verdict == Verdict::expected_loss) continue;
    const auto count =
        std::count_if(summary.findings.begin(), summary.findings.end(),
                      [verdict](const FindingGroup& group) { return group.verdict == verdict; });
    out.sample(static_cast<double>(count), {{"verdict", std::string(to_string(verdict))}});
  }
}

void add_findings(Exposition& out, const Summary& summary) {
  const std::size_t shown = std::min(summary.findings.size(), kFindingsMax);
  if (shown > 0)
    out.metric("finding_cases", "Cases of the last run with this signature, the worst 50.");
  for (std::size_t i = 0; i < shown; ++i) {
    const FindingGroup& group = summary.findings[i];
    out.sample(group.count, {{"signature", group.signature},
                             {"verdict", std::string(to_string(group.verdict))}});
  }
  out.only("findings_not_listed", "Signatures of the last run beyond the worst 50.",
           static_cast<double>(summary.findings.size() - shown));
}

void add_news(Exposition& out, const Summary& summary) {
  if (summary.nights.size() < 2) return;  // nothing to compare with
  out.metric("findings_by_news", "Signatures of the last run: new, back or seen the night before.");
  for (const char* state : {"new", "back", "seen"})
    out.sample(static_cast<double>(std::count_if(
                   summary.findings.begin(), summary.findings.end(),
                   [state](const FindingGroup& group) { return group.before.state == state; })),
               {{"news", state}});
  out.only("findings_gone", "Signatures of the night before that the last run does not have.",
           static_cast<double>(summary.gone.size()));
}

void add_trust(Exposition& out, const Summary& summary) {
  out.only("cells_required", "Cells of the coverage matrix that the last run had to deliver.",
           static_cast<double>(summary.cells_required));
  out.only("cells_delivered", "Required cells whose fault was seen to take effect.",
           static_cast<double>(summary.cells_delivered));
  const std::size_t shown = std::min(summary.controls.size(), kControlsMax);
  if (shown == 0) return;
  out.metric("control_cases", "Cases that prove the eyesight of the last run, by control.");
  for (std::size_t i = 0; i < shown; ++i)
    out.sample(summary.controls[i].cases, {{"control", summary.controls[i].name}});
  out.metric("control_cases_good", "Of these, the cases that came out as they must.");
  for (std::size_t i = 0; i < shown; ++i)
    out.sample(summary.controls[i].good, {{"control", summary.controls[i].name}});
}

void add_blackouts(Exposition& out, const std::vector<CaseResult>& results) {
  std::map<std::string, std::vector<double>> by_phase;
  for (const CaseResult& result : results) {
    if (result.blackout_ms < 0 || !std::isfinite(result.blackout_ms)) continue;
    const auto& faults = result.plan.faults;
    by_phase[faults.empty() ? "none" : std::string(to_string(faults[0].trigger.point.phase))]
        .push_back(result.blackout_ms / 1000);
  }
  for (auto& [phase, blackouts] : by_phase) std::sort(blackouts.begin(), blackouts.end());
  if (by_phase.empty()) return;
  out.metric("blackout_seconds",
             "How long the guest stood still over the switch, by the phase of the first fault.",
             "summary");
  for (const auto& [phase, blackouts] : by_phase) {
    for (const auto& [share, word] : {std::pair(0.5, "0.5"), std::pair(0.95, "0.95")})
      out.sample(nearest_rank(blackouts, share), {{"fault_phase", phase}, {"quantile", word}});
    out.sample(std::accumulate(blackouts.begin(), blackouts.end(), 0.0), {{"fault_phase", phase}},
               "_sum");
    out.sample(double(blackouts.size()), {{"fault_phase", phase}}, "_count");
  }
}

}  // namespace

std::string prometheus_metrics(const Summary& summary, const std::vector<CaseResult>& results) {
  Exposition out;
  out.metric("run_info", "What the last run was made with; always 1.");
  out.sample(1.0, {{"version", summary.version},
                   {"seed", std::to_string(summary.seed)},
                   {"source_qemu", summary.source_qemu},
                   {"destination_qemu", summary.destination_qemu},
                   {"accel", summary.accel}});
  add_verdicts(out, summary);
  add_findings(out, summary);
  add_news(out, summary);
  add_trust(out, summary);
  out.only("exit_status", "Exit status of the last run: 0 no failure, 1 failures, 3 inconclusive.",
           exit_status(summary));
  out.only("run_interrupted", "1 when the last run did not come to its end.",
           summary.interrupted ? 1 : 0);
  out.only("run_duration_seconds", "How long the last run took.", summary.duration_s);
  out.only("cases_per_hour", "Cases that the last run ended in an hour, on average.",
           summary.cases_per_hour());
  if (const auto start = epoch_s(summary.started)) {
    out.only("run_start_timestamp_seconds", "When the last run began, seconds since 1970.", *start);
    out.only("run_end_timestamp_seconds", "When the last run ended, seconds since 1970.",
             *start + summary.duration_s);
  }
  add_blackouts(out, results);
  return out.text();
}

}  // namespace migfuzz
