#include "tests/fakes/hostile.h"

namespace migfuzz::fakes {
namespace {

Plan filled_plan(const std::string& text) {
  Plan plan;
  plan.faults.push_back({text, Side::channel, trigger_from("stopcopy/enter"), 0, 0});
  plan.scenario = plan.hypervisor = plan.protocol = plan.accel = plan.machine = plan.disk = text;
  plan.guest.name = plan.source.binary = plan.destination.binary = plan.plant = text;
  return plan;
}

CaseResult filled_result(const std::string& text) {
  CaseResult result;
  result.id = result.signature = result.headline = result.survivor = text;
  result.delivery_proof = result.expected = result.rule = result.versions = result.ended = text;
  result.evidence_kept = result.required_cell = text;
  result.plan = filled_plan(text);
  result.duration_ms = 12;
  result.blackout_ms = 7;
  result.findings.push_back({text, Verdict::fail, text, text, text});
  result.phases.push_back({text, 0, 1});
  result.owners.push_back({text, 0, 1});
  result.heartbeats_source_ms = {1};
  result.history = History::from_events({{0, 0, text, text, text, {{"field", text}}}});
  result.reached = {text};
  return result;
}

FindingGroup filled_group(const std::string& text) {
  FindingGroup group;
  group.signature = group.phase = group.point = group.fault = group.side = text;
  group.checker = group.what = group.replay = group.case_id = group.bundle = text;
  group.first_seen = group.last_seen = group.minimal = group.shrink_end = text;
  group.versions = {text};
  group.before = {text, 1, text, text};
  group.count = 1;
  group.shortest = filled_plan(text);
  return group;
}

Plan readable_plan(Plan plan) {
  for (FaultSpec& fault : plan.faults) fault.kind = "reset";
  plan.scenario = "cells";
  plan.hypervisor = "qemu";
  plan.protocol = "handshake";
  plan.accel = "tcg";
  plan.machine = "pc";
  plan.disk = "raw";
  plan.guest.name = "tiny";
  plan.source = plan.destination = {};
  plan.plant.clear();
  return plan;
}

}  // namespace

ReportSample filled_with(const std::string& text) {
  ReportSample sample;
  for (const Verdict verdict :
       {Verdict::fail, Verdict::infra, Verdict::not_delivered, Verdict::hazard}) {
    CaseResult result = filled_result(text);
    result.verdict = verdict;
    sample.results.push_back(std::move(result));
    FindingGroup group = filled_group(text);
    group.verdict = verdict;
    sample.summary.findings.push_back(std::move(group));
    sample.summary.verdicts[verdict] = 1;
  }
  Summary& summary = sample.summary;
  summary.version = summary.command = summary.started = summary.host = text;
  summary.source_qemu = summary.destination_qemu = text;
  summary.accel = summary.accel_why = summary.memory = summary.memory_why = text;
  summary.cases = 4;
  summary.coverage.push_back({text, text, text, text, text, 2, 1, 1, 1, {text}});
  summary.reached = {text, text, {{text, 1, 1, 1, 1, {text}}}, 1, 1, 1, {{1, 1, 1}, {2, 2, 2}}};
  summary.controls.push_back({text, 1, 0});
  const Sighting sighting{text, Verdict::fail, 1, {text}, {text}};
  Night night;
  night.started = night.source_qemu = night.destination_qemu = text;
  night.findings = {sighting};
  summary.nights = {night, night};
  summary.gone = {{sighting, text, 0}};
  summary.notes.push_back(text);
  return sample;
}

std::vector<std::pair<std::string, std::string>> hostile_texts() {
  std::string controls;
  for (char c = 0; c < 0x20; ++c) controls += c;
  std::string megabyte;
  while (megabyte.size() < (std::size_t{1} << 20)) megabyte += "A<b>&\"`|] \n";
  return {
      {"markup",
       "</script><script>document.title='owned'</script><img src=x "
       "onerror=\"document.title='owned'\"><style>*{display:none}</style>"},
      {"xml", "]]><!-- <?x?> &amp; &#0; <failure message='\"'></testsuite>"},
      {"markdown",
       "| a | b |\n# title\n- item\n```\n[l](javascript:alert(1)) ![i](http://example.org/i.png) "
       "`` <b>b</b> @somebody www.example.org http://example.org a@b.example ~~x~~ **y** \\"},
      {"templates", "{0} {{js}} ${x} %s %n {{data}} [a](1) \\n $(reboot) `reboot`"},
      {"controls", controls + "\x7f\x1b[31mred\x1b]0;title\x07 end"},
      {"broken-utf8", "\xff\xfe\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80 \xe2\x82 end \xf0\x9f"},
      {"odd-characters",
       "\xe2\x80\xae right to left \xe2\x80\xa8\xe2\x80\xa9 \xef\xbf\xbe\xef\xbf\xbf "
       "\xc2\x85 \xf0\x9f\x92\xa5 \xe2\x80\x8b"},
      {"paths", "../../etc/passwd\\..\\x?y#z:8080//host/%2e%2e"},
      {"megabyte", megabyte},
  };
}

ReportSample made_readable(ReportSample sample) {
  std::size_t number = 0;
  for (CaseResult& result : sample.results) {
    result.id = "case-" + std::to_string(++number);
    result.evidence_kept = "cases/" + result.id;
    result.plan = readable_plan(result.plan);
  }
  for (FindingGroup& group : sample.summary.findings) {
    group.bundle = "findings/x.tar.gz";
    group.case_id = sample.results.front().id;
    if (group.shortest) group.shortest = readable_plan(*group.shortest);
  }
  sample.summary.reached.mode = "on";
  for (HostReach& host : sample.summary.reached.hosts) host.host = "source";
  return sample;
}

}  // namespace migfuzz::fakes
