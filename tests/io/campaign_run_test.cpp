// Whole campaigns on the scripted hypervisor, in a process that is killed: what goes on afterwards.
//
// The cases take milliseconds, so that a kill comes at a drawn number of finished cases, wherever
// the others then are. Run alone: io_tests "[resume]".
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "harness/campaign/campaign.h"
#include "harness/campaign/merge.h"
#include "harness/core/error.h"
#include "tests/fakes/scripted_case.h"
#include "tests/io/inside.h"
#include "tests/io/temporary.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;

std::map<std::string, std::string> reports(const Summary&, const std::vector<CaseResult>&) {
  return {{"report.html", "report"}};
}

CampaignRequest request(const std::string& folder) {
  CampaignRequest asked;
  asked.draw.base = fakes::scripted_plan(7);
  asked.draw.points = {"precopy/begin", "stopcopy/enter", "stopcopy/ram-end", "commit/eof"};
  asked.draw.faults = {"crash", "quit", "reset", "close", "stall", "drop", "loss", "rate"};
  asked.memory_given = asked.machine_given = true;
  asked.jobs = 2;
  asked.output = folder;
  asked.quiet = true;
  asked.version = "test";
  return asked;
}

int run(const CampaignRequest& asked) {
  io::Loop loop;
  const auto catalogs = fakes::scripted_catalogs();
  const TrialFunction trial = [](io::Loop&, const std::string&) {
    return std::string(R"({"beats":true,"version":"7.2.22","why":"","machines":[],"traced":[]})");
  };
  return run_campaign(loop, asked, catalogs, trial, reports);
}

