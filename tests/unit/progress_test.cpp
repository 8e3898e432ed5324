// What is shown of a run that goes on, and what another process sees of it.
// Run alone: unit_command_line "[progress]"
#include "harness/campaign/progress.h"

#include <catch2/catch.hpp>

#include "harness/campaign/follow.h"
#include "harness/core/error.h"
#include "tests/fakes/stored_case.h"
#include "tests/io/temporary.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;
using std::chrono::seconds;

Tally some() {
  Tally tally;
  tally.done = 57;
  tally.total = 500;
  tally.elapsed = seconds(20);
  tally.verdicts = {{Verdict::pass, 53}, {Verdict::expected_loss, 3}, {Verdict::fail, 1}};
  tally.signatures = 1;
  tally.workers = {{"stopcopy-enter-crash-source-handshake-be27fafd", Milliseconds(1200)},
                   {"", std::nullopt},
                   {"commit-eof-stall-channel-autostart-0c27fafd", seconds(3)}};
  return tally;
}

TEST_CASE("The end is foretold from the rate, and not from the first few cases", "[progress]") {
  auto tally = some();
  REQUIRE(expected_end(tally));
  CHECK(*expected_end(tally) > seconds(154));  // 443 cases at 2.85 a second
  CHECK(*expected_end(tally) < seconds(157));
  CHECK_THAT(progress_line(tally), Contains("cases 57/500") && Contains("about 2 min 35 s left"));
  tally.done = 3;
  CHECK_FALSE(expected_end(tally));
  tally = some();
  tally.total.reset();
  CHECK_FALSE(expected_end(tally));
}

TEST_CASE("At the end it is said how long it took, and no end is foretold", "[progress]") {
  auto tally = some();
  tally.ended = true;
  CHECK_THAT(progress_line(tally), Contains("in 20 s") && !Contains("left"));
}

TEST_CASE("A run that ends by time says how much of it is left, and no total that is wrong",
          "[progress]") {
  auto tally = some();
  tally.total.reset();
  tally.time_left = seconds(450);
  CHECK_THAT(progress_line(tally), Contains("cases 57  ") && Contains("7 min 30 s left"));
  CHECK_THAT(progress_line(tally), !Contains("57/") && !Contains("about"));
  tally = some();
  tally.more = true;  // cells, then a search
  tally.time_left = seconds(450);
  CHECK_THAT(progress_line(tally),
             Contains("57/500, then a search") && Contains("7 min 30 s left"));
  tally.done = 501;
  CHECK_THAT(progress_line(tally), Contains("cases 501  ") && !Contains("/500"));
}

TEST_CASE("No line is wider than the terminal, and none too many", "[progress]") {
  for (const unsigned columns : {1u, 10u, 40u, 80u, 200u})
    for (const unsigned rows : {1u, 2u, 3u, 20u}) {
      const auto lines = progress_lines(some(), columns, rows, false);
      CHECK(lines.size() <= rows);
      for (const auto& line : lines) CHECK(line.size() <= std::max(columns - 1, 1u));
    }
}

TEST_CASE("Each worker has a line with its case and how long it takes", "[progress]") {
  const auto lines = progress_lines(some(), 80, 20, false);
  REQUIRE(lines.size() == 5);
  CHECK_THAT(lines[2], Contains("stopcopy-enter-crash") && Contains("1.2 s"));
  CHECK_THAT(lines[4], Contains("commit-eof-stall") && Contains("3.0 s"));
  CHECK_THAT(progress_lines(some(), 80, 4, false).back(), Contains("and 2 more workers"));
}

TEST_CASE("Colours are there when they are wanted, and nowhere else", "[progress]") {
  const auto joined = [](bool colours) {
    std::string all;
    for (const auto& line : progress_lines(some(), 80, 20, colours)) all += line;
    return all;
  };
  CHECK_THAT(joined(true), Contains("\x1b[31mfail 1"));
  CHECK_THAT(joined(false), !Contains("\x1b"));
  CHECK_THAT(progress_line(some()), !Contains("\x1b"));
}

TEST_CASE("Lengths of time are read at a glance", "[progress]") {
  CHECK(length_text(seconds(3)) == "3 s");
  CHECK(length_text(seconds(130)) == "2 min 10 s");
  CHECK(length_text(seconds(1000)) == "16 min");
  CHECK(length_text(seconds(12000)) == "3 h 20 min");
  CHECK(length_text(seconds(-1)) == "0 s");
}

// --- following ---

TEST_CASE("A run is followed while it is written, and its writer is not held up", "[progress]") {
  const fakes::TemporaryFolder there;
  Output output(there.path());
  auto run = fakes::stored_run();
  for (const std::uint64_t seed : {1, 2, 3}) run.matrix.required.insert(fakes::stored_cell(seed));
  output.begin(run);
  Follower follower(there.path());
  CHECK(follower.look().tally.done == 0);
  CHECK(follower.look().written);
  CHECK(follower.look().seed == 7);

  CaseKeys keys;
  const auto key = [&](std::uint64_t seed) { return keys.next(fakes::stored_plan(seed)); };
  output.start({fakes::stored_plan(1), std::nullopt, "k1"}, 0, 0);
  REQUIRE(follower.look().tally.workers.size() == 1);
  CHECK(follower.look().tally.workers.front().what == case_id(fakes::stored_plan(1)));
  output.add(fakes::stored_result(fakes::stored_plan(1)), "k1");
  output.add(fakes::stored_result(fakes::stored_plan(2), Verdict::fail), key(2));
  const auto& seen = follower.look();
  CHECK(seen.tally.done == 2);
  CHECK(seen.tally.total == 3);
  CHECK(seen.tally.workers.empty());
  CHECK(seen.tally.verdicts.at(Verdict::fail) == 1);
  CHECK(seen.failures == std::vector<std::string>{"fail  memory/x"});
  CHECK_FALSE(seen.finished);
  Summary summary;
  output.finish(summary, fakes::no_reports(), true);
  CHECK(follower.look().finished);
}

TEST_CASE("A run whose process is gone is seen to be nobody's", "[progress]") {
  const fakes::TemporaryFolder there;
  {
    Output output(there.path());
    output.begin(fakes::stored_run());
  }
  Follower follower(there.path());
  CHECK_FALSE(follower.look().written);
  CHECK_FALSE(follower.look().finished);
}

TEST_CASE("A folder without results is not followed", "[progress]") {
  const fakes::TemporaryFolder there;
  CHECK_THROWS_AS(Follower(there.path()), UsageError);
  CHECK_THROWS_AS(Follower(there / "none"), UsageError);
}

}  // namespace
}  // namespace migfuzz
