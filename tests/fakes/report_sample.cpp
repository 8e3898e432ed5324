// A made-up run that looks like a real one: see report_sample.h.
//
// One migration is told by one script: boot, precopy passes, the fault at its point, settling,
// recovery. The verdict decides who survives and what the checkers say. All numbers are drawn from
// one generator without std distributions, whose results differ between libraries.
#include "tests/fakes/report_sample.h"

#include <algorithm>
#include <array>
#include <random>

namespace migfuzz::fakes {
namespace {

constexpr std::array kPoints{"reserve/first-byte",
                             "reserve/header-end",
                             "reserve/ram-setup-end",
                             "precopy/begin",
                             "precopy/pass:2",
                             "precopy/page:1200",
                             "stopcopy/enter",
                             "stopcopy/ram-end",
                             "stopcopy/device:first/begin",
                             "stopcopy/device:virtio-net/middle",
                             "stopcopy/device:virtio-blk/middle",
                             "stopcopy/device:last/end",
                             "stopcopy/eof-begin",
                             "commit/eof",
                             "commit/vmdesc-middle",
                             "commit/ack",
                             "commit/ack-end"};

struct KindAndSide {
  const char* kind;
  Side side;
};
constexpr std::array<KindAndSide, 15> kFaults{{{"crash", Side::source},
                                               {"crash", Side::destination},
                                               {"hang", Side::source},
                                               {"hang", Side::destination},
                                               {"host-crash", Side::source},
                                               {"host-crash", Side::destination},
                                               {"reset", Side::channel},
                                               {"close", Side::channel},
                                               {"truncate", Side::channel},
                                               {"stall", Side::channel},
                                               {"ack-withheld", Side::channel},
                                               {"link-down", Side::channel},
                                               {"drop", Side::source},
                                               {"drop", Side::destination},
                                               {"corrupt", Side::channel}}};

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : engine_(seed) {}
  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_() % 1'000'000) / 1e6;
  }
  std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }

 private:
  std::mt19937_64 engine_;
};

/// Collects the events of one made-up case.
class Script {
 public:
  void at(double ms, const char* actor, const char* kind, const std::string& name,
          Fields fields = {}) {
    events_.push_back({events_.size(), static_cast<std::int64_t>(ms * 1e6), actor, kind, name,
                       std::move(fields)});
  }
  History history() {
    std::stable_sort(events_.begin(), events_.end(),
                     [](const Event& a, const Event& b) { return a.at_ns < b.at_ns; });
    for (std::size_t i = 0; i < events_.size(); ++i) events_[i].seq = i;
    return History::from_events(std::move(events_));
  }

 private:
  std::vector<Event> events_;
};

struct Times {
  double boot, first_byte, ram, stop, eof, ack, resume, fault, healed, settled;
};

Times draw_times(Draw& draw, const Plan& plan) {
  Times t{};
  t.boot = draw.between(180, 260);
  t.first_byte = t.boot + draw.between(40, 70);
  t.ram = t.first_byte + draw.between(8, 14);
  t.stop = t.ram + draw.between(380, 520);
  t.eof = t.stop + draw.between(26, 44);
  t.ack = t.eof + draw.between(4, 9);
  t.resume = t.ack + draw.between(3, 6);
  t.fault = t.resume + 30;
  if (!plan.faults.empty()) {
    const Phase phase = plan.faults.front().trigger.point.phase;
    if (phase == Phase::reserve) t.fault = draw.between(t.first_byte, t.ram);
    if (phase == Phase::precopy) t.fault = draw.between(t.ram + 20, t.stop - 20);
    if (phase == Phase::stopcopy) t.fault = draw.between(t.stop + 1, t.eof - 1);
    if (phase == Phase::commit) t.fault = draw.between(t.eof, t.ack);
  }
  t.healed = t.fault + 250;
  t.settled = t.fault + draw.between(420, 700);
  return t;
}