std::string refusal(const CampaignRequest& asked) {
  try {
    return "status " + std::to_string(run(asked));
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::size_t finished(const std::string& folder) {
  try {
    const Store store(folder + "/results.db", Store::Access::read);
    const auto last = store.last_run();
    return last ? store.finished(last->id).size() : 0;
  } catch (const UsageError&) {
    return 0;  // it is just being made
  }
}

// A campaign in a process of its own; what it throws goes to a file beside its folder.
class Child {
 public:
  explicit Child(const CampaignRequest& asked) : folder_(asked.output), pid_(::fork()) {
    if (pid_ != 0) return;
    try {
      ::_exit(run(asked));
    } catch (const std::exception& error) {
      std::ofstream(folder_ + ".error") << error.what() << std::flush;
      ::_exit(99);
    }
  }
  ~Child() { kill(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// False when it ended before so many cases had finished.
  bool wait_for(std::size_t most) {
    return wait([&] { return finished(folder_) >= most; }) && !ended_;
  }
  /// Its exit status.
  int wait_for_end() {
    wait([] { return false; });
    return ended_ && WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
  }
  void kill() {
    if (!ended_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, &status_, 0);
    }
    ended_ = true;
  }

 private:
  bool wait(const std::function<bool()>& until) {
    io::Loop loop;
    const io::Ticker look(loop, Milliseconds(2),
                          [&] { ended_ = ended_ || ::waitpid(pid_, &status_, WNOHANG) == pid_; });
    return loop.run_until([&] { return ended_ || until(); },
                          Clock::now() + std::chrono::seconds(60));
  }

  std::string folder_;
  pid_t pid_;
  int status_ = 0;
  bool ended_ = false;
};

// Kills it when `most` cases have finished; true when it ended before.
bool run_until_killed(const CampaignRequest& asked, std::size_t most) {
  Child child(asked);
  if (child.wait_for(most)) {
    child.kill();
    return false;
  }
  CHECK(child.wait_for_end() < 4);
  return true;
}

bool namespaces_missing() {
  io::Loop loop;
  const auto catalogs = fakes::scripted_catalogs();
  Pool pool(loop, catalogs, nullptr, 1);
  try {
    pool.missing_capabilities();
    return false;
  } catch (const CannotRun& error) {
    WARN("skipped: " << error.what());
    return true;
  }
}

// Key and plan of every case, in the order in which they were drawn.
std::vector<std::string> plans(const std::string& folder) {
  const Store store(folder + "/results.db", Store::Access::read);
  std::vector<std::string> list;
  for (const auto& one : store.drawn(store.last_run()->id))
    list.push_back(one.key + " " + to_json(one.plan).dump());
  return list;
}

// What the whole of a run comes to; not the replay lines, which name its folder.
nlohmann::json counts(const std::string& folder) {
  const auto summary = Output::read(folder).first;
  nlohmann::json findings = nlohmann::json::object();
  for (const auto& group : summary.findings) findings[group.signature] = group.count;
  const auto all = to_json(summary);
  return {all["cases"], all["cells"], all["verdicts"], all["coverage"], findings};
}

TEST_CASE("Ten kills with --resume in between lose and double no case", "[resume]") {
  if (namespaces_missing()) return;
  const fakes::TemporaryFolder f;
  auto unbroken = request(f / "unbroken");
  const int status = run(unbroken);
  CHECK(status < 2);
  auto broken = request(f / "broken");
  std::size_t most = 0;
  int kills = 0;
  while (kills < 10) {
    most += 2;
    if (run_until_killed(broken, most)) break;
    ++kills;
    broken.resume = Store(f / "broken/results.db", Store::Access::read).last_run().has_value();
  }
  CHECK(kills == 10);
  broken.resume = true;
  CHECK(run(broken) == status);
  CHECK(plans(f / "broken") == plans(f / "unbroken"));
  CHECK(finished(f / "broken") == plans(f / "unbroken").size());
  CHECK(counts(f / "broken") == counts(f / "unbroken"));
  CHECK_THAT(refusal(broken), Contains("came to its end"));
}

TEST_CASE("A resumed run must have been asked for the same", "[resume]") {
  if (namespaces_missing()) return;
  const fakes::TemporaryFolder f;
  auto asked = request(f / "out");
  CHECK_FALSE(run_until_killed(asked, 4));
  asked.resume = true;
  auto other = asked;
  other.draw.faults.pop_back();
  CHECK_THAT(refusal(other), Contains("--resume") && Contains("--fault was [\"crash\""));
  other = asked;
  other.draw.base.seed = 8;
  other.seed_given = true;
  CHECK_THAT(refusal(other), Contains("--seed was 7 and is 8"));
  other = asked;
  other.shard = {1, 2};
  CHECK_THAT(refusal(other), Contains("--shard"));
  other = asked;
  other.version = "newer";
  CHECK_THAT(refusal(other), Contains("begun by migfuzz test"));
  CHECK(finished(f / "out") < 20);
  asked.draw.base.seed = 99;  // not given: it keeps its own
  asked.jobs = 1;
  CHECK(run(asked) < 2);
  CHECK(Output::read(f / "out").first.seed == 7);
}

TEST_CASE("Three shards of a campaign are the campaign", "[resume]") {
  if (namespaces_missing()) return;
  const fakes::TemporaryFolder f;
  const auto whole = request(f / "whole");
  const int status = run(whole);
  std::vector<std::string> folders;
  for (std::uint64_t n = 1; n <= 3; ++n) {
    auto part = request(f / std::to_string(n));
    part.shard = {n, 3};
    folders.push_back(part.output);
    if (n == 2) {
      CHECK_FALSE(run_until_killed(part, 4));
      part.resume = true;
    }
    CHECK(run(part) <= status);
  }
  CHECK(merge({folders, f / "all", "migfuzz merge"}, fakes::scripted_catalogs(), reports) ==
        status);
  auto expected = plans(f / "whole"), all = plans(f / "all");
  std::sort(expected.begin(), expected.end());
  std::sort(all.begin(), all.end());
  CHECK(all == expected);
  CHECK(counts(f / "all") == counts(f / "whole"));
}

TEST_CASE("A campaign ends when its time is up, and says what it left out", "[resume]") {
  if (namespaces_missing()) return;
  const fakes::TemporaryFolder f;
  auto asked = request(f / "out");
  asked.scenario = "control";
  asked.draw.cases = 20000;
  asked.time = std::chrono::seconds(3);
  const auto start = Clock::now();
  CHECK(run(asked) == 0);
  const auto took = std::chrono::duration<double>(Clock::now() - start).count();
  CHECK(took > 2);
  CHECK(took < 10);
  const auto summary = Output::read(f / "out").first;
  CHECK(summary.cases > 2);
  CHECK_FALSE(summary.interrupted);
  asked.resume = true;
  CHECK_THAT(refusal(asked), Contains("came to its end"));

  auto cells = request(f / "cells");
  cells.time = Milliseconds(1);
  CHECK(run(cells) == 3);
  CHECK(Output::read(f / "cells").first.interrupted == false);
}

TEST_CASE("A search follows the cells until the time is up", "[resume]") {
  if (namespaces_missing()) return;
  const fakes::TemporaryFolder f;
  auto asked = request(f / "out");
  asked.draw.faults = {"crash"};
  CHECK(run(asked) < 2);  // without --time nothing follows
  CHECK(Output::read(f / "out").first.cases < 20);
  asked.time = std::chrono::seconds(4);
  CHECK(run(asked) < 2);
  const auto [summary, results] = Output::read(f / "out");
  CHECK(summary.cases > 20);
  CHECK(summary.cells_delivered == summary.cells_required);
  CHECK(results.back().plan.scenario == "search");
}

TEST_CASE("A search runs the same plans again", "[resume]") {
  if (namespaces_missing()) return;
  const fakes::TemporaryFolder f;
  auto asked = request(f / "one");
  asked.scenario = "search";
  asked.draw.phases.clear();
  asked.draw.cases = 30;
  CHECK(run(asked) < 2);
  const auto first = plans(f / "one");
  CHECK(first.size() > 30);  // and the controls
  asked.output = f / "two";
  CHECK(run(asked) < 2);
  CHECK(plans(f / "two") == first);
  asked.output = f / "other";
  asked.draw.base.seed += 1;
  CHECK(run(asked) < 2);
  CHECK(plans(f / "other") != first);
}

// --- a disk that is full, a database that cannot be written ---

TEST_CASE("A full disk ends a campaign with one line, and what had finished is kept", "[resume]") {
  const fakes::TemporaryFolder f;
  fakes::check_inside([&](const fakes::Report& report) {
    if (::mount("tmpfs", f.path().c_str(), "tmpfs", 0, "size=1m") != 0)
      throw std::runtime_error("no tmpfs");
    auto asked = request(f / "out");
    std::string message;
    try {
      run(asked);
    } catch (const io::OutputError& error) {  // exit status 4
      message = error.what();
    }
    report(message.find("free some space") != message.npos, "it says what to do: " + message);
    report(message.find('\n') == message.npos, "in one line");
    const auto before = finished(f / "out");
    report(before > 2, "some had finished");
    if (::mount("tmpfs", f.path().c_str(), "tmpfs", MS_REMOUNT, "size=64m") != 0)
      throw std::runtime_error("no larger tmpfs");
    asked.resume = true;
    report(run(asked) < 2, "with space again it goes on to its end");
    report(finished(f / "out") == plans(f / "out").size() && finished(f / "out") > before,
           "nothing is lost");
    if (::mount(nullptr, f.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0)
      throw std::runtime_error("no read-only remount");
    message = refusal(asked);
    report(message.find("Read-only file system") != message.npos, "a read-only folder is named");
    report(Output::read(f / "out").second.size() == finished(f / "out"), "and can be read");
  });
}

// FS_IOC_GETFLAGS, FS_IOC_SETFLAGS and FS_IMMUTABLE_FL of linux/fs.h, which does not go together
// with sys/mount.h.
constexpr unsigned long kGetFlags = _IOR('f', 1, long), kSetFlags = _IOW('f', 2, long);
constexpr int kImmutable = 0x10;

bool set_immutable(const std::string& path, bool on) {
  const io::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  int flags = 0;
  if (!fd || ::ioctl(fd.get(), kGetFlags, &flags) != 0) return false;
  flags = on ? flags | kImmutable : flags & ~kImmutable;
  return ::ioctl(fd.get(), kSetFlags, &flags) == 0;
}

// Whether an immutable file refuses writes through descriptors that are open already: ext4's do,
// tmpfs's do not.
bool immutable_stops_writers(const std::string& path) {
  const io::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd || !set_immutable(path, true)) return false;
  const bool stopped = ::write(fd.get(), "x", 1) < 0;
  set_immutable(path, false);
  return stopped;
}

TEST_CASE("A database that turns read-only in mid-campaign ends it with one line", "[resume]") {
  if (namespaces_missing()) return;
  const fakes::TemporaryFolder f(std::filesystem::current_path());  // a disk, where /tmp is none
  if (!immutable_stops_writers(f / "probe")) {
    WARN("skipped: this file system, or an ordinary user, cannot make a file immutable");
    return;
  }
  auto asked = request(f / "out");
  const auto wal = f / "out/results.db-wal";
  asked.draw.cases = 400;  // so many that it is still under way when the fifth has ended
  Child child(asked);
  REQUIRE(child.wait_for(5));
  REQUIRE(set_immutable(wal, true));
  const int status = child.wait_for_end();
  set_immutable(wal, false);
  CHECK(status == 99);
  const auto message = io::read_input(f / "out.error", 10000);
  CHECK_THAT(message, Contains(f / "out/results.db") && Contains("cannot be written") &&
                          Contains("--resume"));
  CHECK(message.find('\n') == message.npos);
  const auto before = finished(f / "out");
  CHECK(before >= 5);
  asked.resume = true;
  CHECK(run(asked) < 2);
  CHECK(finished(f / "out") > before);
  CHECK(finished(f / "out") == plans(f / "out").size());
}

TEST_CASE("A database that may not be written is refused at the start", "[resume]") {
  if (namespaces_missing()) return;
  const fakes::TemporaryFolder f;
  auto asked = request(f / "out");
  CHECK_FALSE(run_until_killed(asked, 5));
  const auto before = finished(f / "out");
  asked.resume = true;
  // SQLite opens what it may not write for reading; root may write everything but what is mounted
  // read-only, so a bind mount of the file alone stands for permissions.
  fakes::check_inside([&](const fakes::Report& report) {
    const auto path = f / "out/results.db";
    const bool mounted =
        ::mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
        ::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0;
    if (!mounted) throw std::runtime_error("no bind mount");
    std::string message;
    try {
      run(asked);
    } catch (const io::OutputError& error) {
      message = error.what();
    }
    report(message.find("results.db") != message.npos, "the database is named: " + message);
    report(message.find("writable") != message.npos, "the mend is said");
  });
  CHECK(finished(f / "out") == before);
  CHECK(run(asked) < 2);
}

}  // namespace
}  // namespace migfuzz
