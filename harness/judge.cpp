#include "harness/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "harness/checkers/catalog.h"
#include "harness/interruption.h"

namespace migfuzz {
namespace {

double ms(std::int64_t ns) { return double(ns) / 1e6; }

double end_of(const History& history) {
  return history.events().empty() ? 0 : ms(history.events().back().at_ns);
}

std::string fault_words(const Plan& plan) {
  if (plan.plant == "double-writer") return "double-writer-" + plan.disk;
  if (plan.faults.empty()) return plan.plant.empty() ? "no-fault" : "canary-" + plan.plant;
  if (faults_besides(plan) > 0) return "several-faults";
  const auto& fault = telling_fault(plan);
  return fmt::format("{}/{}-{}", to_string(fault.trigger.point.phase), fault.kind,
                     to_string(fault.side));
}

// The oracle's own failures are named apart from QEMU's.
std::string face_of(const Finding& finding) {
  const auto symptom = finding.symptom.empty() ? "unnamed" : finding.symptom;
  return symptom.starts_with("oracle/") ? symptom : finding.checker + "/" + symptom;
}

std::vector<Finding> run_checkers(const Plan& plan, const History& history, const Evidence& e,
                                  const std::vector<std::unique_ptr<Checker>>& checkers) {
  std::vector<Finding> findings;
  for (const auto& checker : checkers) {
    try {
      for (auto& finding : checker->check(plan, history, e)) findings.push_back(std::move(finding));
    } catch (const std::exception& error) {
      findings.push_back({std::string(checker->name()), Verdict::infra,
                          fmt::format("the checker itself failed: {}", error.what()),
                          "checker-threw", ""});
    }
  }
  return findings;
}

bool any_failure(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const auto& finding) { return finding.verdict == Verdict::fail; });
}

// What became of the second host that the plant `double-writer` told to run.
Finding second_writer(const Plan& plan, const History& history, const Evidence& evidence,
                      const std::vector<Finding>& findings) {
  const auto* reply = history.last("source", "qmp-reply", "cont");
  const auto refusal = reply != nullptr ? text_field(*reply, "error") : std::nullopt;
  std::string ran;
  for (const auto& finding : findings)
    if (finding.checker == "single-owner" && finding.symptom == "double-run") ran = finding.what;
  const auto what =
      fmt::format("disk {}: {}", plan.disk,
                  refusal        ? fmt::format("QEMU refused the second `cont`: {}", *refusal)
                  : !ran.empty() ? "nothing refused the second `cont`: " + ran
                                 : "the second host was not refused and did not run");
  const bool unprotected = evidence.expected.expect == Expect::double_run;
  Finding finding{"double-writer", Verdict::pass, what, "", std::string(evidence.expected.reason)};
  if (unprotected ? ran.empty() : !refusal || !ran.empty()) {
    finding.verdict = Verdict::fail;
    finding.symptom = "oracle/other-protection";
  } else if (unprotected) {
    finding.verdict = Verdict::hazard;
    finding.symptom = "unprotected-disk";
  }
  return finding;
}

std::string why_not_delivered(const History& history) {
  if (const auto* never = history.last("director", "fault", "never-triggered"))
    return "the migration never passed " + text_field(*never, "at").value_or("the point") +
           ": this case proves nothing";
  return "the fault's effect was not observed: this case proves nothing";
}

// "7.2.22 -> 10.0.2", from what both QEMUs said in their greetings.
std::string versions_of(const History& history) {
  const auto of = [&](const char* host) {
    const auto* event = history.first(host, "note", "version");
    return event == nullptr ? std::string("?") : text_field(*event, "qemu").value_or("?");
  };
  return of("source") + " -> " + of("destination");
}

// What the report draws. Points and heartbeats are thousands over a run; the case's own folder has
// them all. Stream items show where a case that did not pass stood: of these the last, because a
// failed migration ends near its fault.
History worth_drawing(const History& history, bool with_stream) {
  constexpr std::size_t kMost = 200, kMostItems = 100;
  const auto is_item = [](const Event& event) { return event.kind == "stream"; };
  const auto& all = history.events();
  const auto items = static_cast<std::size_t>(std::count_if(all.begin(), all.end(), is_item));
  std::size_t items_left_out = with_stream ? items - std::min(items, kMostItems) : items;
  std::vector<Event> kept;
  std::size_t others = 0;
  for (const auto& event : all) {
    if (event.kind == "heartbeat" || event.kind == "point") continue;
    if (is_item(event)) {
      if (items_left_out == 0) kept.push_back(event);
      items_left_out -= items_left_out == 0 ? 0 : 1;
    } else if (others++ < kMost) {
      kept.push_back(event);
    }
  }
  return History::from_events(std::move(kept));
}

std::vector<double> beats(const History& history, std::string_view host) {
  std::vector<double> all;
  for (const auto& event : history.events())
    if (event.kind == "heartbeat" && event.actor == host) all.push_back(ms(event.at_ns));
  constexpr std::size_t kMost = 60;
  if (all.size() <= kMost) return all;
  std::vector<double> thinned;
  for (std::size_t i = 0; i < kMost; ++i)
    thinned.push_back(all[i * (all.size() - 1) / (kMost - 1)]);
  return thinned;
}

}  // namespace

std::string signature_at(const Plan& plan, const std::string& face) {
  const auto mode = plan.mode == Plan().mode ? "" : "/" + plan.mode;
  return fmt::format("{}/{}/{}{}", face, fault_words(plan), plan.protocol, mode);
}

std::string signature_of(const Plan& plan, const Finding& finding) {
  return signature_at(plan, face_of(finding));
}

