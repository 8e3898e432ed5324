// The known-issues list: what it excuses, what it never excuses, and what it refuses to read.
//
// Run alone: unit_campaign "[known-issues]".
#include "harness/campaign/known_issues.h"

#include <catch2/catch.hpp>

#include "harness/core/error.h"
#include "harness/io/files.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;

CaseResult failed(const std::string& signature = "memory/stale-page/no-fault/handshake") {
  CaseResult result;
  result.verdict = Verdict::fail;
  result.signature = signature;
  result.findings = {{"memory", Verdict::fail, "a page is stale", "stale-page", ""},
                     {"truth", Verdict::pass, "all is true", "", ""}};
  return result;
}

Verdict applied(const KnownIssue& issue, CaseResult result = failed(),
                const std::string& today = "2026-06-15") {
  apply_known_issues(result, {issue}, "7.2.22", "10.0.2", today);
  return result.verdict;
}

TEST_CASE("A failure on the list becomes a known issue with the reference as its reason",
          "[known-issues]") {
  auto result = failed();
  apply_known_issues(result, {{"memory/stale-page/*", "7.2", "docs/memory-size.md", ""}}, "7.2.22",
                     "7.2.22", "2026-06-15");
  CHECK(result.verdict == Verdict::known_issue);
  CHECK(result.signature == failed().signature);
  CHECK(result.findings[0].verdict == Verdict::known_issue);
  CHECK(result.findings[0].reason == "docs/memory-size.md");
  CHECK(result.findings[1].verdict == Verdict::pass);
}

TEST_CASE("Signature, version and date must all agree", "[known-issues]") {
  CHECK(applied({"memory/stale-page/*", "", "r", ""}) == Verdict::known_issue);
  CHECK(applied({"memory/*", "10.0", "r", ""}) == Verdict::known_issue);  // the destination's
  CHECK(applied({"memory/*", "9", "r", ""}) == Verdict::fail);
  CHECK(applied({"memory/wrong-page/*", "", "r", ""}) == Verdict::fail);
  CHECK(applied({"memory/stale-page", "", "r", ""}) == Verdict::fail);
  CHECK(applied({"memory/*", "", "r", "2026-06-15"}) == Verdict::known_issue);  // last valid day
  CHECK(applied({"memory/*", "", "r", "2026-06-14"}) == Verdict::fail);
}

TEST_CASE("A broken promise is excused by a known issue of what it says once more, and by no other",
          "[known-issues]") {
  const auto with = [](std::vector<std::string_view> restates) {
    auto result = failed();
    result.findings.push_back({"promise", Verdict::fail, "state-kept: no", "state-kept", ""});
    const std::vector<Promise> promises{{"state-kept", "c", "s", {}, std::move(restates)}};
    apply_known_issues(result, {{"memory/*", "", "r", ""}}, "7.2", "7.2", "2026-06-15", promises);
    return result.verdict;
  };
  CHECK(with({"memory"}) == Verdict::known_issue);
  CHECK(with({"disk"}) == Verdict::fail);
  CHECK(with({}) == Verdict::fail);
  CHECK(with({"memory", "survivor"}) == Verdict::known_issue);
  auto worse = failed();
  worse.findings.push_back({"disk", Verdict::fail, "a write is lost", "missing", ""});
  worse.findings.push_back({"promise", Verdict::fail, "state-kept: no", "state-kept", ""});
  apply_known_issues(worse, {{"memory/*", "", "r", ""}}, "7.2", "7.2", "2026-06-15",
                     {{"state-kept", "c", "s", {}, {"memory", "disk"}}});
  CHECK(worse.findings.back().verdict == Verdict::fail);
}

TEST_CASE("What follows from a known issue is excused where its entry says so", "[known-issues]") {
  auto result = failed();
  result.findings.push_back({"survivor", Verdict::fail, "no host runs the VM", "vm-lost", ""});
  result.findings.push_back({"clock", Verdict::infra, "nothing was read", "no-reading", ""});
  CHECK(applied({"memory/*", "", "r", ""}, result) == Verdict::fail);
  CHECK(applied({"memory/*", "", "r", "", {"survivor/vm-lost/*"}}, result) == Verdict::infra);
  CHECK(applied({"memory/*", "", "r", "", {"survivor/*", "clock/*"}}, result) ==
        Verdict::known_issue);
  // Without the known failure itself nothing is explained.
  CHECK(applied({"truth/*", "", "r", "", {"*"}}, result) == Verdict::fail);
}

