// The store and the folder around it: what is kept, what is refused, what goes on after a crash.
//
// A crash is an Output that is gone without finish(): nothing of it runs clean-up code that
// matters. Run alone: unit_campaign "[store]".
#include "harness/campaign/store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "harness/campaign/remaining.h"
#include "harness/core/error.h"
#include "tests/fakes/stored_case.h"
#include "tests/io/temporary.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;
using fakes::stored_plan;
using fakes::stored_result;
using fakes::stored_run;
using Access = Store::Access;

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const std::exception& error) {
    const std::string text = error.what();
    CHECK(text.find('\n') == text.npos);
    return text;
  }
  return "nothing was refused";
}

StoredCase ended(const std::string& key, std::uint64_t seed) {
  return {{key, seed, 0, stored_plan(seed)}, stored_result(stored_plan(seed)), {"a", "b"}, "then"};
}

// --- the database ---

TEST_CASE("A case has a row from its start, and a result when it ended", "[store]") {
  const fakes::TemporaryFolder folder;
  std::int64_t run = 0;
  {
    Store store(folder / "results.db", Access::write);
    CHECK_FALSE(store.last_run());
    run = store.add(stored_run());
    store.start(run, {"two", 2, 1, stored_plan(2)});
    store.start(run, {"one", 1, 0, stored_plan(1)});
    store.end(run, ended("two", 2), Session{"", "now", 1.5, false});
    store.end(run, ended("three", 3), Session{"", "now", 2.5, false});
  }
  const Store store(folder / "results.db", Access::read);
  const auto drawn = store.drawn(run);
  REQUIRE(drawn.size() == 3);
  CHECK(drawn[0].key == "one");
  CHECK(drawn[0].plan == stored_plan(1));
  CHECK(drawn[1].learned == 1);
  const auto finished = store.finished(run);
  REQUIRE(finished.size() == 2);
  CHECK(finished[0].drawn.key == "two");
  CHECK(finished[1].drawn.key == "three");
  CHECK(finished[0].passed_points == std::vector<std::string>{"a", "b"});
  CHECK(to_json(finished[0].result) == to_json(ended("two", 2).result));
  REQUIRE(store.sessions(run).size() == 1);
  CHECK(store.sessions(run)[0].seconds == 2.5);
}

TEST_CASE("A run comes back with its facts and its matrix", "[store]") {
  const fakes::TemporaryFolder folder;
  auto run = stored_run(UINT64_MAX >> 1, "2/3");
  run.matrix.required = {fakes::stored_cell(1), fakes::stored_cell(2)};
  run.matrix.elsewhere = {fakes::stored_cell(3)};
  run.matrix.left_out = {{fakes::stored_cell(4), "no netem", true}};
  Store store(folder / "results.db", Access::write);
  store.add(stored_run());
  run.id = store.add(run);
  CHECK(run.id == 2);
  run.finished = true;
  run.facts.notes = {"a note"};
  store.update(run);
  const auto last = store.last_run();
  REQUIRE(last);
  CHECK(last->id == 2);
  CHECK(last->finished);
  CHECK(last->shard == "2/3");
  CHECK(last->request == run.request);
  CHECK(to_json(last->facts) == to_json(run.facts));
  CHECK(last->matrix.required == run.matrix.required);
  CHECK(last->matrix.elsewhere == run.matrix.elsewhere);
  REQUIRE(last->matrix.left_out.size() == 1);
  CHECK(last->matrix.left_out[0].why == "no netem");
  CHECK(last->matrix.left_out[0].here);
}

TEST_CASE("What is committed is on the disk before the call returns", "[store]") {
  const fakes::TemporaryFolder folder;
  Store store(folder / "results.db", Access::write);
  const auto run = store.add(stored_run());
  store.end(run, ended("one", 1), std::nullopt);
  // As a power failure leaves it: the files as they are now, the database never closed.
  std::filesystem::create_directory(folder / "after");
  for (const auto* name : {"results.db", "results.db-wal"})
    std::filesystem::copy_file(folder / name, folder / "after/" + name);
  const Store again(folder / "after/results.db", Access::read);
  CHECK(again.finished(run).size() == 1);
  SQLite::Database raw(folder / "results.db", SQLite::OPEN_READONLY);
  CHECK(raw.execAndGet("PRAGMA journal_mode").getString() == "wal");
}

