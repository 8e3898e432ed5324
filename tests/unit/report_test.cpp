// The reports on made-up runs: right numbers, inert data, one file. Run alone: unit_tests
// "[report]".
//
// What only a browser can show (console errors, layout) is in tests/browser/.
#include "reports/report.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "reports/grid.h"
#include "reports/page.h"
#include "reports/words.h"
#include "tests/fakes/hostile.h"
#include "tests/fakes/report_sample.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;
using fakes::Mood;

std::string html_of(const fakes::ReportSample& sample) {
  return html_report(sample.summary, sample.results);
}

std::size_t occurrences(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
  return count;
}

std::string between(const std::string& text, const std::string& open, const std::string& close) {
  const std::size_t from = text.find(open);
  REQUIRE(from != text.npos);
  const std::size_t to = text.find(close, from + open.size());
  REQUIRE(to != text.npos);
  return text.substr(from + open.size(), to - from - open.size());
}

nlohmann::json data_of(const std::string& html) {
  return nlohmann::json::parse(
      between(html, "<script type=\"application/json\" id=\"data\">", "</script>"));
}

/// True when every '<' opens a known kind of markup and tags are balanced: a small XML reader.
bool is_well_formed(std::string_view xml) {
  std::vector<std::string> open;
  for (std::size_t at = xml.find('<'); at != xml.npos; at = xml.find('<', at + 1)) {
    const std::size_t end = xml.find('>', at);
    if (end == xml.npos) return false;
    const std::string_view tag = xml.substr(at + 1, end - at - 1);
    if (tag.starts_with("?") || tag.ends_with("/")) continue;
    const std::string name(tag.substr(tag.starts_with("/") ? 1 : 0, tag.find(' ')));
    if (!tag.starts_with("/")) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return false;
    } else {
      open.pop_back();
    }
  }
  return open.empty();
}

TEST_CASE("A run of canaries that were all found passed its self-test, and is not broken",
          "[report]") {
  Summary summary;
  std::vector<CaseResult> results(3);
  for (auto& result : results) {
    result.plan.plant = "stale-page";
    result.delivered = true;
    result.verdict = Verdict::fail;
  }
  summary.cases = 3;
  summary.verdicts[Verdict::fail] = 3;
  summary.controls = {{"canary", 3, 3}};
  CHECK(statement_of(summary, results).word == "SELF-TEST PASSED");
  CHECK_THAT(trust_of(summary, results).sentence, Contains("no fault was injected"));
  summary.controls = {{"canary", 3, 2}};  // one was not seen
  CHECK(statement_of(summary, results).word == "BROKEN");
  summary.controls = {{"canary", 3, 3}};
  results.emplace_back();
  results.back().verdict = Verdict::fail;  // something else failed
  CHECK(statement_of(summary, results).word == "BROKEN");
}

TEST_CASE("The statement on top says what the exit status says", "[report]") {
  const auto broken = fakes::report_sample(Mood::broken);
  const auto safe = fakes::report_sample(Mood::safe);
  const auto doubtful = fakes::report_sample(Mood::inconclusive);
  CHECK(exit_status(broken.summary) == 1);
  CHECK(statement_of(broken.summary, broken.results).word == "BROKEN");
  CHECK(exit_status(safe.summary) == 0);
  CHECK(statement_of(safe.summary, safe.results).word == "SAFE");
  CHECK_THAT(statement_of(safe.summary, safe.results).sentence,
             Contains("255 faulted migrations, 0 broken promises"));
  CHECK(exit_status(doubtful.summary) == 3);
  CHECK(statement_of(doubtful.summary, doubtful.results).word == "INCONCLUSIVE");
  CHECK_THAT(statement_of(doubtful.summary, doubtful.results).sentence,
             Contains("2 required cells were not delivered"));
  CHECK(statement_of(Summary{}, {}).sentence == "no case was run");
}