TEST_CASE("Only failures are excused", "[known-issues]") {
  for (const auto verdict : all_verdicts()) {
    if (verdict == Verdict::fail) continue;
    auto result = failed();
    result.verdict = verdict;
    CHECK(applied({"*", "", "r", ""}, result) == verdict);
  }
}

TEST_CASE("A second, unknown failure of the same case is not excused", "[known-issues]") {
  auto result = failed();
  result.findings.push_back({"single-owner", Verdict::fail, "both ran", "double-run", ""});
  apply_known_issues(result, {{"memory/stale-page/*", "", "r", ""}}, "7.2", "7.2", "2026-06-15");
  CHECK(result.verdict == Verdict::fail);
}

TEST_CASE("Version 1 is no prefix of version 10", "[known-issues]") {
  CHECK(applied({"memory/*", "1", "r", ""}) == Verdict::fail);
}

TEST_CASE("A list is read with its optional parts", "[known-issues]") {
  const auto list = known_issues_from_text(
      R"({"schema":1,"issues":[{"signature":"a/*","reference":"x"},
          {"signature":"b","versions":"7.2","reference":"y","expires":"2027-06-30"}]})",
      "known.json");
  REQUIRE(list.size() == 2);
  CHECK(list[0].signature == "a/*");
  CHECK(list[0].expires.empty());
  CHECK(list[1].versions == "7.2");
  CHECK(list[1].expires == "2027-06-30");
}

TEST_CASE("What cannot be read is refused with the file and the entry", "[known-issues]") {
  const auto refusal = [](const char* text) -> std::string {
    try {
      known_issues_from_text(text, "known.json");
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  CHECK_THAT(refusal("{"), Contains("known.json"));
  CHECK_THAT(refusal(R"({"issues":[]})"), Contains("known.json"));
  CHECK_THAT(refusal(R"({"schema":2,"issues":[]})"), Contains("schema 2 is not known"));
  CHECK_THAT(refusal(R"({"schema":1,"issues":[{"signature":"a","reference":"x"},{}]})"),
             Contains("known.json: entry 2"));
  CHECK_THAT(refusal(R"({"schema":1,"issues":[{"signature":3,"reference":"x"}]})"),
             Contains("entry 1"));
  CHECK_THAT(refusal(R"({"schema":1,"issues":[{"signature":"a"}]})"), Contains("reference"));
}

TEST_CASE("A misspelt key of the list is refused", "[known-issues]") {
  CHECK_THROWS_AS(
      known_issues_from_text(
          R"({"schema":1,"issues":[{"signature":"a","reference":"x","expire":"2020-01-01"}]})",
          "k"),
      UsageError);
}

TEST_CASE("A plan of several faults is excused by the one fault that its issue names",
          "[known-issues]") {
  CaseResult result;
  result.plan.faults = {{"stall", Side::channel, trigger_from("precopy/begin"), 150, 0},
                        {"quit", Side::source, trigger_from("commit/eof"), 0, 0}};
  result.findings = {{"clean-exit", Verdict::fail, "ended", "signal:SIGSEGV-source", ""}};
  result.verdict = Verdict::fail;
  const std::string pattern = "clean-exit/signal:SIGSEGV-source/*/quit-source/*";
  CHECK(applied({pattern, "", "r", ""}, result) == Verdict::known_issue);
  result.plan.faults.pop_back();
  CHECK(applied({pattern, "", "r", ""}, result) == Verdict::fail);
}

// --- entries that may be over --------------------------------------------------------------------

const std::string kCut = "clean-exit/assertion:f/*";

CaseResult at_ack(bool shows, const std::string& versions = "7.2.22 -> 7.2.22") {
  CaseResult result;
  result.plan.faults = {{"reset", Side::channel, trigger_from("commit/ack"), 0, 0}};
  result.versions = versions;
  result.delivered = true;
  result.verdict = shows ? Verdict::known_issue : Verdict::pass;
  result.findings = {{"clean-exit", result.verdict, "what", shows ? "assertion:f" : "", ""}};
  return result;
}

std::vector<std::string> stale(const KnownIssue& issue, const std::vector<CaseResult>& results,
                               const std::vector<Replayed>& replayed = {}) {
  return stale_issues({issue}, results, replayed, "2026-06-15");
}

TEST_CASE("An issue that was looked for and not seen is reported with what that proves",
          "[known-issues]") {
  KnownIssue issue{kCut, "7.2", "docs/x.md", ""};
  issue.shown_by = {"commit/reset-channel/*"};
  const std::vector<CaseResult> unseen(10, at_ack(false));
  REQUIRE(stale(issue, unseen).size() == 1);
  CHECK_THAT(stale(issue, unseen)[0],
             Contains(kCut) && Contains("10 cases") && Contains("28 %") && Contains("docs/x.md"));
  auto seen_once = unseen;
  seen_once.push_back(at_ack(true));
  CHECK(stale(issue, seen_once).empty());
}

TEST_CASE("An issue that nobody looked for is not called over", "[known-issues]") {
  KnownIssue issue{kCut, "7.2", "r", ""};
  CHECK(stale(issue, {at_ack(false)}).empty());  // the pattern names no place where it shows
  issue.shown_by = {"commit/reset-channel/*"};
  CHECK(stale(issue, {}).empty());
  CHECK(stale(issue, {at_ack(false, "10.0.2 -> 10.0.2")}).empty());  // another version
  auto undelivered = at_ack(false);
  undelivered.delivered = false;
  CHECK(stale(issue, {undelivered}).empty());
  auto untold = at_ack(false);
  untold.verdict = Verdict::infra;
  CHECK(stale(issue, {untold}).empty());
  auto elsewhere = at_ack(false);
  elsewhere.plan.faults[0].trigger = trigger_from("precopy/begin");
  CHECK(stale(issue, {elsewhere}).empty());
}

TEST_CASE("A signature without a star, or a plan of the corpus, says where it shows",
          "[known-issues]") {
  const KnownIssue exact{"clean-exit/assertion:f/commit/reset-channel/handshake", "", "r", ""};
  CHECK(stale(exact, {at_ack(false)}).size() == 1);
  CHECK(stale(exact, {at_ack(true)}).empty());
  const KnownIssue wide{kCut, "", "r", ""};
  const Replayed replayed{exact.signature, at_ack(false).plan};
  CHECK(stale(wide, {at_ack(false)}, {replayed}).size() == 1);
  CHECK(stale(wide, {at_ack(false)}, {{"memory/x/no-fault/handshake", replayed.plan}}).empty());
}

TEST_CASE("An expired entry that would have excused a failure says so", "[known-issues]") {
  KnownIssue issue{kCut, "", "r", "2026-06-14"};
  issue.shown_by = {"commit/*"};
  REQUIRE(stale(issue, {at_ack(true)}).size() == 1);
  CHECK_THAT(stale(issue, {at_ack(true)})[0], Contains("expired on 2026-06-14"));
  CHECK(stale(issue, {at_ack(false)}).empty());
}

TEST_CASE("The list of this repository can be read, and names only faces that exist",
          "[known-issues]") {
  const std::string path = MIGFUZZ_SOURCE_DIR "/known-issues.json";
  const auto list = known_issues_from_text(io::read_input(path, 1 << 20), path);
  CHECK(list.size() >= 4);
  for (const auto& issue : list)
    CHECK(std::count(issue.signature.begin(), issue.signature.end(), '/') >= 2);
}

TEST_CASE("The list that is part of the program is this repository's", "[known-issues]") {
  const std::string path = MIGFUZZ_SOURCE_DIR "/known-issues.json";
  CHECK(std::string(shipped_known_issues()) == io::read_input(path, 1 << 20));
}

}  // namespace
}  // namespace migfuzz