void tell_migration(Script& script, const Times& t, const CaseResult& result) {
  const bool early = t.fault < t.stop;
  script.at(2, "source", "process", "started", {{"pid", std::int64_t{41231}}});
  script.at(3, "destination", "process", "started", {{"pid", std::int64_t{41232}}});
  script.at(t.boot, "source", "note", "guest runs");
  script.at(t.boot + 4, "source", "qmp-command", "migrate-set-capabilities",
            {{"return-path", true}, {"pause-before-switchover", true}});
  script.at(t.boot + 6, "destination", "qmp-command", "migrate-incoming", {{"uri", "unix:/in"}});
  script.at(t.first_byte - 3, "source", "qmp-command", "migrate", {{"uri", "unix:/relay"}});
  script.at(t.first_byte - 1, "source", "qmp-event", "MIGRATION", {{"status", "setup"}});
  script.at(t.first_byte, "channel", "stream", "header", {{"offset", std::int64_t{0}}});
  script.at(t.ram, "source", "qmp-event", "MIGRATION", {{"status", "active"}});
  for (int pass = 1; pass <= 3 && !early; ++pass) {
    script.at(t.ram + (t.stop - t.ram) * (pass - 1) / 3, "source", "qmp-event", "MIGRATION_PASS",
              {{"pass", std::int64_t{pass}}});
  }
  if (early) return;
  script.at(t.stop - 1, "source", "qmp-event", "MIGRATION", {{"status", "pre-switchover"}});
  script.at(t.stop - 0.6, "arbiter", "decision", "allow-switchover",
            {{"why", "the source waits and the destination is ready"}});
  script.at(t.stop - 0.4, "source", "qmp-command", "migrate-continue");
  script.at(t.stop, "source", "qmp-event", "STOP");
  const char* const devices[] = {"timer", "cpu", "virtio-net", "virtio-blk", "serial"};
  for (int i = 0; i < 5; ++i) {
    const double at = t.stop + 8 + (t.eof - t.stop - 10) * i / 5;
    if (at < t.fault) {
      script.at(at, "channel", "stream", "section_full",
                {{"idstr", devices[i]}, {"offset", std::int64_t{67'400'000 + 4096 * i}}});
    }
  }
  if (t.fault > t.eof) {
    script.at(t.eof, "channel", "stream", "eof", {{"offset", std::int64_t{67'912'114}}});
  }
  if (result.plan.faults.empty()) {
    script.at(t.ack, "channel", "stream", "rp-shut", {{"value", std::int64_t{0}}});
    script.at(t.ack + 1, "source", "qmp-event", "MIGRATION", {{"status", "completed"}});
    script.at(t.resume, "destination", "qmp-event", "RESUME");
  }
}

void tell_fault(Script& script, const Times& t, const CaseResult& result) {
  if (result.plan.faults.empty()) return;
  const FaultSpec& fault = result.plan.faults.front();
  const char* actor = fault.side == Side::source        ? "source"
                      : fault.side == Side::destination ? "destination"
                                                        : "channel";
  script.at(5, actor, "fault", "armed",
            {{"kind", fault.kind}, {"trigger", to_string(fault.trigger)}});
  if (!result.delivered) return;
  script.at(t.fault - 0.4, "channel", "stream", "point", {{"name", to_string(fault.trigger)}});
  script.at(t.fault, actor, "fault", "injected", {{"kind", fault.kind}});
  script.at(t.fault + 1.8, actor, "fault", "delivered", {{"proof", result.delivery_proof}});
  if (fault.kind == "crash" || fault.kind == "host-crash") {
    script.at(t.fault + 2, actor, "process", "exited", {{"signal", std::int64_t{9}}});
  }
  if (fault.heal_after_ms > 0) {
    script.at(t.healed, actor, "fault", "healed", {{"kind", fault.kind}});
  }
  script.at(
      t.fault + 60, "source", "qmp-event", "MIGRATION",
      {{"status", "failed"}, {"error", "Unable to write to socket: Connection reset by peer"}});
  script.at(t.fault + 120, "arbiter", "decision", "fence-destination",
            {{"why", "the destination did not answer for 300 ms and may hold a complete image"}});
  script.at(t.fault + 180, "destination", "process", "exited", {{"signal", std::int64_t{9}}});
  script.at(t.fault + 200, "arbiter", "decision", "resume-source",
            {{"why", "the destination is proved dead"}});
  script.at(t.fault + 204, "source", "qmp-command", "cont");
  script.at(t.fault + 207, "source", "qmp-event", "RESUME");
  script.at(t.settled, "director", "note", "settled");
}