TEST_CASE("A log that was cut short costs what was not committed, and nothing else", "[store]") {
  const fakes::TemporaryFolder folder;
  Store store(folder / "results.db", Access::write);
  const auto run = store.add(stored_run());
  for (int i = 1; i <= 20; ++i) store.end(run, ended(std::to_string(i), 1), std::nullopt);
  const auto wal = folder / "results.db-wal";
  const auto size = std::filesystem::file_size(wal);
  std::size_t least = 21;
  for (const auto cut : {0, 100, 5000, 20000, 60000}) {
    const auto after = folder / ("cut-" + std::to_string(cut));
    std::filesystem::create_directory(after);
    std::filesystem::copy_file(folder / "results.db", after + "/results.db");
    std::filesystem::copy_file(wal, after + "/results.db-wal");
    std::filesystem::resize_file(after + "/results.db-wal", size - std::uintmax_t(cut));
    const Store again(after + "/results.db", Access::write);
    const auto kept = again.finished(run);
    CHECK(kept.size() <= least);
    least = kept.size();
    for (std::size_t i = 0; i < kept.size(); ++i)
      CHECK(kept[i].drawn.key == std::to_string(i + 1));  // a beginning, without holes
  }
  CHECK(least < 20);
}

TEST_CASE("Databases that are not ours are refused by name and left alone", "[store]") {
  const fakes::TemporaryFolder folder;
  const auto path = folder / "results.db";
  const auto both = [&](const std::string& reason) {
    const auto before = io::read_input(path, 1 << 20);
    for (const auto access : {Access::read, Access::write}) {
      CHECK_THROWS_AS(Store(path, access), UsageError);
      CHECK_THAT(refusal([&] { const Store store(path, access); }),
                 Contains(path) && Contains(reason));
    }
    CHECK(io::read_input(path, 1 << 20) == before);
  };
  SECTION("garbage") {
    std::ofstream(path) << std::string(10000, 'x');
    both("truncated or not a results database");
  }
  SECTION("another program's") {
    SQLite::Database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE t(x)");
    both("of another program");
  }
  SECTION("a newer one") {
    { const Store store(path, Access::write); }
    SQLite::Database raw(path, SQLite::OPEN_READWRITE);
    raw.exec("PRAGMA user_version = 2");
    raw.exec("PRAGMA journal_mode = DELETE");
    both("another version of migfuzz (schema 2; this one reads 1)");
  }
  SECTION("cut in the middle") {
    {
      Store store(path, Access::write);
      const auto run = store.add(stored_run());
      for (int i = 1; i <= 50; ++i) store.end(run, ended(std::to_string(i), 1), std::nullopt);
      store.settle();
    }
    std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
    both("truncated or not a results database");
  }
  SECTION("without its tables") {
    { const Store store(path, Access::write); }
    SQLite::Database(path, SQLite::OPEN_READWRITE).exec("DROP TABLE runs");
    const Store store(path, Access::read);
    CHECK_THAT(refusal([&] { store.last_run(); }), Contains("no such table"));
  }
}

TEST_CASE("An empty file holds no run, and becomes a database when one is begun", "[store]") {
  const fakes::TemporaryFolder folder;
  std::ofstream(folder / "results.db").flush();
  CHECK_THAT(refusal([&] { Store(folder / "results.db", Access::read); }),
             Contains("holds no run"));
  Store store(folder / "results.db", Access::write);
  CHECK(store.add(stored_run()) == 1);
}

