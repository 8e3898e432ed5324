#include "harness/campaign/follow.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/campaign/store.h"
#include "harness/core/error.h"
#include "harness/io/files.h"
#include "harness/io/locks.h"

namespace migfuzz {
namespace {

constexpr int kBusyMs = 5000;
constexpr std::size_t kMostWorkers = 64, kMostFailures = 200;

std::string database(const std::string& folder) { return folder + "/results.db"; }

}  // namespace

struct Follower::State {
  explicit State(std::string where) : folder(std::move(where)) {
    const auto path = database(folder);
    if (!io::is_there(path))
      throw UsageError(
          fmt::format("{}: there is no results.db in it; name the --output of a run", folder));
    const Store known(path, Store::Access::read);  // refuses what is not ours
    db = std::make_unique<SQLite::Database>(path, SQLite::OPEN_READONLY, kBusyMs);
  }

  std::string folder;
  std::unique_ptr<SQLite::Database> db;
  std::int64_t version = -1;  // changes with each commit of another process
  Clock::time_point looked;
  std::size_t before = 0;  // cases that had ended at the first look
  Clock::time_point first = Clock::now();
  Followed state;

  void read();
  void read_cases(std::int64_t run);
};

void Follower::State::read() {
  SQLite::Statement query(*db,
                          "SELECT id, finished, started, seed, facts, "
                          "json_array_length(matrix, '$.required') FROM runs ORDER BY id DESC "
                          "LIMIT 1");
  if (!query.executeStep()) throw UsageError(fmt::format("{}: holds no run", database(folder)));
  state.finished = query.getColumn(1).getInt() != 0;
  state.started = query.getColumn(2).getString();
  state.seed = std::stoull("0" + query.getColumn(3).getString());
  const auto facts = nlohmann::json::parse(query.getColumn(4).getString(), nullptr, false);
  state.command = facts.is_object() ? facts.value("command", "") : "";
  const auto cells = query.getColumn(5).getInt64();
  state.tally.total.reset();
  if (cells > 0) state.tally.total = static_cast<std::size_t>(cells);
  read_cases(query.getColumn(0).getInt64());
}

void Follower::State::read_cases(std::int64_t run) {
  auto& tally = state.tally;
  tally.verdicts.clear();
  tally.done = 0;
  SQLite::Statement counts(*db,
                           "SELECT verdict, count(*) FROM cases WHERE run = ? AND result IS NOT "
                           "NULL GROUP BY verdict");
  counts.bind(1, run);
  while (counts.executeStep())
    if (const auto verdict = verdict_from(counts.getColumn(0).getString())) {
      tally.verdicts[*verdict] = static_cast<std::size_t>(counts.getColumn(1).getInt64());
      tally.done += tally.verdicts[*verdict];
    }
  state.failures.clear();
  tally.signatures = 0;
  SQLite::Statement found(*db,
                          "SELECT verdict, signature, count(*) FROM cases WHERE run = ? AND "
                          "signature <> '' GROUP BY verdict, signature ORDER BY 3 DESC LIMIT ?");
  found.bind(1, run);
  found.bind(2, static_cast<std::int64_t>(kMostFailures));
  while (found.executeStep()) {
    const auto verdict = found.getColumn(0).getString();
    if (verdict == to_string(Verdict::fail)) ++tally.signatures;
    if (verdict == to_string(Verdict::fail) || verdict == to_string(Verdict::infra) ||
        verdict == to_string(Verdict::not_delivered))
      state.failures.push_back(fmt::format("{}  {}", verdict, found.getColumn(1).getString()));
  }
  tally.workers.clear();
  SQLite::Statement under_way(*db,
                              "SELECT plan FROM cases WHERE run = ? AND result IS NULL ORDER BY "
                              "ordinal DESC LIMIT ?");
  under_way.bind(1, run);
  under_way.bind(2, static_cast<std::int64_t>(kMostWorkers));
  while (under_way.executeStep()) {
    const auto plan = nlohmann::json::parse(under_way.getColumn(0).getString(), nullptr, false);
    try {
      tally.workers.push_back({case_id(plan_from_json(plan)), std::nullopt});
    } catch (const std::exception&) {
      tally.workers.push_back({"a plan that cannot be read", std::nullopt});
    }
  }
}

Follower::Follower(std::string folder) : state_(std::make_unique<State>(std::move(folder))) {}

Follower::~Follower() = default;

const Followed& Follower::look() {
  auto& s = *state_;
  try {
    const auto version = s.db->execAndGet("PRAGMA data_version").getInt64();
    s.state.written = io::is_locked(s.folder + "/results.lock");
    const bool begun = s.version < 0;
    if (version != s.version) s.read();
    s.version = version;
    // The rate is that of what is seen, from the first look on.
    if (begun) s.before = s.state.tally.done;
    auto& tally = s.state.tally;
    tally.elapsed = Clock::now() - s.first;
    tally.seen = tally.done - std::min(tally.done, s.before);
    if (!s.state.written) tally.workers.clear();
  } catch (const SQLite::Exception& error) {
    throw UsageError(fmt::format("{}: cannot be read: {}", database(s.folder), error.what()));
  }
  return s.state;
}

}  // namespace migfuzz
