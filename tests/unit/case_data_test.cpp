// What the report says of one case: its object within a budget, its numbers, its story. Run alone:
// unit_reports "[case]".
#include "reports/case_data.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "reports/measures.h"
#include "reports/story.h"
#include "tests/fakes/report_sample.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::Equals;

Event at_ms(double ms, const char* actor, const char* kind, const char* name, Fields fields = {}) {
  return {0, static_cast<std::int64_t>(ms * 1e6), actor, kind, name, std::move(fields)};
}

/// A migration of two passes that took from 10 to 60 ms and was migrated again later.
std::vector<Event> migrated() {
  return {at_ms(10, "source", "qmp-command", "migrate"),
          at_ms(20, "source", "qmp-event", "MIGRATION_PASS", {{"pass", std::int64_t{1}}}),
          at_ms(30, "source", "qmp-event", "MIGRATION_PASS", {{"pass", std::int64_t{2}}}),
          at_ms(50, "channel", "relay", "close-seen", {{"forwarded", std::int64_t{9'000'000}}}),
          at_ms(60, "arbiter", "decision", "done"),
          at_ms(70, "director", "retry", "begins"),
          at_ms(80, "source", "qmp-event", "MIGRATION_PASS", {{"pass", std::int64_t{7}}}),
          at_ms(90, "channel", "relay", "close-seen", {{"forwarded", std::int64_t{1}}}),
          at_ms(99, "arbiter", "decision", "done")};
}

CaseResult with_events(std::vector<Event> events) {
  CaseResult result;
  result.history = History::from_events(std::move(events));
  return result;
}

CaseResult struck(const char* point, const char* kind, Side side, const char* rule) {
  CaseResult result;
  result.plan.faults.push_back({kind, side, trigger_from(point), 0, 0});
  result.rule = rule;
  result.delivered = true;
  result.verdict = Verdict::pass;
  return result;
}

void found(CaseResult& result, const char* checker, Verdict verdict, const char* what = "") {
  result.findings.push_back({checker, verdict, what, "", ""});
  result.verdict = std::min(result.verdict, verdict);
}

std::size_t bytes_of(const nlohmann::json& value) {
  std::size_t bytes = 0;
  for (const char c : value.dump(-1, ' ', true)) bytes += c == '<' || c == '>' || c == '&' ? 6 : 1;
  return bytes;
}