TEST_CASE("A settled database is one file that can be read where nothing can be written",
          "[store]") {
  const fakes::TemporaryFolder folder;
  {
    Store store(folder / "results.db", Access::write);
    store.end(store.add(stored_run()), ended("one", 1), std::nullopt);
    store.settle();
    CHECK_FALSE(std::filesystem::exists(folder / "results.db-wal"));
  }
  std::filesystem::permissions(
      folder.path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  CHECK(Store(folder / "results.db", Access::read).finished(1).size() == 1);
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
}

// --- the folder ---

TEST_CASE("One process at a time writes a folder", "[store]") {
  const fakes::TemporaryFolder folder;
  const Output output(folder.path());
  CHECK_THROWS_AS(Output(folder.path()), io::OutputError);
  CHECK_THAT(refusal([&] { const Output second(folder.path()); }),
             Contains(folder.path()) && Contains("another migfuzz"));
}

TEST_CASE("A new run moves the files of the last one away and keeps its rows", "[store]") {
  const fakes::TemporaryFolder folder;
  for (const auto seed : {1u, 2u, 3u}) {
    Output output(folder.path());
    output.begin(stored_run(seed));
    output.add(stored_result(stored_plan(seed), Verdict::fail));
    if (seed != 2) output.finish(Summary(), fakes::no_reports(), true);  // the second was killed
  }
  for (const auto* name : {"results.jsonl", "summary.json", "report.html", "cases"}) {
    CHECK(io::is_there(folder / name));
    CHECK(io::is_there(folder / "runs/1/" + name));
  }
  CHECK(io::is_there(folder / "runs/2/cases/" + case_id(stored_plan(2)) + "/plan.json"));
  const auto [summary, results] = Output::read(folder / "runs/2");
  REQUIRE(results.size() == 1);
  CHECK(results[0].plan == stored_plan(2));
  CHECK(summary.seed == 2);
  CHECK(summary.interrupted);
  CHECK(Output::read(folder.path()).second[0].plan == stored_plan(3));
  CHECK(Store(folder / "results.db", Access::read).finished(1).size() == 1);
}

TEST_CASE("Results that nobody asked to be recorded are a run of their own", "[store]") {
  const fakes::TemporaryFolder folder;
  Output output(folder.path());
  output.add(stored_result(stored_plan(1)));
  output.add(stored_result(stored_plan(1)));
  CHECK(output.results()[1].id == output.results()[0].id + "-2");
  CHECK(output.keys()[0] != output.keys()[1]);
  CHECK_THAT(refusal([&] { output.unfinished(); }), Contains("no unfinished run"));
}

TEST_CASE("Only an unfinished run can be resumed", "[store]") {
  const fakes::TemporaryFolder folder;
  {
    Output output(folder.path());
    CHECK_THROWS_AS(output.unfinished(), UsageError);
    output.begin(stored_run());
    output.add(stored_result(stored_plan(1)));
  }
  {
    Output output(folder.path());
    output.resume(output.unfinished());
    CHECK(output.results().size() == 1);
    output.finish(Summary(), fakes::no_reports(), false);  // interrupted by a signal
  }
  {
    Output output(folder.path());
    output.resume(output.unfinished());
    output.finish(Summary(), fakes::no_reports(), true);
  }
  Output output(folder.path());
  CHECK_THAT(refusal([&] { output.unfinished(); }), Contains("came to its end"));
}

TEST_CASE("The time of a run is that of its sessions", "[store]") {
  const fakes::TemporaryFolder folder;
  const auto ago = [](int seconds) { return Clock::now() - std::chrono::seconds(seconds); };
  {
    Output output(folder.path(), ago(100));
    output.begin(stored_run());
    output.add(stored_result(stored_plan(1)));
  }
  Output output(folder.path(), ago(10));
  output.resume(output.unfinished());
  CHECK(output.seconds() == Approx(110).margin(2));
  output.add(stored_result(stored_plan(2)));
  const auto [summary, results] = Output::read(folder.path());
  CHECK(summary.duration_s == Approx(110).margin(2));
  CHECK(results.size() == 2);
}

// --- identity ---

TEST_CASE("A key names a plan whatever the machine chose", "[store]") {
  CaseKeys here, there;
  auto plan = stored_plan(1);
  const auto key = here.next(plan);
  plan.accel = "kvm";
  plan.machine = "pc-i440fx-7.2";
  plan.guest.memory_bytes = 1 << 20;
  CHECK(there.next(plan) == key);
  CHECK(there.next(plan) == key.substr(0, 16) + "-2");
  plan.guest.seed = 2;
  CHECK(there.next(plan).substr(0, 16) != key.substr(0, 16));
}

TEST_CASE("Every key is in exactly one shard, and the shards are about as large", "[store]") {
  for (const std::uint64_t of : {1, 2, 3, 12}) {
    std::vector<int> sizes(of);
    CaseKeys keys;
    for (std::uint64_t seed = 0; seed < 2400; ++seed) {
      const auto key = keys.next(stored_plan(seed));
      int holders = 0;
      for (std::uint64_t number = 1; number <= of; ++number)
        if (Shard{number, of}.holds(key)) {
          ++holders;
          ++sizes[number - 1];
        }
      CHECK(holders == 1);
    }
    for (const auto size : sizes) {
      CHECK(size > 2400 / int(of) * 7 / 10);
      CHECK(size < 2400 / int(of) * 13 / 10 + 1);
    }
  }
}

TEST_CASE("A shard is written I/N", "[store]") {
  CHECK(shard_from("2/12") == Shard{2, 12});
  CHECK(to_string(shard_from("2/12")) == "2/12");
  CHECK(to_string(shard_from("1/1")).empty());
  CHECK(shard_from("") == Shard());
  for (const auto* text : {"0/3", "4/3", "1/0", "1", "/", "1/", "/2", "1/2x", "-1/2", "1/200000"})
    CHECK_THAT(refusal([&] { shard_from(text); }), Contains("--shard") && Contains(text));
}

// --- going on ---

// Draws from what it has learned: its n-th case holds n and a hash of all it knew by then.
class Learner : public CaseSource {
 public:
  explicit Learner(std::uint64_t most) : most_(most) {}
  std::optional<PlannedCase> next() override {
    if (drawn_ == most_) return std::nullopt;
    ++drawn_;
    return PlannedCase{stored_plan(state_ * 1000 + drawn_), std::nullopt};
  }
  void learn(const PlannedCase& planned, const CaseResult& result) override {
    CHECK(result.plan == planned.plan);
    state_ = (state_ * 31 + planned.plan.guest.seed) % 999983;
  }

 private:
  std::uint64_t most_, drawn_ = 0, state_ = 1;
};

// Runs like a pool with three workers whose cases end in a drawn order; a power cut after `ends`.
void work(const std::string& folder, bool resume, std::uint64_t luck, int ends,
          std::uint64_t most = 40, const Shard& shard = {}) {
  Output output(folder);
  if (resume)
    output.resume(output.unfinished());
  else
    output.begin(stored_run());
  Learner learner(most);
  Drawing drawing;
  Remaining remaining(learner, shard, drawing, output, [] { return true; });
  std::vector<PlannedCase> under_way;
  while (true) {
    while (under_way.size() < 3)
      if (auto one = remaining.next())
        under_way.push_back(std::move(*one));
      else
        break;
    if (under_way.empty()) break;
    if (ends-- == 0) return;
    const auto at = static_cast<std::ptrdiff_t>(next_random(luck) % under_way.size());
    const auto one = under_way[std::size_t(at)];
    under_way.erase(under_way.begin() + at);
    const auto result = output.add(stored_result(one.plan), one.key);
    remaining.learn(one, result);
  }
  output.finish(Summary(), fakes::no_reports(), true);
}

TEST_CASE("A run that is cut short again and again loses and doubles nothing", "[store]") {
  for (std::uint64_t luck = 1; luck <= 6; ++luck) {
    const fakes::TemporaryFolder folder;
    auto state = luck;
    work(folder.path(), false, luck, int(next_random(state) % 8));
    std::vector<DrawnCase> before;
    for (int cut = 0; cut < 9; ++cut) {
      const auto now = Store(folder / "results.db", Access::read).drawn(1);
      // What had been drawn stays what it was, though the source learns.
      REQUIRE(now.size() >= before.size());
      for (std::size_t i = 0; i < before.size(); ++i) {
        CHECK(now[i].key == before[i].key);
        CHECK(now[i].learned == before[i].learned);
      }
      before = now;
      if (Store(folder / "results.db", Access::read).last_run()->finished) break;
      work(folder.path(), true, luck + 100, int(next_random(state) % 8));
    }
    if (!Store(folder / "results.db", Access::read).last_run()->finished)
      work(folder.path(), true, luck, -1);
    const auto results = Output::read(folder.path()).second;
    CHECK(results.size() == 40);
    std::set<std::string> plans, ids;
    for (const auto& result : results) {
      plans.insert(to_json(result.plan).dump());
      ids.insert(result.id);
    }
    CHECK(plans.size() == 40);
    CHECK(ids.size() == 40);
  }
}

TEST_CASE("A source that draws something else than before is not gone on with", "[store]") {
  const fakes::TemporaryFolder folder;
  work(folder.path(), false, 1, 5);
  Output output(folder.path());
  output.resume(output.unfinished());
  ListSource other({{stored_plan(1), std::nullopt}, {stored_plan(2), std::nullopt}});
  Drawing drawing;
  Remaining remaining(other, Shard(), drawing, output, [] { return true; });
  CHECK_THAT(refusal([&] { remaining.next(); }), Contains("--resume") && Contains("case 1 is"));
}

TEST_CASE("No case is drawn when there is no time left", "[store]") {
  const fakes::TemporaryFolder folder;
  Output output(folder.path());
  output.begin(stored_run());
  Learner learner(10);
  Drawing drawing;
  int asked = 0;
  Remaining remaining(learner, Shard(), drawing, output, [&] { return ++asked <= 2; });
  CHECK(remaining.next());
  CHECK(remaining.next());
  CHECK_FALSE(remaining.next());
}

}  // namespace
}  // namespace migfuzz