void draw_spans(CaseResult& result, const Times& t) {
  const double broken = result.plan.faults.empty() ? 1e9 : t.fault + 60;
  const std::pair<const char*, std::pair<double, double>> bands[] = {
      {"prepare", {0, t.first_byte}}, {"reserve", {t.first_byte, t.ram}},
      {"precopy", {t.ram, t.stop}},   {"stopcopy", {t.stop, t.eof}},
      {"commit", {t.eof, t.ack}},     {"activate", {t.ack, t.settled}}};
  for (const auto& [name, span] : bands) {
    if (span.first < broken) {
      result.phases.push_back({name, span.first, std::min(span.second, broken)});
    }
  }
  const double end = t.settled + 120;
  result.duration_ms = end;
  const bool stopped = t.fault >= t.stop;
  const double source_until = stopped ? t.stop : end;
  const double back = stopped ? t.fault + 207 : source_until;
  result.owners.push_back({"none", 0, t.boot});
  result.owners.push_back({"source", t.boot, source_until});
  const auto beats = [](std::vector<double>& to, double from, double until) {
    for (double at = from; at < until; at += 9.7) to.push_back(at);
  };
  beats(result.heartbeats_source_ms, t.boot + 3, source_until);
  if (result.survivor == "destination") {
    result.owners.push_back({"none", t.stop, t.resume});
    result.owners.push_back({"destination", t.resume, end});
    beats(result.heartbeats_destination_ms, t.resume + 2, end);
    result.blackout_ms = t.resume - t.stop + 5;
  } else if (result.survivor == "both") {
    result.owners.push_back({"none", t.stop, t.resume});
    result.owners.push_back({"destination", t.resume, back});
    result.owners.push_back({"both", back, end});
    beats(result.heartbeats_destination_ms, t.resume + 2, end);
    beats(result.heartbeats_source_ms, back, end);
    result.blackout_ms = t.resume - t.stop + 5;
  } else if (result.survivor == "source" && stopped) {
    result.owners.push_back({"none", t.stop, back});
    result.owners.push_back({"source", back, end});
    beats(result.heartbeats_source_ms, back + 2, end);
    result.blackout_ms = back - t.stop + 6;
  } else if (result.survivor == "none") {
    result.owners.back().to_ms = std::min(source_until, t.fault);
    result.owners.push_back({"none", result.owners.back().to_ms, end});
    std::erase_if(result.heartbeats_source_ms, [&](double at) { return at > t.fault; });
  }
}

Verdict verdict_for(const FaultSpec& fault, Mood mood, std::size_t cell) {
  const Phase phase = fault.trigger.point.phase;
  const bool late = phase == Phase::commit;
  const bool kills = fault.kind == "crash" || fault.kind == "host-crash" || fault.kind == "hang";
  if (kills && fault.side == Side::source && !late) return Verdict::expected_loss;
  if (mood == Mood::inconclusive && cell % 83 == 5) return Verdict::infra;
  if (mood != Mood::safe && (cell == 37 || cell == 96 || cell == 180))
    return Verdict::not_delivered;
  const std::string point = to_string(fault.trigger.point);
  if (late && (fault.kind == "ack-withheld" || fault.kind == "drop")) return Verdict::hazard;
  if (mood == Mood::broken) {
    if (fault.kind == "reset" && (point == "commit/eof" || point == "commit/vmdesc-middle")) {
      return Verdict::fail;
    }
    if (fault.kind == "stall" && point == "stopcopy/device:virtio-blk/middle") return Verdict::fail;
    if (fault.kind == "link-down" && point == "precopy/pass:2") return Verdict::known_issue;
    if (cell == 140) return Verdict::infra;
  }
  return Verdict::pass;
}