TEST_CASE("An interrupted run without failures is never called safe", "[report]") {
  auto sample = fakes::report_sample(Mood::safe);
  sample.summary.interrupted = true;
  CHECK(statement_of(sample.summary, sample.results).word == "INCONCLUSIVE");
}

TEST_CASE("A run is trusted only when its controls were run and came out right", "[report]") {
  auto sample = fakes::report_sample(Mood::safe);
  CHECK(trust_of(sample.summary, sample.results).word == "Yes");
  sample.summary.controls.front().good = 0;
  CHECK(trust_of(sample.summary, sample.results).word == "No");
  CHECK(statement_of(sample.summary, sample.results).word == "INCONCLUSIVE");
  sample.summary.controls.clear();
  CHECK(trust_of(sample.summary, sample.results).word == "Unproved");
}

TEST_CASE("Points are told in the order of the stream, whatever order they were run in",
          "[report]") {
  const char* const expected[] = {"reserve/first-byte",
                                  "precopy/pass:2",
                                  "precopy/pass:10",
                                  "stopcopy/enter",
                                  "stopcopy/device:first/begin",
                                  "stopcopy/device:virtio-blk/begin",
                                  "stopcopy/device:virtio-blk/end",
                                  "stopcopy/device:last/end",
                                  "commit/eof",
                                  "commit/eof+3",
                                  "commit/ack"};
  std::vector<CaseResult> results;
  for (std::size_t i = std::size(expected); i-- > 0;) {
    results.emplace_back().plan.faults.push_back(
        {"crash", Side::source, trigger_from(expected[i]), 0, 0});
  }
  results.push_back(results.front());
  CHECK(points_in_stream_order(results) ==
        std::vector<std::string>(std::begin(expected), std::end(expected)));
}

// As it reads: the words of a command stand in spans of their own.
std::string without_spans(std::string html) {
  for (const std::string tag : {"<span class=\"w\">", "</span>"})
    for (auto at = html.find(tag); at != html.npos; at = html.find(tag, at))
      html.erase(at, tag.size());
  return html;
}

TEST_CASE("The page shows verdict, numbers, facts, findings and commands without a script",
          "[report]") {
  const auto sample = fakes::report_sample(Mood::broken);
  const std::string html = html_of(sample);
  const std::string plain = without_spans(html.substr(0, html.find("id=\"data\"")));
  CHECK_THAT(plain, Contains("<strong>BROKEN</strong>") && Contains("2 failures in 6 cases"));
  CHECK_THAT(plain,
             Contains("256 / 258") && Contains("<b>201</b> pass") && Contains("<b>6</b> fail"));
  CHECK_THAT(plain, Contains("QEMU 7.2.22") && Contains("QEMU 10.0.2"));
  CHECK_THAT(plain, Contains("/dev/kvm is missing on this machine"));
  CHECK_THAT(plain, Contains("three passes fit into half a second"));
  CHECK_THAT(plain, Contains(sample.summary.command));
  CHECK_THAT(plain, Contains("netem is missing in this kernel"));
  CHECK_THAT(plain, Contains("Can this night be trusted?"));
  for (const FindingGroup& group : sample.summary.findings) {
    CHECK_THAT(plain, Contains(group.signature) && Contains(group.replay));
    CHECK_THAT(plain, Contains("href=\"#case=" + group.case_id + "\""));
  }
  for (const Verdict verdict : all_verdicts()) {
    CHECK_THAT(plain, Contains(std::string(describe(verdict))));
  }
}

TEST_CASE("The page's data holds every case, and the whole of each while there is room",
          "[report]") {
  const auto sample = fakes::report_sample(Mood::broken);
  const std::string html = html_of(sample);
  CHECK(html.size() < 5'000'000);
  const nlohmann::json data = data_of(html);
  const auto& rows = data["rows"];
  REQUIRE(rows["kind"].size() == sample.results.size());
  CHECK(rows["total"] == sample.results.size());
  CHECK(rows["hashes"].get<std::string>().size() == 8 * sample.results.size());
  CHECK(data["points"].size() == 17);
  std::set<std::string> ids;
  for (const auto& [row, whole] : rows["details"].items()) ids.insert(whole["id"]);
  for (const auto& result : sample.results) {
    CAPTURE(result.id);
    CHECK(ids.contains(result.id));
  }
}

