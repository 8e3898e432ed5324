// Bundles and scripts: a finding of a run becomes one file that says everything, and is read back.
//
// The evidence is that of a case whose source aborts after a lost acknowledgement, shortened. That
// the scripts reproduce anything is shown on real QEMUs: tests/qemu/bundle_test.sh. Run alone:
// io_tests "[bundle]".
#include "harness/campaign/bundle.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "harness/campaign/script.h"
#include "harness/core/error.h"
#include "harness/io/archive.h"
#include "harness/io/files.h"
#include "tests/fakes/catalogs.h"
#include "tests/io/temporary.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;
using nlohmann::json;

// --- a case ------------------------------------------------------------------------------------

Plan plan_of(const std::string& fault, const std::string& point, Side side = Side::channel) {
  Plan plan;
  plan.accel = "tcg";
  plan.guest.memory_bytes = 16 << 20;
  plan.source.binary = "/opt/elsewhere/qemu-system-x86_64";
  plan.faults = {{fault, side, trigger_from(point), 0, 0}};
  return plan;
}

CaseResult result_of(const Plan& plan) {
  CaseResult result;
  result.id = "case";
  result.plan = plan;
  result.verdict = Verdict::fail;
  result.signature = "clean-exit/assertion:f/commit/reset-channel/handshake";
  result.headline = "source: x: f: Assertion `\"quoted\\n\"' failed.";
  result.versions = "7.2.22 -> 10.0.2";
  result.findings = {{"clean-exit", Verdict::fail, "source: f", "assertion:f", ""}};
  result.evidence_kept = "cases/case";
  return result;
}

std::string command_line(const std::string& host) {
  const json words{"qemu-system-x86_64",
                   "-m",
                   "16M",
                   "-object",
                   "memory-backend-file,id=pc.ram,mem-path=/dev/fd/5,size=16384K,share=on",
                   "-chardev",
                   "file,id=evidence,path=/dev/fd/6,append=on",
                   "-blockdev",
                   "driver=file,node-name=image0,filename=/dev/fd/7,cache.direct=on",
                   "-chardev",
                   "socket,id=qmp,fd=8,server=on,wait=off",
                   "-chardev",
                   "socket,id=oob,fd=9,server=on,wait=off",
                   "-kernel",
                   "/dev/fd/10",
                   "-append",
                   "seed=1 " + host};
  return "     1.000 run > " + words.dump() + "\n";
}

std::string history(const std::vector<Event>& events) {
  std::string text;
  for (const auto& event : events) text += to_json(event).dump() + "\n";
  return text;
}

class Story {
 public:
  Story& add(const char* actor, const char* kind, const char* name, Fields fields = {}) {
    const auto n = events_.size();
    events_.push_back(
        {n, static_cast<std::int64_t>(n) * 10000000, actor, kind, name, std::move(fields)});
    return *this;
  }
  std::string text() const { return history(events_); }

 private:
  std::vector<Event> events_;
};

Story lost_acknowledgement() {
  Story story;
  story.add("source", "process", "started")
      .add("source", "qmp-command", "migrate", {{"uri", "tcp:10.77.0.1:1"}})
      .add("source", "qmp-event", "STOP")
      .add("source", "qmp-event", "MIGRATION", {{"status", "pre-switchover"}})
      .add("arbiter", "decision", "continue-switchover")
      .add("source", "qmp-command", "migrate-continue")
      .add("channel", "stream", "section_end", {{"offset", std::int64_t{1000}}, {"idstr", "ram"}})
      .add("channel", "point", "stopcopy/ram-end", {{"offset", std::int64_t{5000}}})
      .add("director", "fault", "injected",
           {{"forwarded", std::int64_t{9000}}, {"back_forwarded", std::int64_t{8}}})
      .add("director", "fault", "delivered")
      .add("source", "qmp-event", "MIGRATION", {{"status", "failed"}})
      .add("arbiter", "decision", "take-back")
      .add("arbiter", "decision", "fence-destination")
      .add("destination", "process", "exited",
           {{"code", std::int64_t{0}}, {"signal", std::int64_t{9}}})
      .add("source", "process", "exited", {{"code", std::int64_t{0}}, {"signal", std::int64_t{6}}})
      .add("arbiter", "decision", "done");
  return story;
}