const char* survivor_for(Verdict verdict, const Plan& plan) {
  if (verdict == Verdict::fail || verdict == Verdict::hazard) return "both";
  if (verdict == Verdict::expected_loss) return "none";
  if (verdict == Verdict::infra) return "unknown";
  if (plan.faults.empty()) return "destination";
  const FaultSpec& fault = plan.faults.front();
  const bool late = fault.trigger.point.phase == Phase::commit;
  return late && fault.side != Side::destination ? "destination" : "source";
}

void add_findings(CaseResult& result) {
  const auto add = [&](const char* checker, Verdict verdict, const char* what,
                       const char* symptom = "", const char* reason = "") {
    result.findings.push_back({checker, verdict, what, symptom, reason});
  };
  const bool hazard = result.verdict == Verdict::hazard;
  if (result.verdict == Verdict::fail || hazard) {
    add("single-owner", result.verdict,
        "source and destination both executed the guest for 213 ms: source steps 4417 to 4438, "
        "destination steps 4402 to 4461",
        "double-run",
        hazard ? "autostart-double-run: a lost acknowledgement makes both run (two generals)"
               : "handshake-one-owner: fencing precedes resuming, always");
    add("no-rollback", result.verdict, "16 steps were told to the outside twice (4402 to 4417)",
        "repeated-steps");
  } else {
    add("single-owner", Verdict::pass, "no two hosts executed the guest at overlapping times");
    add("no-rollback", Verdict::pass, "steps 1 to 4461 are contiguous over both hosts");
  }
  if (result.verdict == Verdict::expected_loss) {
    add("survivor", Verdict::expected_loss,
        "no host holds a complete image: the source was killed before the end of the stream", "",
        "source-lost-before-eof: the original host must stay stable until commitment (Clark et "
        "al., NSDI'05, section 3.2)");
  } else {
    add("survivor", Verdict::pass, "one host holds a consistent image at step 4461", "",
        "precopy-channel-lost: before the end mark the source runs on, untouched");
  }
  if (result.verdict == Verdict::known_issue) {
    add("truth", Verdict::known_issue,
        "the source reported `completed` while 18 kB were still in flight", "false-completion",
        "known-issues.txt line 3");
  }
  if (result.verdict == Verdict::infra) {
    add("memory", Verdict::infra, "the RAM image of the destination could not be read: short file");
  } else {
    add("memory", Verdict::pass, "11 264 owned pages equal their closed form at step 4461");
  }
  add("liveness", Verdict::pass, "both sides settled within 612 ms of 5000 ms");
  add("clean-exit", Verdict::pass, "every process ended by the plan's own hand");
}

const char* headline_for(Verdict verdict) {
  switch (verdict) {
    case Verdict::fail:
      return "Both hosts executed the guest for 213 ms after the channel was lost behind the end "
             "mark.";
    case Verdict::infra:
      return "The destination's RAM image could not be read: short file.";
    case Verdict::not_delivered:
      return "The trigger never fired: the stream ended before it.";
    case Verdict::known_issue:
      return "The source reported completed with bytes in flight.";
    case Verdict::hazard:
      return "Both hosts ran after a lost acknowledgement, as autostart allows.";
    case Verdict::expected_loss:
      return "The VM was lost with its source, as the table expects.";
    case Verdict::pass:
      return "One consistent image survived and ran on one host only.";
  }
  return "";
}

