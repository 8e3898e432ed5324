// Summing up a run: counts, cells, groups of findings, controls, and the exit status that follows.
//
// Run alone: unit_campaign "[campaign]".
#include "harness/campaign/campaign.h"

#include <catch2/catch.hpp>

#include "harness/core/outcome.h"

namespace migfuzz {
namespace {

CaseResult result(Verdict verdict, const std::string& signature = "", bool delivered = true) {
  CaseResult one;
  one.id = "case";
  one.verdict = verdict;
  one.signature = signature;
  one.delivered = delivered;
  one.required_cell = to_string(Cell{"stopcopy/enter", "crash", Side::source, "handshake", ""});
  one.plan.faults = {{"crash", Side::source, trigger_from("stopcopy/enter"), 0, 0}};
  one.findings = {{"memory", verdict, "what was seen", "x", ""}};
  one.headline = "memory: what was seen";
  one.evidence_kept = "cases/case";
  return one;
}

CaseResult control(Verdict verdict) {
  auto one = result(verdict);
  one.plan.faults.clear();
  one.required_cell.clear();
  return one;
}

// The first cells required are those of result() and of the missed one below.
Summary summed(const std::vector<CaseResult>& results, std::size_t required) {
  Summary summary;
  Matrix matrix;
  for (std::size_t i = 0; i < required; ++i)
    matrix.required.insert({i == 0 ? "stopcopy/enter" : "stopcopy/enter+" + std::to_string(i),
                            "crash", Side::source, "handshake", ""});
  sum_up(summary, results, matrix);
  return summary;
}

TEST_CASE("Every case is counted once under its verdict", "[campaign]") {
  std::vector<CaseResult> results;
  for (const auto verdict : all_verdicts()) results.push_back(result(verdict));
  results.push_back(result(Verdict::pass));
  const auto summary = summed(results, 8);
  CHECK(summary.cases == 8);
  CHECK(summary.verdicts.at(Verdict::pass) == 2);
  CHECK(summary.verdicts.at(Verdict::fail) == 1);
  std::uint64_t sum = 0;
  for (const auto& [verdict, count] : summary.verdicts) sum += count;
  CHECK(sum == summary.cases);
}

TEST_CASE("Only delivered cells of the matrix count as delivered, each once", "[campaign]") {
  auto missed = result(Verdict::not_delivered, "n", false);
  missed.required_cell =
      to_string(Cell{"stopcopy/enter", "hang", Side::source, "handshake", ""});
  const auto summary =
      summed({result(Verdict::pass), result(Verdict::pass), missed, control(Verdict::pass)}, 2);
  CHECK(summary.cells_required == 2);
  CHECK(summary.cells_delivered == 1);
}

TEST_CASE("A searched plan that missed a point is counted and is no finding", "[campaign]") {
  auto missed = result(Verdict::not_delivered, "n", false), found = result(Verdict::fail, "f");
  missed.plan.scenario = found.plan.scenario = kSearchScenario;
  const auto summary = summed({missed, found, result(Verdict::not_delivered, "n", false)}, 0);
  CHECK(summary.searched == 2);
  CHECK(summary.missed == 1);
  CHECK(summary.verdicts.at(Verdict::not_delivered) == 2);
  REQUIRE(summary.findings.size() == 2);
  CHECK(summary.findings[1].signature == "n");
  CHECK(summary.findings[1].count == 1);
  REQUIRE(summary.notes.size() == 1);
  CHECK_THAT(summary.notes[0], Catch::Matchers::Contains("drew 2 plans; 1 of them"));
}

TEST_CASE("The coverage table has a row for each phase, fault, side and protocol", "[campaign]") {
  Matrix matrix;
  matrix.required = {{"stopcopy/enter", "crash", Side::source, "handshake", ""},
                     {"stopcopy/ram-end", "crash", Side::source, "handshake", ""},
                     {"reserve/first-byte", "crash", Side::source, "handshake", ""}};
  const std::string no = "no netem";
  matrix.left_out = {{{"stopcopy/enter", "netem", Side::source, "handshake", ""}, no, true},
                     {{"stopcopy/ram-end", "netem", Side::source, "handshake", ""}, no, true},
                     {{"stopcopy/enter", "crash", Side::source, "autostart", ""}, "why", false}};
  Summary summary;
  sum_up(summary, {result(Verdict::pass)}, matrix);
  REQUIRE(summary.coverage.size() == 4);
  CHECK(summary.coverage[0].phase == "reserve");
  CHECK(summary.coverage[0].required == 1);
  CHECK(summary.coverage[0].delivered == 0);
  const auto row = [&](const char* fault, const char* protocol) {
    for (const auto& one : summary.coverage)
      if (one.phase == "stopcopy" && one.fault == fault && one.protocol == protocol) return one;
    return Coverage();
  };
  CHECK(row("crash", "handshake").required == 2);
  CHECK(row("crash", "handshake").delivered == 1);
  CHECK(row("netem", "handshake").impossible == 2);
  CHECK(row("netem", "handshake").why == std::vector<std::string>{no});
  CHECK(row("crash", "autostart").meaningless == 1);
}

TEST_CASE("Findings with one signature are one group with its count, worst first", "[campaign]") {
  const auto summary =
      summed({result(Verdict::hazard, "h"), result(Verdict::fail, "f"), result(Verdict::fail, "f"),
              result(Verdict::hazard, "h"), result(Verdict::hazard, "h"), result(Verdict::pass)},
             6);
  REQUIRE(summary.findings.size() == 2);
  CHECK(summary.findings[0].signature == "f");
  CHECK(summary.findings[0].count == 2);
  CHECK(summary.findings[0].verdict == Verdict::fail);
  CHECK(summary.findings[0].checker == "memory");
  CHECK(summary.findings[0].phase == "stopcopy");
  CHECK(summary.findings[0].point == "stopcopy/enter");
  CHECK(summary.findings[0].fault == "crash");
  CHECK(summary.findings[0].side == "source");
  CHECK_THAT(summary.findings[0].replay, Catch::Matchers::StartsWith("migfuzz replay ") &&
                                             Catch::Matchers::EndsWith("cases/case"));
  CHECK(summary.findings[1].signature == "h");
  CHECK(summary.findings[1].count == 3);
}

TEST_CASE("A group shows its worst case and keeps its count", "[campaign]") {
  auto bad = result(Verdict::fail, "s");
  bad.id = "bad";
  const auto summary =
      summed({result(Verdict::known_issue, "s"), bad, result(Verdict::known_issue, "s")}, 3);
  REQUIRE(summary.findings.size() == 1);
  CHECK(summary.findings[0].count == 3);
  CHECK(summary.findings[0].verdict == Verdict::fail);
  CHECK(summary.findings[0].case_id == "bad");
}

TEST_CASE("A group says when, on what and by which plan it was seen", "[campaign]") {
  auto one = result(Verdict::fail, "memory/stale-page/stopcopy/crash-source/handshake");
  one.ended = "2026-11-22T05:00:10Z";
  one.versions = "7.2.22 -> 7.2.22";
  one.plan.guest.dirty_pages_per_s = 9000;
  auto other = one;
  other.id = "plainer";
  other.ended = "2026-11-22T05:00:00Z";
  other.versions = "7.2.22 -> 10.0.2";
  other.plan.guest.dirty_pages_per_s = Plan().guest.dirty_pages_per_s;
  auto third = one;
  third.ended = "2026-11-22T06:00:00Z";
  const auto summary = summed({one, other, third}, 1);
  REQUIRE(summary.findings.size() == 1);
  const auto& group = summary.findings[0];
  CHECK(group.count == 3);
  CHECK(group.first_seen == "2026-11-22T05:00:00Z");
  CHECK(group.last_seen == "2026-11-22T06:00:00Z");
  CHECK(group.versions == std::vector<std::string>{"7.2.22 -> 7.2.22", "7.2.22 -> 10.0.2"});
  CHECK(group.shortest == other.plan);
  CHECK(group.case_id == "plainer");  // what is shown is the simplest of the worst
  CHECK(group.rate.runs == 0);
  CHECK(group.minimal.empty());
}

TEST_CASE("A face that names its place in the code is one finding in every cell", "[campaign]") {
  std::vector<CaseResult> results;
  for (const auto* where : {"commit/reset-channel/handshake", "stopcopy/yank-source/autostart"})
    results.push_back(result(Verdict::fail, std::string("clean-exit/assertion:f/") + where));
  const auto summary = summed(results, 1);
  REQUIRE(summary.findings.size() == 1);
  CHECK(summary.findings[0].signature == "clean-exit/assertion:f/*");
  CHECK(summary.findings[0].count == 2);
}

TEST_CASE("A group shows what the shrink of one of its cases has left", "[campaign]") {
  auto one = result(Verdict::fail, "memory/stale-page/stopcopy/crash-source/handshake");
  one.plan.guest.dirty_pages_per_s = 9000;
  Reduced reduced;
  reduced.case_id = one.id;
  reduced.signature = reduced.key = one.signature;
  reduced.shrunk.face = "memory/stale-page";
  reduced.shrunk.plan = one.plan;
  reduced.shrunk.plan.guest.dirty_pages_per_s = Plan().guest.dirty_pages_per_s;
  reduced.shrunk.last = {9, 30};
  reduced.shrunk.end = "nothing simpler shows it";
  Summary summary;
  sum_up(summary, {one}, {}, {reduced});
  REQUIRE(summary.findings.size() == 1);
  CHECK(summary.findings[0].shortest == reduced.shrunk.plan);
  CHECK(summary.findings[0].rate == Rate{9, 30});
  CHECK(summary.findings[0].minimal == "migfuzz replay cases/case/minimal.json --times 10");
  CHECK(summary.findings[0].shrink_end == "nothing simpler shows it");
}

TEST_CASE("Controls, canaries and damage are counted as statements on the eyesight", "[campaign]") {
  auto canary = control(Verdict::fail);
  canary.plan.plant = "rollback";
  auto blind = control(Verdict::pass);
  blind.plan.plant = "rollback";
  auto damage = result(Verdict::pass);
  damage.plan.faults[0].kind = "corrupt";
  damage.plan.faults[0].side = Side::channel;
  damage.rule = kDamageIsSeen;
  const auto summary =
      summed({control(Verdict::pass), control(Verdict::infra), canary, blind, damage}, 1);
  REQUIRE(summary.controls.size() == 3);
  CHECK(summary.controls[0].name == "no-fault control");
  CHECK(summary.controls[0].cases == 2);
  CHECK(summary.controls[0].good == 1);
  CHECK(summary.controls[1].name == "canary");
  CHECK(summary.controls[1].good == 1);
  CHECK(summary.controls[2].good == 1);
}

TEST_CASE("The exit status is 1 for failures, 3 for doubt, 0 otherwise", "[campaign]") {
  CHECK(exit_status(summed({result(Verdict::pass)}, 1)) == 0);
  CHECK(exit_status(summed({result(Verdict::expected_loss)}, 1)) == 0);
  CHECK(exit_status(summed({result(Verdict::hazard, "h")}, 1)) == 0);
  CHECK(exit_status(summed({result(Verdict::known_issue, "k")}, 1)) == 0);
  CHECK(exit_status(summed({result(Verdict::fail, "f")}, 1)) == 1);
  CHECK(exit_status(summed({result(Verdict::infra, "i")}, 1)) == 3);
  CHECK(exit_status(summed({result(Verdict::not_delivered, "n", false)}, 1)) == 3);
  CHECK(exit_status(summed({result(Verdict::fail, "f"), result(Verdict::infra, "i")}, 2)) == 1);
  CHECK(exit_status(summed({}, 0)) == 3);
  CHECK(exit_status(summed({result(Verdict::pass)}, 2)) == 3);  // a cell is missing
  CHECK(exit_status(summed({control(Verdict::infra)}, 0)) == 3);
}

TEST_CASE("Two versions meet at the newest machine type that both know", "[campaign]") {
  const std::vector<std::string> old{"pc", "pc-i440fx-7.2", "pc-i440fx-2.9", "q35", "none"};
  const std::vector<std::string> fresh{"pc", "pc-i440fx-10.0", "pc-i440fx-7.2", "pc-i440fx-2.9"};
  CHECK(newest_common_machine(old, fresh) == "pc-i440fx-7.2");
  CHECK(newest_common_machine(fresh, fresh) == "pc-i440fx-10.0");  // by number, not by letter
  CHECK(newest_common_machine(old, {"pc", "pc-i440fx-7.2-hpb"}).empty());
}

TEST_CASE("A canary that survives makes the run worth nothing", "[campaign]") {
  auto blind = control(Verdict::pass);
  blind.plan.plant = "stale-page";
  CHECK(exit_status(summed({blind}, 0)) == 3);
  auto seen = control(Verdict::fail);
  seen.signature = "memory/stale-page";
  seen.plan.plant = "stale-page";
  CHECK(exit_status(summed({seen}, 0)) == 1);
}

}  // namespace
}  // namespace migfuzz