std::map<std::string, std::string> evidence_of(const Story& story) {
  const std::string set =
      "   2.0 qmp > {\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[]},"
      "\"id\":2}\n   2.1 qmp < {\"return\": {}, \"id\": 2}\n";
  return {{"history.jsonl", story.text()},
          {"plan.json", "{}"},
          {"qmp-source.log", command_line("source") +
                                 "   1.5 qmp > {\"execute\":"
                                 "\"qmp_capabilities\",\"id\":1}\n" +
                                 set +
                                 "   9.0 qmp > {\"execute\":\"migrate\",\"id\":3}\n"
                                 "  10.0 qmp > {\"execute\":\"migrate-continue\",\"id\":4}\n"},
          {"qmp-destination.log", command_line("destination") + set},
          {"stderr-source.log", "qemu: block/io.c:1: f: Assertion `x' failed.\n"},
          {"stderr-destination.log", "\n"}};
}

// The JSON between the quotes of `CASE = json.loads(r"""`.
json case_in(const std::string& script) {
  const std::string begin = "CASE = json.loads(r\"\"\"\n", end = "\n\"\"\")";
  const auto from = script.find(begin) + begin.size();
  return json::parse(script.substr(from, script.find(end, from) - from));
}

Script script(const CaseResult& result, const Story& story) {
  return script_for(result, evidence_of(story), fakes::real_catalogs(), "1.2.3");
}

// --- scripts -----------------------------------------------------------------------------------

TEST_CASE("A script says what was sent, in order, and what each step waits for", "[bundle]") {
  const auto made = script(result_of(plan_of("reset", "commit/ack")), lost_acknowledgement());
  REQUIRE(made.why_not.empty());
  const auto one = case_in(made.text);
  const auto& steps = one["steps"];
  REQUIRE(steps.size() == 4);
  CHECK(steps[0]["do"] == "migrate");
  CHECK(steps[1]["with"]["command"] == "migrate-continue");
  CHECK(steps[1]["wait"] == json::array({json::array({"source", "pre-switchover"})}));
  CHECK(steps[2] == json{{"do", "strike"}});
  CHECK(steps[3]["do"] == "kill");
  CHECK(steps[3]["with"]["host"] == "destination");
  CHECK(steps[3]["wait"] == json::array({json::array({"source", "failed"})}));
  CHECK(one["hosts"]["source"]["commands"].size() == 1);
  CHECK(one["hosts"]["source"]["version"] == "7.2.22");
  CHECK(one["hosts"]["destination"]["version"] == "10.0.2");
}

TEST_CASE("A script has files and sockets where the case had descriptors", "[bundle]") {
  const auto made = script(result_of(plan_of("reset", "commit/ack")), lost_acknowledgement());
  CHECK(made.text.find("/dev/fd/") == std::string::npos);
  const auto arguments = case_in(made.text)["hosts"]["source"]["arguments"].dump();
  for (const auto* part : {"mem-path={folder}/source.ram", "path={folder}/source.guest,append=on",
                           "filename={folder}/disk,cache.direct=on", "\"{folder}/payload\"",
                           "socket,id=oob,path={folder}/source.oob,server=on"})
    CHECK_THAT(arguments, Contains(part));
}

TEST_CASE("A script looks for the end that nobody caused", "[bundle]") {
  const auto made = script(result_of(plan_of("reset", "commit/ack")), lost_acknowledgement());
  const auto sought = case_in(made.text)["sought"];
  CHECK(sought["host"] == "source");
  CHECK(sought["ending"] == "signal 6");
  CHECK(sought["printed"] == "f: Assertion");
}