CaseResult make_case(Draw& draw, Plan plan, Verdict verdict) {
  CaseResult result;
  result.plan = std::move(plan);
  result.id = case_id(result.plan);
  result.verdict = verdict;
  result.headline = headline_for(verdict);
  result.survivor = survivor_for(verdict, result.plan);
  result.delivered = verdict != Verdict::not_delivered;
  if (result.delivered && !result.plan.faults.empty()) {
    const FaultSpec& fault = result.plan.faults.front();
    result.delivery_proof = fault.side == Side::channel
                                ? "the source's next write failed with ECONNRESET 1.8 ms later"
                                : "pidfd: the process ended by signal 9 after 1.8 ms";
    result.required_cell = to_string(fault.trigger.point) + " " + fault.kind + " " +
                           std::string(to_string(fault.side));
  }
  if (verdict != Verdict::pass) result.evidence_kept = "cases/" + result.id;
  if (verdict == Verdict::fail || verdict == Verdict::hazard) {
    result.signature = "single-owner/double-run";
  }
  if (verdict == Verdict::known_issue) result.signature = "truth/false-completion";
  if (verdict == Verdict::infra) result.signature = "infra/short-image";
  if (!result.signature.empty() && !result.plan.faults.empty()) {
    const FaultSpec& fault = result.plan.faults.front();
    result.signature += "/" + std::string(to_string(fault.trigger.point.phase)) + "/" + fault.kind +
                        "-" + std::string(to_string(fault.side)) + "/" + result.plan.protocol;
  }
  const Times times = draw_times(draw, result.plan);
  Script script;
  tell_migration(script, times, result);
  tell_fault(script, times, result);
  draw_spans(result, times);
  result.history = script.history();
  add_findings(result);
  return result;
}

void add_group(Summary& summary, const CaseResult& result) {
  std::string fault, side, point, phase;
  if (!result.plan.faults.empty()) {
    const FaultSpec& first = result.plan.faults.front();
    fault = first.kind;
    side = to_string(first.side);
    point = to_string(first.trigger.point);
    phase = to_string(first.trigger.point.phase);
  }
  const std::string signature = result.signature;
  for (FindingGroup& group : summary.findings) {
    if (group.signature == signature) {
      ++group.count;
      return;
    }
  }
  const std::size_t slash = result.signature.find('/');
  summary.findings.push_back(
      {signature, result.verdict, 1, phase, point, fault, side, result.signature.substr(0, slash),
       result.headline, "migfuzz replay " + result.evidence_kept + "/plan.json", result.id, ""});
}

// What was required is what was run; one fault was impossible here, one has no meaning in a phase.
void add_coverage(Summary& summary, const std::vector<CaseResult>& results) {
  for (const CaseResult& result : results) {
    if (result.plan.faults.empty()) continue;
    const FaultSpec& fault = result.plan.faults.front();
    Coverage fresh{std::string(to_string(fault.trigger.point.phase)),
                   fault.kind,
                   std::string(to_string(fault.side)),
                   result.plan.protocol,
                   "",
                   0,
                   0,
                   0,
                   0,
                   {}};
    Coverage* row = nullptr;
    for (Coverage& known : summary.coverage)
      if (known.phase == fresh.phase && known.fault == fresh.fault && known.side == fresh.side &&
          known.protocol == fresh.protocol)
        row = &known;
    if (row == nullptr) row = &summary.coverage.emplace_back(std::move(fresh));
    ++row->required;
    row->delivered += result.delivered ? 1 : 0;
  }
  for (const char* phase : {"reserve", "precopy", "stopcopy", "commit"})
    summary.coverage.push_back({phase,
                                "loss",
                                "channel",
                                "handshake",
                                "",
                                0,
                                0,
                                4,
                                0,
                                {"netem is missing in this kernel"}});
  summary.coverage.push_back({"reserve",
                              "corrupt-page",
                              "channel",
                              "handshake",
                              "",
                              0,
                              0,
                              0,
                              3,
                              {"no page has been sent yet"}});
}

Night night(std::uint64_t id, const std::string& started, std::uint64_t failed) {
  Night one;
  one.id = id;
  one.started = started;
  one.seed = 20261117 + id;
  one.source_qemu = "QEMU 7.2.22";
  one.destination_qemu = "QEMU 10.0.2";
  one.duration_s = 1200 + 30.0 * double(id);
  one.cases = 262;
  one.verdicts = {{Verdict::fail, failed}, {Verdict::pass, 262 - failed}};
  one.blackout_ms = Night::Spread{31.5 + double(id), 58.25 + double(id)};
  return one;
}