TEST_CASE("Rows stand worst first and tell verdict, place and name of each case", "[report]") {
  const auto sample = fakes::report_sample(Mood::broken);
  const nlohmann::json rows = data_of(html_of(sample))["rows"];
  const auto text = [&](const nlohmann::json& place) {
    return rows["texts"][place.get<std::size_t>()].get<std::string>();
  };
  std::multiset<std::string> told, known;
  std::string before = "fail";
  for (std::size_t row = 0; row < rows["kind"].size(); ++row) {
    const auto& kind = rows["kinds"][rows["kind"][row].get<std::size_t>()];
    CHECK(*verdict_from(before) <= *verdict_from(text(kind[0])));
    before = text(kind[0]);
    const auto hash = rows["hashes"].get<std::string>().substr(8 * row, 8);
    const auto spelt = rows["ids"].find(std::to_string(row));
    told.insert(before + " " +
                (spelt != rows["ids"].end() ? spelt->get<std::string>() : text(kind[9]) + hash));
  }
  for (const auto& result : sample.results)
    known.insert(std::string(to_string(result.verdict)) + " " + result.id);
  CHECK(told == known);
}

fakes::ReportSample with_long_histories() {
  auto sample = fakes::report_sample(Mood::broken);
  for (CaseResult& result : sample.results) {
    std::vector<Event> events = result.history.events();
    for (int i = 0; i < 2000; ++i) {
      events.push_back(
          {0, 1'000'000 * i, "channel", "stream", "section_part", {{"offset", "12345"}}});
    }
    events.push_back({0, 3'000'000'000, "arbiter", "decision", "last-word", {}});
    result.history = History::from_events(std::move(events));
    result.heartbeats_source_ms.assign(10'000, 1.5);
  }
  return sample;
}

TEST_CASE("A page of long histories is trimmed, and decisions are kept of what did not pass",
          "[report]") {
  const auto sample = with_long_histories();
  const std::string html = html_of(sample);
  CHECK(html.size() < 5'000'000);
  std::map<std::string, nlohmann::json> whole;
  const auto data = data_of(html);
  for (const auto& [row, one] : data["rows"]["details"].items()) whole[one["id"]] = one;
  for (const auto& result : sample.results) {
    if (result.verdict == Verdict::pass) continue;
    CAPTURE(result.id);
    REQUIRE(whole.contains(result.id));
    CHECK(whole[result.id]["events_left_out"] > 0);
    CHECK_THAT(whole[result.id].dump(), Contains("last-word"));
  }
}

TEST_CASE("A signature with thousands of cases leaves room for the others", "[report]") {
  auto sample = with_long_histories();
  const auto hazard = *std::find_if(
      sample.results.begin(), sample.results.end(),
      [](const CaseResult& result) { return result.verdict == Verdict::known_issue; });
  std::set<std::string> wanted;
  for (const auto& result : sample.results)
    if (!result.signature.empty()) wanted.insert(result.signature);
  for (int i = 0; i < 3000; ++i) {
    sample.results.push_back(hazard);
    sample.results.back().id += "-" + std::to_string(i);
  }
  const std::string html = html_of(sample);
  CHECK(html.size() < 5'000'000);
  const auto data = data_of(html);
  for (const auto& [row, one] : data["rows"]["details"].items())
    wanted.erase(one["signature"].get<std::string>());
  CHECK(wanted.empty());
}

TEST_CASE("The page says what is new, seen before, back and gone", "[report]") {
  auto sample = fakes::report_sample(Mood::broken);
  CHECK_THAT(news_of(sample.summary), Contains("1 new failure") && Contains("1 gone since"));
  const auto html = html_of(sample);
  CHECK_THAT(html, Contains("state new") && Contains("state back") && Contains("state gone"));
  CHECK_THAT(html, Contains("3 of its 4 places were tried again"));
  CHECK(data_of(html)["nights"].size() == 4);
  sample.summary.nights.erase(sample.summary.nights.begin(), sample.summary.nights.end() - 1);
  CHECK_THAT(news_of(sample.summary), Contains("nothing to compare with"));
}

TEST_CASE("A night in the page's data keeps the shape that its trends are drawn from", "[report]") {
  const auto night = data_of(html_of(fakes::report_sample(Mood::broken)))["nights"].back();
  std::set<std::string> keys;
  for (const auto& [key, value] : night.items()) keys.insert(key);
  CHECK(keys == std::set<std::string>{"id", "started", "seed", "source_qemu", "destination_qemu",
                                      "duration_s", "cases", "verdicts", "findings",
                                      "blackout_ms"});
  CHECK(night["verdicts"].size() == all_verdicts().size());
  CHECK(night["findings"][0].size() == 2);
  CHECK(night["blackout_ms"]["p95"] > night["blackout_ms"]["median"]);
}

TEST_CASE("The heat map adds up what coverage requires and what its cases showed", "[report]") {
  const auto sample = fakes::report_sample(Mood::broken);
  const auto grid = grid_of(sample.summary, sample.results);
  const auto crash = sum_of(grid, "stopcopy", "crash");
  std::uint64_t cases = 0;
  for (const auto& result : sample.results) {
    const auto& faults = result.plan.faults;
    if (faults.empty() || faults.front().kind != "crash") continue;
    cases += faults.front().trigger.point.phase == Phase::stopcopy ? 1 : 0;
  }
  std::uint64_t told = 0;
  for (const auto& [verdict, count] : crash.verdicts) told += count;
  CHECK(told == cases);
  CHECK(crash.required == cases);
  CHECK(sum_of(grid, "commit", "loss").impossible == 4);
  CHECK(phases_of(grid) == std::vector<std::string>{"reserve", "precopy", "stopcopy", "commit"});
  // A recovery is told by its second fault; a plan that a search drew is no cell.
  CaseResult recovery;
  recovery.plan.mode = "postcopy";
  recovery.plan.faults = {{"reset", Side::channel, trigger_from("postcopy/page:50"), 0, 0},
                          {"hang", Side::source, trigger_from("recover/bitmap"), 0, 0}};
  CaseResult drawn = recovery;
  drawn.plan.faults.back().trigger = trigger_from("postcopy/page:60");
  const auto recovered = grid_of({}, {recovery, drawn});
  REQUIRE(recovered.size() == 1);
  CHECK(recovered[0].phase == "recover");
  CHECK(recovered[0].fault == "hang");
  CaseResult pair;
  pair.required_cell =
      "stopcopy/enter \xc3\x97 crash \xc3\x97 source \xc3\x97 handshake \xc3\x97 7.2 -> 10.0";
  CHECK(pair_of(pair) == "7.2 -> 10.0");
  pair.required_cell = "stopcopy/enter \xc3\x97 crash \xc3\x97 source \xc3\x97 handshake";
  CHECK(pair_of(pair).empty());
}

// D3 names the namespaces of SVG and its own home in text that is never followed.
std::string without_d3(std::string html) {
  const auto from = html.find("// D3, which stands below");
  const auto to = html.find("})(d3, {});");
  REQUIRE(from < to);
  REQUIRE(to != std::string::npos);
  return html.erase(from, to - from);
}

TEST_CASE("Promises stand on the page with how often they were kept", "[report]") {
  Summary summary;
  CHECK(occurrences(html_report(summary, {}), "id=\"promises\"") == 0);
  summary.promises = {{"kept-one", "a <claim>", "its source", 7, 0, 0, 0},
                      {"broken-one", "another", "s", 7, 2, 1, 3},
                      {"known-one", "a fourth", "s", 7, 0, 5, 0},
                      {"lost-one", "a third", "s", 0, 0, 0, 4},
                      {"silent-one", "nobody asks", "s", 0, 0, 0, 0}};
  const auto table = between(html_report(summary, {}), "<section id=\"promises\">", "</section>");
  CHECK_THAT(table, Contains("a &lt;claim&gt;"));
  CHECK_THAT(table, Contains("broken by 2 cases"));
  CHECK_THAT(table, Contains("a known issue in 5 cases"));
  CHECK_THAT(table, Contains("lost as expected in 4 cases"));
  CHECK_THAT(table, Contains("no case says"));
  CHECK_THAT(table, Contains("<td>7</td><td>2</td><td>1</td><td>3</td>"));
}

TEST_CASE("Downtime is told by fault, of survivors, with median and 99th percentile", "[report]") {
  Summary summary;
  std::vector<CaseResult> results;
  const auto add = [&](const char* kind, double blackout_ms, double ping_gap_ms) {
    CaseResult one;
    if (*kind != 0) {
      FaultSpec fault;
      fault.kind = kind;
      one.plan.faults.push_back(fault);
    }
    one.blackout_ms = blackout_ms;
    one.ping_gap_ms = ping_gap_ms;
    results.push_back(one);
  };
  CHECK(occurrences(html_report(summary, results), "id=\"downtime\"") == 0);
  for (int i = 1; i <= 100; ++i) add("", i, -1);
  add("stall", 700, 900);
  add("crash", -1, -1);  // nobody survived
  const auto all = html_report(summary, results);
  const auto table = between(all, "<section id=\"downtime\">", "</section>");
  CHECK_THAT(table, Contains("no fault</th><td>100</td><td>50</td><td>99</td><td>100</td>"));
  CHECK_THAT(table, Contains("stall</th><td>1</td><td>700</td><td>700</td><td>700</td>"));
  CHECK_THAT(table, Contains("<td>900 / 900</td><td>–</td>"));
  CHECK_THAT(table, !Contains("crash"));
  for (const auto* line : {"50 ms", "60 ms", "210 ms", "300 ms"}) CHECK_THAT(table, Contains(line));
  CHECK(occurrences(table, "stroke-opacity") == 8);  // four lines in each of two strips
}

TEST_CASE("The page refers to nothing outside itself", "[report]") {
  const std::string html = without_d3(html_of(fakes::report_sample(Mood::broken)));
  for (const char* reference :
       {"http://", "https://", "src=", "@import", "url(", "//cdn", "fetch("}) {
    CAPTURE(reference);
    CHECK(occurrences(html, reference) == 0);
  }
  CHECK_THAT(html, Contains("default-src 'none'"));
}

TEST_CASE("No name of the template is left unfilled, even when data holds one", "[report]") {
  CHECK(html_of(fakes::report_sample(Mood::safe)).find("{{") == std::string::npos);
  const std::string html = html_of(fakes::hostile_sample("{{js}}{{data}}"));
  CHECK(occurrences(html, "'use strict';") == 1);
}

TEST_CASE("Hostile text cannot become markup in the page", "[report]") {
  const std::size_t scripts = occurrences(html_of({}), "<script");
  const std::size_t ends = occurrences(html_of({}), "</script");
  for (const std::string text :
       {"</script><script>alert(1)</script>", "<!--<script>", "\"><img onerror=alert(1) x=",
        "' onmouseover='alert(1)", "]]>", "\xe2\x80\xa8\xe2\x80\xa9", "\xff\xfe\xc0\x80",
        "&lt;b&gt;", "\x01\x02\x1b[31m", "</style><style>*{}", "</textarea></noscript></svg>"}) {
    CAPTURE(text);
    const std::string html = html_of(fakes::hostile_sample(text));
    CHECK(occurrences(html, "<script") == scripts);
    CHECK(occurrences(html, "</script") == ends);
    CHECK(occurrences(html, "<img") == 0);
    CHECK(occurrences(html, "<!--<script>") == 0);
    CHECK(occurrences(html, "</style><style>") == 0);
    CHECK(occurrences(html, "\xe2\x80\xa8") <=
          occurrences(html.substr(0, html.find("id=\"data\"")), "\xe2\x80\xa8"));
    CHECK_NOTHROW(data_of(html));
  }
  const std::string quoted = html_of(fakes::hostile_sample("' onmouseover='alert(1)"));
  CHECK_THAT(quoted, Contains("&#39; onmouseover=&#39;alert(1)"));
}

TEST_CASE("Two different reports never share a nonce", "[report]") {
  const auto nonce = [](Mood mood) {
    return between(html_of(fakes::report_sample(mood)), "script-src 'nonce-", "'");
  };
  CHECK(nonce(Mood::broken) != nonce(Mood::safe));
}

TEST_CASE("JUnit counts what CI must stop at and is well-formed", "[report]") {
  const auto sample = fakes::report_sample(Mood::broken);
  const std::string xml = junit_xml(sample.summary, sample.results);
  CHECK(is_well_formed(xml));
  CHECK_THAT(xml, Contains("<testsuites name=\"migfuzz\" tests=\"262\" failures=\"6\" errors=\"1\" "
                           "time="));
  CHECK(occurrences(xml, "<testcase ") == 262);
  CHECK(occurrences(xml, "<failure ") == 6);
  CHECK(occurrences(xml, "<error ") == 1);
  CHECK(occurrences(xml, "<skipped ") == 2);
  CHECK(occurrences(xml, "<testsuite ") == 18);  // 17 points and the controls
  CHECK_THAT(xml, Contains("replay: migfuzz replay cases/"));
  CHECK(is_well_formed(junit_xml(Summary{}, {})));
}

TEST_CASE("Hostile text leaves JUnit well-formed and free of forbidden characters", "[report]") {
  const std::vector<std::string> texts{"]]>",
                                       "<failure>",
                                       "\"/><x a=\"",
                                       "&",
                                       std::string("\0\x01\x08\x1f\x7f", 5),
                                       "\x1b[31mred",
                                       "\xff\xc0",
                                       "\xef\xbf\xbe\xef\xbf\xbf",
                                       "\xed\xa0\x80"};
  for (const std::string& text : texts) {
    CAPTURE(text);
    const auto sample = fakes::hostile_sample(text);
    const std::string xml = junit_xml(sample.summary, sample.results);
    CHECK(is_well_formed(xml));
    CHECK(occurrences(xml, "<testcase ") == 4);
    CHECK(std::none_of(xml.begin(), xml.end(), [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return (byte < 0x20 && c != '\n') || byte == 0xff || byte == 0xc0 || byte == 0xed;
    }));
    CHECK(occurrences(xml, "\xef\xbf\xbe") == 0);
    CHECK(occurrences(xml, "\xef\xbf\xbf") == 0);
  }
}

TEST_CASE("Markdown shows the verdict and keeps hostile text inside its cell", "[report]") {
  const auto broken = fakes::report_sample(Mood::broken);
  const std::string text = summary_markdown(broken.summary, broken.results);
  CHECK_THAT(text, Catch::Matchers::StartsWith("# BROKEN: 2 failures in 6 cases"));
  CHECK_THAT(text,
             Contains("| pass |\n") && Contains(" | 201 |\n") && Contains("256 of 258 required"));

  const auto hostile = fakes::hostile_sample("<b>\n# x | y `` z");
  const std::string inert = summary_markdown(hostile.summary, hostile.results);
  CHECK(occurrences(inert, "\n# x") == 0);
  CHECK_THAT(inert, Contains("&lt;b\\>"));
  CHECK_THAT(inert, Contains("``` <b> # x \\| y `` z ```"));
}

TEST_CASE("Every report tells a confirmed finding's rate and its minimal plan", "[report]") {
  const auto sample = fakes::report_sample(Mood::broken);
  const FindingGroup& group = sample.summary.findings.front();
  const std::string rate = "reproduced 9 of 30, 30 % (95 %: 17-48 %)";
  const std::string html = html_of(sample);
  const std::string plain = without_spans(html.substr(0, html.find("id=\"data\"")));
  CHECK_THAT(plain, Contains(rate) && Contains(group.minimal) && Contains(group.first_seen));
  const std::string text = summary_markdown(sample.summary, sample.results);
  CHECK_THAT(text, Contains("reproduced 9 of 30") && Contains(group.minimal));
  const std::string xml = junit_xml(sample.summary, sample.results);
  CHECK_THAT(xml, Contains(rate) && Contains("minimal plan: " + group.minimal));
  // What nobody confirmed claims nothing.
  REQUIRE(sample.summary.findings.size() > 1);
  CHECK(occurrences(plain, "reproduced ") == 1);
  CHECK(occurrences(xml, "reproduced ") == 1);
}

// Every text of a JSON that is not `text`, with its place.
void foreign_texts(const nlohmann::json& json, const std::string& text, const std::string& place,
                   std::vector<std::string>& found) {
  if (json.is_string() && json != text) found.push_back(place + " = " + json.dump());
  if (!json.is_structured()) return;
  for (const auto& [key, value] : json.items())
    foreign_texts(value, text, place + "/" + (json.is_object() ? key : "*"), found);
}

TEST_CASE("The hostile sample leaves no text of a result or a summary out", "[report]") {
  const std::string text = "<hostile>";
  const auto sample = fakes::filled_with(text);
  std::vector<std::string> found;
  foreign_texts(to_json(sample.results.front()), text, "result", found);
  foreign_texts(to_json(sample.summary), text, "summary", found);
  // Words of a fixed list and a point of the stream: nobody else's text can be there.
  std::erase_if(found, [](const std::string& one) {
    const std::string place = one.substr(0, one.find(" = "));
    return place.ends_with("/verdict") || place.ends_with("/side") ||
           place.ends_with("/transport") || place.ends_with("/trigger");
  });
  CHECK(found == std::vector<std::string>{});
}

TEST_CASE("JUnit lists the worst of too many cases and sums up the others", "[report]") {
  auto sample = fakes::report_sample(Mood::broken);
  const CaseResult pass = sample.results.front();
  REQUIRE(pass.verdict == Verdict::pass);
  std::vector<CaseResult> all;
  for (int i = 0; i < 25'000; ++i) {
    CaseResult& one = all.emplace_back();
    one.plan = pass.plan;
    one.verdict = Verdict::pass;
    one.id = pass.id + std::to_string(i);
  }
  all.insert(all.end(), sample.results.begin(), sample.results.end());  // the worst come last
  sample.results = std::move(all);
  const std::string xml = junit_xml(sample.summary, sample.results);
  CHECK(is_well_formed(xml));
  CHECK(occurrences(xml, "<failure ") == 6);
  CHECK(occurrences(xml, "<testcase ") == 20'000 + occurrences(xml, ". Each of them is"));
  CHECK_THAT(xml, Contains("name=\"not listed\" value=\"5262 cases of 25262"));
  CHECK_THAT(xml, Contains(" more cases: pass. Each of them is a line of results.jsonl."));
}

TEST_CASE("A finding has the same fingerprint and file whatever seed and case showed it",
          "[report]") {
  const auto print = [](std::uint64_t seed) {
    auto sample = fakes::report_sample(Mood::broken, seed);
    for (FindingGroup& group : sample.summary.findings) group.bundle = "findings/x.tar.gz";
    const auto log = nlohmann::json::parse(sarif_log(sample.summary, sample.results, {}));
    const auto& result = log["runs"][0]["results"][0];
    return result["partialFingerprints"].dump() + result["locations"][0]["physicalLocation"].dump();
  };
  CHECK(print(1) == print(2));
  CHECK_THAT(print(1), Contains("primaryLocationLineHash"));
}

TEST_CASE("SARIF says what CI must stop at by its level, and what each checker proves",
          "[report]") {
  auto sample = fakes::report_sample(Mood::broken);
  const auto log = nlohmann::json::parse(
      sarif_log(sample.summary, sample.results, {{"single-owner", "only one host runs"}}));
  const auto& run = log["runs"][0];
  REQUIRE(run["results"].size() == sample.summary.findings.size());
  for (std::size_t i = 0; i < sample.summary.findings.size(); ++i) {
    const FindingGroup& group = sample.summary.findings[i];
    const auto& result = run["results"][i];
    CHECK(result["level"] == (group.verdict == Verdict::fail    ? "error"
                              : group.verdict == Verdict::infra ? "warning"
                                                                : "note"));
    CHECK_THAT(result["message"]["text"].get<std::string>(), Contains(group.replay));
    CHECK(result["occurrenceCount"] == group.count);
    CHECK(result.contains("suppressions") == (group.verdict == Verdict::known_issue));
  }
  CHECK_THAT(run["tool"]["driver"]["rules"][0]["help"]["text"].get<std::string>(),
             Contains("only one host runs"));
}

TEST_CASE("Metrics are the numbers of the summary, and of signatures a bounded number",
          "[report]") {
  auto sample = fakes::report_sample(Mood::broken);
  const std::string text = prometheus_metrics(sample.summary, sample.results);
  CHECK_THAT(text, Contains("\nmigfuzz_cases{verdict=\"fail\"} 6\n") &&
                       Contains("\nmigfuzz_cells_required 258\n") &&
                       Contains("\nmigfuzz_run_start_timestamp_seconds 1795302139\n") &&
                       Contains("\nmigfuzz_exit_status 1\n"));
  sample.summary.findings.assign(1000, sample.summary.findings.front());
  for (std::size_t i = 0; i < 1000; ++i) sample.summary.findings[i].signature += std::to_string(i);
  const std::string many = prometheus_metrics(sample.summary, sample.results);
  CHECK(occurrences(many, "\nmigfuzz_finding_cases{") == 50);
  CHECK_THAT(many, Contains("\nmigfuzz_findings_not_listed 950\n"));
}

TEST_CASE("Markdown, SARIF and metrics say what is new and what is gone", "[report]") {
  auto sample = fakes::report_sample(Mood::broken);
  Summary& summary = sample.summary;
  REQUIRE(summary.findings.size() > 2);
  summary.nights.resize(2);
  summary.findings[0].before = {"new", 0, "", ""};
  summary.findings[1].before = {"seen", 1, "2026-11-20T02:00:00Z", "2026-11-20T02:00:00Z"};
  for (std::size_t i = 2; i < summary.findings.size(); ++i) summary.findings[i].before = {};
  summary.gone = {{{"memory/stale-page/x", Verdict::fail, 3, {}, {"a", "b"}}, "", 1}};
  const std::string text = summary_markdown(summary, sample.results);
  CHECK_THAT(text, Contains("| fail | new | ") && Contains("| fail | seen | "));
  CHECK_THAT(text,
             Contains("- `memory/stale-page/x`: fail in 3 cases then; of 2 cells where it was "
                      "seen 1 tried again"));
  const auto log = nlohmann::json::parse(sarif_log(summary, sample.results, {}));
  const auto& results = log["runs"][0]["results"];
  CHECK(results[0]["baselineState"] == "new");
  CHECK(results[1]["baselineState"] == "unchanged");
  CHECK_FALSE(results[2].contains("baselineState"));
  const std::string metrics = prometheus_metrics(summary, sample.results);
  CHECK_THAT(metrics, Contains("migfuzz_findings_by_news{news=\"new\"} 1\n") &&
                          Contains("migfuzz_findings_by_news{news=\"seen\"} 1\n") &&
                          Contains("migfuzz_findings_gone 1\n"));
}

}  // namespace
}  // namespace migfuzz