TEST_CASE("The place of a failure is counted from what does not vary", "[bundle]") {
  const auto place = [](const std::string& point) {
    const auto made = script(result_of(plan_of("reset", point)), lost_acknowledgement());
    INFO(made.why_not);
    return case_in(made.text)["fault"]["place"];
  };
  CHECK(place("commit/ack") ==
        json{{"way", "back"}, {"from", "start"}, {"bytes", 8}, {"more", true}});
  CHECK(place("commit/eof") ==
        json{{"way", "forth"}, {"from", "ram-end"}, {"bytes", 4000}, {"more", false}});
}

TEST_CASE("A source that is lost for good is cut off where it stood", "[bundle]") {
  const auto fault = [](const std::string& kind, Side side, std::uint32_t heal_ms) {
    auto plan = plan_of(kind, "commit/eof", side);
    plan.faults.front().heal_after_ms = heal_ms;
    return case_in(script(result_of(plan), lost_acknowledgement()).text)["fault"];
  };
  CHECK(fault("crash", Side::source, 0)["seal"] == true);
  CHECK(fault("crash", Side::destination, 0)["seal"] == false);
  CHECK(fault("hang", Side::source, 200)["seal"] == false);
  CHECK(fault("hang", Side::source, 200)["release"] == "heal");
  CHECK(fault("stall", Side::channel, 150)["release"] == "heal");
  CHECK(fault("cancel", Side::source, 0)["release"] == "now");
}

TEST_CASE("What a plain script cannot do is said in one line", "[bundle]") {
  const auto why = [](const CaseResult& result, const Story& story) {
    const auto made = script(result, story);
    CHECK(made.text.empty());
    CHECK(made.why_not.find('\n') == std::string::npos);
    return made.why_not;
  };
  const auto story = lost_acknowledgement();
  CHECK_THAT(why(result_of(plan_of("link-down", "commit/ack", Side::source)), story),
             Contains("`link-down` is out of reach"));
  auto nbd = plan_of("reset", "commit/ack");
  nbd.disk = "nbd";
  CHECK_THAT(why(result_of(nbd), story), Contains("storage daemon"));
  auto two = plan_of("reset", "commit/ack");
  two.faults.push_back(two.faults.front());
  CHECK_THAT(why(result_of(two), story), Contains("more than one fault"));
  auto planted = plan_of("reset", "commit/ack");
  planted.plant = "rollback";
  CHECK_THAT(why(result_of(planted), story), Contains("planted"));
  Story calm;
  calm.add("source", "qmp-command", "migrate")
      .add("director", "fault", "injected", {{"back_forwarded", std::int64_t{8}}});
  auto stale = result_of(plan_of("reset", "commit/ack"));
  stale.findings = {{"memory", Verdict::fail, "1 stale page", "stale-page", ""}};
  CHECK_THAT(why(stale, calm), Contains("`stale-page` shows only"));
}

TEST_CASE("Evidence that is damaged makes no script and no crash", "[bundle]") {
  const auto result = result_of(plan_of("reset", "commit/ack"));
  const auto whole = evidence_of(lost_acknowledgement());
  for (const auto& [name, text] : whole) {
    auto less = whole;
    less.erase(name);
    script_for(result, less, fakes::real_catalogs(), "1");
    for (std::size_t size = 0; size < text.size(); size += 7) {
      less[name] = text.substr(0, size);
      const auto made = script_for(result, less, fakes::real_catalogs(), "1");
      CHECK(made.text.empty() != made.why_not.empty());
    }
  }
}

// --- bundles -----------------------------------------------------------------------------------

struct Written {
  fakes::TemporaryFolder folder;
  Summary summary;

  explicit Written(const Plan& plan = plan_of("reset", "commit/ack")) {
    auto files = evidence_of(lost_acknowledgement());
    files["plan.json"] = to_json(plan).dump();
    io::make_output_folder(folder / "cases/case");
    for (const auto& [name, text] : files) io::write_whole(folder / ("cases/case/" + name), text);
    const auto result = result_of(plan);
    FindingGroup group;
    group.signature = result.signature;
    group.case_id = "case";
    group.count = 3;
    summary.findings = {group};
    summary.version = "1.2.3";
    summary.host = "2 cores, Linux 6.1, root";
    write_bundles(folder.path(), summary, {result}, fakes::real_catalogs(), {{"netem", "no"}});
  }
  std::string path() const { return folder / summary.findings.front().bundle; }
};