// Three earlier nights: they had the second failure, and one that is gone.
void add_nights(Summary& summary) {
  const Sighting lost{"memory/stale-page/stopcopy/stall-channel/handshake",
                      Verdict::fail,
                      4,
                      {},
                      {"a", "b", "c", "d"}};
  for (std::uint64_t id = 1; id <= 3; ++id) {
    auto earlier = night(id, "2026-11-" + std::to_string(17 + id) + "T23:02:11Z", 4);
    earlier.findings.push_back(lost);
    summary.nights.push_back(std::move(earlier));
  }
  auto now = night(4, summary.started, 6);
  std::size_t number = 0;
  for (FindingGroup& group : summary.findings) {
    now.findings.push_back({group.signature, group.verdict, group.count, {}, {}});
    group.before = {"seen", 3, summary.nights.front().started, summary.nights.back().started};
    if (number == 0) group.before = {"new", 0, "", ""};
    if (number == 1)
      group.before = {"back", 1, summary.nights.front().started, summary.nights.front().started};
    ++number;
  }
  summary.gone = {{lost, summary.nights.back().started, 3}};
  summary.nights.push_back(std::move(now));
}

void fill_summary(Summary& summary, const std::vector<CaseResult>& results) {
  summary.seed = 20261121;
  summary.version = "0.1.0";
  summary.command =
      "migfuzz run --phase=all --protocol=handshake --accel=auto --seed=20261121 --jobs=2";
  summary.started = "2026-11-21T23:02:19Z";
  summary.source_qemu = "QEMU 7.2.22 (/usr/bin/qemu-system-x86_64)";
  summary.destination_qemu = "QEMU 10.0.2 (/opt/qemu-10/qemu-system-x86_64)";
  summary.accel = "tcg";
  summary.accel_why = "/dev/kvm is missing on this machine";
  summary.memory = "64 MiB";
  summary.memory_why = "tcg dirties slowly; three passes fit into half a second";
  summary.host = "2 cores, Linux 6.1.0, root";
  summary.duration_s = 1287;
  const std::string source = "A manager's manual";
  summary.promises = {{"kept", "what every case keeps", source, 40, 0, 0, 0},
                      {"broken", "what some case breaks", source, 38, 2, 1, 1},
                      {"known", "what a known issue breaks", source, 39, 0, 2, 1},
                      {"lost", "what only an expected loss does not keep", source, 39, 0, 0, 3},
                      {"unasked", "of which no case says anything", source, 0, 0, 0, 0}};
  summary.cases = results.size();
  for (const CaseResult& result : results) {
    ++summary.verdicts[result.verdict];
    if (!result.plan.faults.empty()) {
      ++summary.cells_required;
      if (result.delivered) ++summary.cells_delivered;
    }
    if (!result.signature.empty()) add_group(summary, result);
  }
  std::stable_sort(
      summary.findings.begin(), summary.findings.end(),
      [](const FindingGroup& a, const FindingGroup& b) { return a.verdict < b.verdict; });
  if (!summary.findings.empty()) {  // the worst one was confirmed and shrunk
    FindingGroup& group = summary.findings.front();
    group.first_seen = "2026-11-21T04:10:00Z";
    group.last_seen = "2026-11-21T04:21:33Z";
    group.versions = {"7.2.22 -> 10.0.2"};
    group.rate = {9, 30};
    group.minimal = "migfuzz replay cases/" + group.case_id + "/minimal.json --times 10";
    group.shrink_end = "nothing simpler shows it";
  }
  summary.reached = {"on",
                     "the search goes where something was new",
                     {{"source", 196, 61, 240, 22, {"colo_failover_set_state", "multifd_send"}},
                      {"destination", 196, 44, 131, 12, {"postcopy_ram_listen_thread_start"}}},
                     58,
                     41,
                     97,
                     {{1, 70, 180}, {10, 90, 300}, {results.size(), 105, 371}}};
  add_coverage(summary, results);
  add_nights(summary);
  summary.controls = {{"no-fault control", 4, 4}, {"canary", 3, 3}, {"corrupt", 17, 17}};
  summary.notes = {"netem is missing in this kernel: delay, loss and rate were left out",
                   "postcopy was left out: userfaultfd is not permitted here"};
}

}  // namespace