TEST_CASE("A case fits the bytes it is given, whatever its texts are", "[case]") {
  for (const std::string& text :
       {std::string(100'000, '<'), std::string(100'000, '\xff'), std::string(100'000, '\n')}) {
    auto sample = fakes::hostile_sample(text);
    CaseResult& result = sample.results.at(0);
    result.findings.resize(200, result.findings.at(0));
    result.owners.resize(5000, {text, 0, 1});
    result.heartbeats_source_ms.resize(10'000, 0.123);
    for (const std::size_t budget : {kCaseBytesLeast, std::size_t{50'000}, std::size_t{200'000}}) {
      const auto data = case_data(sample.summary, result, budget);
      CHECK(bytes_of(data) < budget + 100);  // events_left_out is written last
      CHECK(data["verdict"] == std::string(to_string(result.verdict)));
    }
  }
}

TEST_CASE("Of a case's events the important ones stay, and the others are counted", "[case]") {
  std::vector<Event> events;
  for (int i = 0; i < 500; ++i) events.push_back(at_ms(i, "channel", "stream", "section_full"));
  events.push_back(at_ms(501, "director", "fault", "injected"));
  const auto data = case_data({}, with_events(events), 20'000);
  REQUIRE(!data["events"].empty());
  CHECK(data["events"].back()[3] == "injected");
  CHECK(data["events"].size() < 501);
  CHECK(data["events"].size() + data["events_left_out"].get<std::size_t>() == 501);
}

TEST_CASE("A plan that does not fit is left out, because half a plan cannot be run", "[case]") {
  auto sample = fakes::report_sample();
  CaseResult& result = sample.results.at(0);
  const auto whole = case_data(sample.summary, result, 50'000)["plan"].get<std::string>();
  CHECK(plan_from_text(whole, "the page") == result.plan);
  result.plan.source.binary = "/" + std::string(20'000, 'q');
  CHECK(case_data(sample.summary, result, 50'000)["plan"] == "");
}

TEST_CASE("A case names the bundle of its finding, also where one stands for many", "[case]") {
  Summary summary;
  FindingGroup group;
  group.signature = "clean-exit/assertion:f/*";
  group.bundle = "findings/f.tar.gz";
  summary.findings = {group};
  CaseResult result;
  result.signature = "clean-exit/assertion:f/commit/reset-channel/handshake";
  CHECK(case_data(summary, result, 50'000)["bundle"] == "findings/f.tar.gz");
  result.signature = "memory/stale-page/commit/reset-channel/handshake";
  CHECK(case_data(summary, result, 50'000)["bundle"] == "");
}

TEST_CASE("Settle time, passes and bytes are those of the first migration", "[case]") {
  const Measures measures = measures_of(with_events(migrated()));
  CHECK(measures.settle_ms == Approx(50));
  CHECK(measures.passes == 2);
  CHECK(measures.bytes == 9'000'000);
}

TEST_CASE("A history that ends before the manager was done gives no measures", "[case]") {
  auto events = migrated();
  events.resize(4);
  const Measures measures = measures_of(with_events(events));
  CHECK(measures.settle_ms == -1);
  CHECK(measures.passes == -1);
  CHECK(measures.bytes == -1);
}

TEST_CASE("Bytes are not told while the relay may still forward some", "[case]") {
  auto events = migrated();
  events[3].name = "released";
  const Measures measures = measures_of(with_events(events));
  CHECK(measures.bytes == -1);
  CHECK(measures.passes == 2);
}

TEST_CASE("The story says what struck, how far it was and what is left", "[case]") {
  auto result = struck("stopcopy/enter", "crash", Side::source, "source-lost-before-eof");
  result.survivor = "none";
  found(result, "survivor", Verdict::expected_loss);
  CHECK_THAT(story_of(result),
             Equals("At stopcopy/enter the source was lost (crash); only the source had the whole "
                    "image. No host runs the VM, a loss that is expected here."));
}

TEST_CASE("The story of a failure names who objects, once each", "[case]") {
  auto result = struck("commit/ack", "reset", Side::channel, "acknowledgement-lost");
  result.survivor = "destination";
  result.blackout_ms = 52.4;
  found(result, "survivor", Verdict::pass);
  found(result, "clean-exit", Verdict::fail);
  found(result, "clean-exit", Verdict::fail);
  found(result, "memory", Verdict::fail);
  found(result, "truth", Verdict::pass);
  CHECK_THAT(story_of(result),
             Equals("At commit/ack the channel was cut (reset); the destination had the whole "
                    "image. The destination runs the VM after a blackout of 52 ms, as expected. "
                    "But a promise was broken: clean-exit and memory."));
}

TEST_CASE("The story tells a wrong survivor, a double run and what proves nothing", "[case]") {
  auto wrong = struck("commit/ack", "reset", Side::channel, "acknowledgement-lost");
  wrong.survivor = "none";
  wrong.expected = "exactly one host runs";
  wrong.owners = {{"source", 0, 10}, {"both", 10, 14.5}, {"none", 14.5, 20}};
  found(wrong, "survivor", Verdict::fail);
  CHECK_THAT(story_of(wrong), Contains("No host runs the VM; expected: exactly one host runs."));
  CHECK_THAT(story_of(wrong), Contains("For 4.5 ms QEMU said of both hosts that they run."));
  wrong.delivered = false;
  CHECK_THAT(story_of(wrong), Contains("did not take effect, so this case proves nothing"));
}

TEST_CASE("Results without a rule take it from the survivor's finding", "[case]") {
  auto result = struck("commit/ack", "reset", Side::channel, "");
  found(result, "survivor", Verdict::pass, "the source runs the VM (rule acknowledgement-lost)");
  CHECK(rule_of(result) == "acknowledgement-lost");
  result.survivor = "source";
  CHECK_THAT(story_of(result), Contains("the channel was cut (reset)"));
  result.findings[0].what = "the source runs the VM (rule";
  CHECK(rule_of(result).empty());
  CHECK_THAT(story_of(result), Contains("reset struck the channel"));
}

}  // namespace
}  // namespace migfuzz