TEST_CASE("A finding's bundle holds the evidence, the versions, the machine and a script",
          "[bundle]") {
  const Written written;
  CHECK(written.summary.findings.front().bundle ==
        "findings/clean-exit-assertion-f-commit-reset-channel-handshake.tar.gz");
  const auto members = io::read_archive(written.path());
  for (const auto* name : {"plan.json", "history.jsonl", "qmp-source.log", "stderr-destination.log",
                           "README.md", "bundle.json", "reproduce.py"})
    CHECK(members.count(name) == 1);
  const auto about = json::parse(members.at("bundle.json"));
  CHECK(about["source_version"] == "7.2.22");
  CHECK(about["missing_capabilities"]["netem"] == "no");
  CHECK(about["host"] == "2 cores, Linux 6.1, root");
  CHECK_THAT(members.at("README.md"), Contains("migfuzz replay clean-exit-assertion-f"));
  CHECK_THAT(members.at("README.md"), Contains("./reproduce.py"));
}

TEST_CASE("A bundle without a script says why", "[bundle]") {
  const Written written(plan_of("link-down", "commit/ack", Side::source));
  const auto members = io::read_archive(written.path());
  CHECK(members.count("reproduce.py") == 0);
  CHECK_THAT(members.at("README.md"), Contains("There is no script for it: `link-down`"));
}

TEST_CASE("A bundle is read back as the plan and the versions that were in it", "[bundle]") {
  const Written written;
  const auto bundle = open_bundle(written.path());
  CHECK(bundle.plan == plan_of("reset", "commit/ack"));
  CHECK(bundle.source_version == "7.2.22");
  CHECK(bundle.destination_version == "10.0.2");
  CHECK_THAT(bundle.made, Contains("migfuzz 1.2.3 on 2 cores"));
}

TEST_CASE("An archive that is no bundle is refused by what is missing or wrong", "[bundle]") {
  const fakes::TemporaryFolder folder;
  const auto refusal = [&](const io::Members& members) {
    io::write_archive(folder / "x.tar.gz", "d", members);
    try {
      open_bundle(folder / "x.tar.gz");
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const auto plan = to_json(plan_of("reset", "commit/ack")).dump();
  CHECK_THAT(refusal({{"plan.json", plan}}), Contains("has no bundle.json"));
  CHECK_THAT(refusal({{"bundle.json", "{}"}}), Contains("has no plan.json"));
  CHECK_THAT(refusal({{"plan.json", "{"}, {"bundle.json", "{}"}}), Contains("x.tar.gz:plan.json"));
  CHECK_THAT(refusal({{"plan.json", plan}, {"bundle.json", "[]"}}), Contains("bundle.json"));
  CHECK_THAT(refusal({{"plan.json", plan}, {"bundle.json", "{\"schema\": 9}"}}),
             Contains("schema"));
}

TEST_CASE("The name of a bundle is that of its finding, and nothing else", "[bundle]") {
  CHECK(slug_of("memory/stale-page/no-fault/handshake") == "memory-stale-page-no-fault-handshake");
  CHECK(slug_of("../../etc/passwd") == "etc-passwd");
  CHECK(slug_of("a..b") == "a.-b");
  CHECK(slug_of("///") == "finding");
  CHECK(slug_of(std::string(500, 'a')).size() == 110);
}

TEST_CASE("Two findings never share a bundle", "[bundle]") {
  Written written;
  auto one = written.summary.findings.front(), other = one;
  one.signature = "a/b-c";
  other.signature = "a-b/c";
  written.summary.findings = {one, other};
  write_bundles(written.folder.path(), written.summary, {result_of(plan_of("reset", "commit/ack"))},
                fakes::real_catalogs(), {});
  CHECK(written.summary.findings[0].bundle == "findings/a-b-c.tar.gz");
  CHECK(written.summary.findings[1].bundle == "findings/a-b-c-2.tar.gz");
}

}  // namespace
}  // namespace migfuzz