ReportSample report_sample(Mood mood, std::uint64_t seed) {
  Draw draw(seed);
  ReportSample sample;
  for (int i = 0; i < 4; ++i) {
    Plan control;
    control.seed = draw.below(1'000'000);
    sample.results.push_back(make_case(draw, control, Verdict::pass));
  }
  std::size_t cell = 0;
  for (const char* point : kPoints) {
    for (const auto& [kind, side] : kFaults) {
      Plan plan;
      plan.seed = draw.below(1'000'000);
      const bool heals = side == Side::channel && draw.below(2) == 0;
      plan.faults.push_back({kind, side, trigger_from(point), heals ? 250U : 0U, draw.below(4096)});
      if (cell == 1) {  // what plans of known systems have besides
        plan.policy = {true, true, true, true, 100};
        plan.evacuation = {6, 2};
        plan.migration_networks = 2;
      }
      const Verdict verdict = verdict_for(plan.faults.front(), mood, cell++);
      if (mood == Mood::safe && verdict == Verdict::hazard) plan.protocol = "autostart";
      sample.results.push_back(make_case(draw, plan, verdict));
      if (verdict == Verdict::fail) {
        plan.seed = draw.below(1'000'000);
        sample.results.push_back(make_case(draw, plan, verdict));
      }
    }
  }
  fill_summary(sample.summary, sample.results);
  return sample;
}

ReportSample hostile_sample(const std::string& text) {
  ReportSample sample;
  CaseResult result;
  result.id = text;
  result.plan.faults.push_back({text, Side::channel, trigger_from("stopcopy/enter"), 0, 0});
  result.plan.protocol = result.plan.guest.name = result.plan.source.binary = text;
  result.verdict = Verdict::fail;
  result.signature = result.headline = result.survivor = result.delivery_proof = text;
  result.evidence_kept = result.required_cell = text;
  result.findings.push_back({text, Verdict::fail, text, text, text});
  result.phases.push_back({text, 0, 1});
  result.owners.push_back({text, 0, 1});
  result.history = History::from_events({{0, 0, text, text, text, {{text, text}}}});
  CaseResult infra = result;
  infra.verdict = Verdict::infra;
  CaseResult skipped = result;
  skipped.verdict = Verdict::not_delivered;
  CaseResult hazard = result;
  hazard.verdict = Verdict::hazard;
  sample.results = {result, infra, skipped, hazard};
  Summary& summary = sample.summary;
  summary.version = summary.command = summary.started = summary.host = text;
  summary.source_qemu = summary.destination_qemu = text;
  summary.accel = summary.accel_why = summary.memory = summary.memory_why = text;
  summary.cases = 4;
  summary.verdicts[Verdict::fail] = 1;
  summary.findings.push_back(
      {text, Verdict::fail, 1, text, text, text, text, text, text, text, text});
  FindingGroup& group = summary.findings.back();
  group.first_seen = group.last_seen = group.minimal = group.shrink_end = text;
  group.versions = {text};
  summary.reached = {text, text, {{text, 1, 1, 1, 1, {text}}}, 1, 1, 1, {{1, 1, 1}, {2, 2, 2}}};
  summary.controls.push_back({text, 1, 0});
  summary.notes.push_back(text);
  summary.coverage.push_back({text, text, text, text, text, 2, 1, 0, 0, {text}});
  group.before = {"new", 1, text, text};
  Night earlier;
  earlier.started = earlier.source_qemu = earlier.destination_qemu = text;
  earlier.findings = {{text + "!", Verdict::fail, 1, {text}, {text}}};
  summary.gone = {{earlier.findings.front(), text, 1}};
  summary.nights = {earlier, earlier};
  return sample;
}

}  // namespace migfuzz::fakes