std::vector<std::string> signatures_of(const Plan& plan, const Finding& finding) {
  std::vector<std::string> all{signature_of(plan, finding)};
  if (plan.faults.size() < 2) return all;
  for (const auto& fault : plan.faults) {
    auto alone = plan;
    alone.faults = {fault};
    all.push_back(signature_of(alone, finding));
  }
  return all;
}

std::string face_of(const std::string& signature) {
  const auto first = signature.find('/');
  return first == signature.npos ? signature : signature.substr(0, signature.find('/', first + 1));
}

bool names_place(const std::string& face) {
  return face.starts_with("clean-exit/assertion:");
}

void name_verdict(CaseResult& result) {
  result.verdict = result.findings.empty() ? Verdict::infra : Verdict::pass;
  for (const auto& finding : result.findings)
    result.verdict = std::min(result.verdict, finding.verdict);
  result.signature.clear();
  result.headline = "nothing was checked";
  // The survivor's sentence sums a good case up; of a bad one the worst finding does.
  for (const auto& finding : result.findings)
    if (finding.checker == "survivor") result.headline = finding.what;
  if (result.verdict == Verdict::pass || result.verdict == Verdict::expected_loss) return;
  for (const auto& finding : result.findings)
    if (finding.verdict == result.verdict) {
      result.headline = finding.what.substr(0, finding.what.find('\n'));
      result.signature = signature_of(result.plan, finding);
      return;
    }
}

CaseResult judge(const Plan& plan, const History& history, const Evidence& evidence,
                 const std::vector<std::unique_ptr<Checker>>& checkers,
                 const std::vector<Promise>& promises) {
  CaseResult result;
  result.plan = plan;
  result.id = case_id(plan);
  result.findings = run_checkers(plan, history, evidence, checkers);
  const bool checked = !result.findings.empty();
  if (checked && !evidence.delivered)
    result.findings.push_back({"delivery", Verdict::not_delivered,
                               why_not_delivered(history),
                               "not-delivered", ""});
  if (checked && plan.plant == "double-writer")
    result.findings.insert(result.findings.begin(),
                           second_writer(plan, history, evidence, result.findings));
  else if (checked && !plan.plant.empty() && !any_failure(result.findings))
    result.findings.push_back(
        {"canary", Verdict::fail, "the planted defect went unseen", "oracle/canary-missed", ""});
  const auto first = history.first_migration();
  result.survivor = to_string(survivor_of(evidence));
  result.expected = to_string(evidence.expected.expect);
  result.rule = evidence.expected.rule;
  result.versions = versions_of(history);
  result.delivered = evidence.delivered;
  for (const auto& event : history.events())
    if (event.actor == "director" && event.kind == "fault" && event.name == "delivered")
      result.delivery_proof +=
          (result.delivery_proof.empty() ? "" : "; ") + text_field(event, "proof").value_or("");
  result.duration_ms = end_of(history);
  if (survivor_of(evidence) != Survivor::none) {
    const auto measured = interruption_of(first, plan.guest.dirty_pages_per_s);
    result.blackout_ms = measured.blackout_ms;
    result.brownout_ms = measured.brownout_ms;
    result.brownout_after_ms = measured.brownout_after_ms;
    if (evidence.network) {
      const auto ms = [](const AnswerSight& answers) {
        return answers.answered < 2
                   ? -1.0
                   : std::chrono::duration<double, std::milli>(answers.longest_gap).count();
      };
      result.ping_gap_ms = ms(evidence.network->client.pings);
      result.tcp_gap_ms = ms(evidence.network->client.echoes);
    }
  }
  result.phases = phase_bands(first);
  for (auto& finding : look_at(promises, {plan, history, evidence, result}))
    result.findings.push_back(std::move(finding));
  name_verdict(result);
  result.owners = ownership(first);
  result.heartbeats_source_ms = beats(first, "source");
  result.heartbeats_destination_ms = beats(first, "destination");
  result.history = worth_drawing(history, result.verdict != Verdict::pass);
  return result;
}

CaseResult untold(const Plan& plan, const std::string& why) {
  CaseResult result;
  result.plan = plan;
  result.id = case_id(plan);
  result.survivor = "unknown";
  result.findings.push_back({"harness", Verdict::infra, why, "case-failed", ""});
  name_verdict(result);
  return result;
}

std::vector<Span> phase_bands(const History& history) {
  std::vector<Span> bands;
  for (const auto& event : history.events()) {
    if (event.kind != "phase") continue;
    if (!bands.empty()) bands.back().to_ms = ms(event.at_ns);
    bands.push_back({event.name, ms(event.at_ns), ms(event.at_ns)});
  }
  if (!bands.empty()) bands.back().to_ms = end_of(history);
  return bands;
}

std::vector<Span> ownership(const History& history) {
  bool source = true, destination = false;  // the source boots and runs from the start
  std::vector<Span> spans;
  const auto say = [&](double at) {
    const std::string now = source && destination ? "both"
                            : source              ? "source"
                            : destination         ? "destination"
                                                  : "none";
    if (!spans.empty() && spans.back().name == now) return;
    if (!spans.empty()) spans.back().to_ms = at;
    spans.push_back({now, at, at});
  };
  say(0);
  for (const auto& event : history.events()) {
    if (event.actor != "source" && event.actor != "destination") continue;
    bool& runs = event.actor == "source" ? source : destination;
    if (event.kind == "qmp-event" && event.name == "STOP") runs = false;
    if (event.kind == "qmp-event" && event.name == "RESUME") runs = true;
    if (event.kind == "process" && event.name == "exited") runs = false;
    say(ms(event.at_ns));
  }
  spans.back().to_ms = std::max(spans.back().from_ms, end_of(history));
  return spans;
}

}  // namespace migfuzz
