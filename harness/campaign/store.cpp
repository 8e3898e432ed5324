#include "harness/campaign/store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "harness/campaign/nights.h"
#include "harness/core/error.h"
#include "harness/core/strict_json.h"
#include "harness/io/files.h"

namespace migfuzz {
namespace {

using nlohmann::json;

// "migf": PRAGMA application_id, by which file(1) and this program tell it from other databases.
constexpr int kApplication = 0x6d696766;
constexpr int kBusyMs = 5000;  // a reader that copies a night's results is done by then
constexpr JsonLimits kLimits{std::size_t{1} << 28, 64};
constexpr std::size_t kListMax = 10'000'000;

constexpr const char* kTables = R"(
CREATE TABLE runs(
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, shard TEXT NOT NULL, seed TEXT NOT NULL,
  started TEXT NOT NULL, finished INTEGER NOT NULL, request TEXT NOT NULL, facts TEXT NOT NULL,
  matrix TEXT NOT NULL);
CREATE TABLE sessions(
  run INTEGER NOT NULL REFERENCES runs(id), shard TEXT NOT NULL, started TEXT NOT NULL,
  seconds REAL NOT NULL, finished INTEGER NOT NULL, PRIMARY KEY(run, shard, started));
CREATE TABLE cases(
  run INTEGER NOT NULL REFERENCES runs(id), key TEXT NOT NULL, ordinal INTEGER NOT NULL,
  learned INTEGER NOT NULL, ended_as INTEGER, ended TEXT, verdict TEXT, signature TEXT,
  plan TEXT NOT NULL, points TEXT, result TEXT, UNIQUE(run, key));
CREATE UNIQUE INDEX cases_by_end ON cases(run, ended_as);
CREATE INDEX cases_by_signature ON cases(signature);
)";

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// --- the matrix as JSON ---

json to_json(const Cell& cell) {
  return {{"point", cell.point},       {"fault", cell.fault},       {"side", to_string(cell.side)},
          {"protocol", cell.protocol}, {"versions", cell.versions}, {"mode", cell.mode},
          {"channel", cell.channel}};
}

Cell read_cell(StrictObject object) {
  Cell cell;
  cell.point = object.text("point");
  cell.fault = object.text("fault");
  cell.side = *side_from(object.word("side", {"source", "destination", "channel"}));
  cell.protocol = object.text("protocol");
  cell.versions = object.text("versions");
  if (object.has("mode")) cell.mode = object.text("mode");
  if (object.has("channel")) cell.channel = object.text("channel");
  object.finish();
  return cell;
}

json to_json(const std::set<Cell>& cells) {
  json list = json::array();
  for (const auto& cell : cells) list.push_back(to_json(cell));
  return list;
}

std::set<Cell> read_cells(StrictObject& object, const char* key) {
  std::set<Cell> cells;
  for (const auto& one : object.list(key, kListMax))
    cells.insert(read_cell(StrictObject(one, object.origin(), key)));
  return cells;
}

std::string text_of(const Matrix& matrix) {
  json left_out = json::array();
  for (const auto& [cell, why, here] : matrix.left_out)
    left_out.push_back({{"cell", to_json(cell)}, {"why", clean_utf8(why)}, {"here", here}});
  return dump({{"required", to_json(matrix.required)},
               {"elsewhere", to_json(matrix.elsewhere)},
               {"left_out", std::move(left_out)}});
}

Matrix matrix_from(const std::string& text, const std::string& origin) {
  const auto value = parse_json(text, origin, kLimits);
  StrictObject object(value, origin);
  Matrix matrix;
  matrix.required = read_cells(object, "required");
  matrix.elsewhere = read_cells(object, "elsewhere");
  for (const auto& one : object.list("left_out", kListMax)) {
    StrictObject entry(one, origin, "left_out");
    LeftOut left_out;
    left_out.cell = read_cell(entry.object("cell"));
    left_out.why = entry.text("why");
    left_out.here = entry.flag("here");
    entry.finish();
    matrix.left_out.push_back(std::move(left_out));
  }
  object.finish();
  return matrix;
}

// --- what SQLite refuses, in our words ---

bool damaged(int code) {
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR;
}

[[noreturn]] void refuse_reading(const std::string& path, const SQLite::Exception& error) {
  if (damaged(error.getErrorCode()))
    throw UsageError(
        fmt::format("{}: is truncated or not a results database of migfuzz ({}); restore it or "
                    "name another folder",
                    path, error.what()));
  throw UsageError(fmt::format("{}: cannot be read: {}", path, error.what()));
}

[[noreturn]] void refuse_writing(const std::string& path, const SQLite::Exception& error,
                                 int system_error) {
  const int code = error.getErrorCode();
  std::string why = error.what();
  if (code == SQLITE_IOERR && system_error != 0)
    why += fmt::format(" ({})", std::strerror(system_error));
  const bool full = code == SQLITE_FULL || system_error == ENOSPC || system_error == EDQUOT;
  const bool locked = code == SQLITE_BUSY || code == SQLITE_LOCKED;
  const auto* mend = full     ? "free some space"
                     : locked ? "end the program that holds it"
                              : "make it writable";
  throw io::OutputError(
      fmt::format("{}: cannot be written: {}; {}; what had finished is kept: go on with --resume",
                  path, why, mend));
}

std::int64_t number(const SQLite::Column& column) { return column.getInt64(); }

// Of a row that begins with key, ordinal, learned; without its plan.
DrawnCase place_of(SQLite::Statement& row) {
  DrawnCase one;
  one.key = row.getColumn(0).getString();
  one.ordinal = static_cast<std::uint64_t>(number(row.getColumn(1)));
  one.learned = static_cast<std::uint64_t>(number(row.getColumn(2)));
  return one;
}

}  // namespace

struct Store::State {
  std::string path;
  std::unique_ptr<SQLite::Database> db;

  template <typename Act>
  auto reading(Act act) {
    try {
      return act();
    } catch (const SQLite::Exception& error) {
      refuse_reading(path, error);
    }
  }
  template <typename Act>
  auto writing(Act act) {
    try {
      return act();
    } catch (const SQLite::Exception& error) {
      refuse_writing(path, error, sqlite3_system_errno(db->getHandle()));
    }
  }

  // True when there is nothing in it yet. Foreign and newer databases are refused untouched.
  bool empty() const {
    const auto application = db->execAndGet("PRAGMA application_id").getInt();
    const auto schema = db->execAndGet("PRAGMA user_version").getInt();
    const auto tables = db->execAndGet("SELECT count(*) FROM sqlite_master").getInt();
    if (application == 0 && schema == 0 && tables == 0) return true;
    if (application != kApplication)
      throw UsageError(
          fmt::format("{}: is a database of another program; name another --output", path));
    if (schema != kSchema)
      throw UsageError(
          fmt::format("{}: was written by another version of migfuzz (schema {}; this one reads "
                      "{}); use that version or name another --output",
                      path, schema, kSchema));
    return false;
  }

  void make() {
    SQLite::Transaction whole(*db);
    db->exec(kTables);
    db->exec(fmt::format("PRAGMA application_id = {}", kApplication));
    db->exec(fmt::format("PRAGMA user_version = {}", kSchema));
    whole.commit();
  }

  std::string origin(std::int64_t run, const std::string& key) const {
    return fmt::format("{}: run {}, {}", path, run, key);
  }

  void write_session(std::int64_t run, const Session& session) {
    SQLite::Statement insert(*db,
                             "INSERT INTO sessions VALUES(?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                             "seconds = excluded.seconds, finished = excluded.finished");
    insert.bind(1, run);
    insert.bind(2, session.shard);
    insert.bind(3, session.started);
    insert.bind(4, session.seconds);
    insert.bind(5, session.finished ? 1 : 0);
    insert.exec();
  }
};

namespace {

// Of a run that did not come to its end, or that was written before nights were kept.
Night counted(SQLite::Database& db, std::int64_t run, const Summary& facts) {
  auto night = night_of(facts, {}, {});
  SQLite::Statement seconds(db, "SELECT total(seconds) FROM sessions WHERE run = ?");
  seconds.bind(1, run);
  if (seconds.executeStep()) night.duration_s = seconds.getColumn(0).getDouble();
  std::map<std::string, Sighting> seen;
  std::vector<double> blackouts;
  SQLite::Statement rows(db,
                         "SELECT verdict, signature, json_extract(result, '$.required_cell'), "
                         "json_extract(result, '$.blackout_ms') FROM cases "
                         "WHERE run = ? AND ended_as IS NOT NULL");
  rows.bind(1, run);
  CaseResult one;
  while (rows.executeStep()) {
    one.verdict = verdict_from(rows.getColumn(0).getString()).value_or(Verdict::infra);
    one.signature = rows.getColumn(1).getString();
    one.required_cell = rows.getColumn(2).getString();
    ++night.cases;
    ++night.verdicts[one.verdict];
    if (!one.signature.empty())
      see(seen.try_emplace(one.signature, Sighting{one.signature}).first->second, one);
    if (const double blackout = rows.getColumn(3).getDouble(); blackout >= 0)
      blackouts.push_back(blackout);
  }
  for (auto& [signature, sighting] : seen) night.findings.push_back(std::move(sighting));
  night.blackout_ms = spread_of(std::move(blackouts));
  return night;
}

}  // namespace

Store::Store(const std::string& path, Access access) : state_(std::make_unique<State>()) {
  auto& s = *state_;
  s.path = path;
  const bool write = access == Access::write;
  bool fresh = false;
  try {
    const int flags = write ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE : SQLite::OPEN_READONLY;
    s.db = std::make_unique<SQLite::Database>(path, flags, kBusyMs);
    fresh = s.empty();
  } catch (const SQLite::Exception& error) {
    if (!write || damaged(error.getErrorCode())) refuse_reading(path, error);
    refuse_writing(path, error, s.db ? sqlite3_system_errno(s.db->getHandle()) : 0);
  }
  if (!write) {
    if (fresh) throw UsageError(fmt::format("{}: holds no run", path));
    return;
  }
  if (sqlite3_db_readonly(s.db->getHandle(), "main") == 1)
    throw io::OutputError(
        fmt::format("{}: is read-only; make it writable or name another --output", path));
  s.writing([&] {
    s.db->exec("PRAGMA journal_mode = WAL");
    s.db->exec("PRAGMA synchronous = FULL");
    if (fresh) s.make();
  });
}

Store::~Store() = default;

std::optional<StoredRun> Store::last_run() const {
  auto& s = *state_;
  return s.reading([&]() -> std::optional<StoredRun> {
    SQLite::Statement query(*s.db,
                            "SELECT id, kind, request, shard, finished, facts, matrix FROM runs "
                            "ORDER BY id DESC LIMIT 1");
    if (!query.executeStep()) return std::nullopt;
    StoredRun run;
    run.id = number(query.getColumn(0));
    run.kind = query.getColumn(1).getString();
    run.request = query.getColumn(2).getString();
    run.shard = query.getColumn(3).getString();
    run.finished = number(query.getColumn(4)) != 0;
    const auto facts = s.origin(run.id, "facts");
    run.facts = summary_from_json(parse_json(query.getColumn(5).getString(), facts, kLimits));
    run.matrix = matrix_from(query.getColumn(6).getString(), s.origin(run.id, "matrix"));
    return run;
  });
}

std::vector<Session> Store::sessions(std::int64_t run) const {
  auto& s = *state_;
  return s.reading([&] {
    std::vector<Session> all;
    SQLite::Statement query(*s.db,
                            "SELECT shard, started, seconds, finished FROM sessions WHERE run = ? "
                            "ORDER BY started, shard");
    query.bind(1, run);
    while (query.executeStep())
      all.push_back({query.getColumn(0).getString(), query.getColumn(1).getString(),
                     query.getColumn(2).getDouble(), number(query.getColumn(3)) != 0});
    return all;
  });
}

std::vector<DrawnCase> Store::drawn(std::int64_t run) const {
  auto& s = *state_;
  return s.reading([&] {
    std::vector<DrawnCase> all;
    SQLite::Statement query(
        *s.db, "SELECT key, ordinal, learned, plan FROM cases WHERE run = ? ORDER BY ordinal, key");
    query.bind(1, run);
    while (query.executeStep()) {
      auto one = place_of(query);
      one.plan = plan_from_text(query.getColumn(3).getString(), s.origin(run, one.key));
      all.push_back(std::move(one));
    }
    return all;
  });
}

std::vector<StoredCase> Store::finished(std::int64_t run) const {
  auto& s = *state_;
  return s.reading([&] {
    std::vector<StoredCase> all;
    SQLite::Statement query(*s.db,
                            "SELECT key, ordinal, learned, result, points, ended FROM cases "
                            "WHERE run = ? AND ended_as IS NOT NULL ORDER BY ended_as");
    query.bind(1, run);
    while (query.executeStep()) {
      StoredCase one;
      one.drawn = place_of(query);
      const auto origin = s.origin(run, one.drawn.key);
      one.result =
          case_result_from_json(parse_json(query.getColumn(3).getString(), origin, kLimits));
      one.drawn.plan = one.result.plan;
      const auto points = parse_json(query.getColumn(4).getString(), origin, kLimits);
      for (const auto& point : points) one.passed_points.push_back(point.get<std::string>());
      one.ended = query.getColumn(5).getString();
      all.push_back(std::move(one));
    }
    return all;
  });
}

std::vector<Night> Store::nights_before(std::int64_t run) const {
  auto& s = *state_;
  return s.reading([&] {
    std::vector<Night> nights;
    SQLite::Statement query(*s.db,
                            "SELECT id, facts, finished FROM runs WHERE id < ? AND "
                            "kind != 'replay' ORDER BY id DESC LIMIT ?");
    query.bind(1, run);
    query.bind(2, kNightsMax);
    while (query.executeStep()) {
      const auto id = number(query.getColumn(0));
      const auto text = parse_json(query.getColumn(1).getString(), s.origin(id, "facts"), kLimits);
      auto facts = summary_from_json(text);
      const bool kept = number(query.getColumn(2)) != 0 && !facts.nights.empty();
      nights.push_back(kept ? std::move(facts.nights.back()) : counted(*s.db, id, facts));
      nights.back().id = static_cast<std::uint64_t>(id);
    }
    std::reverse(nights.begin(), nights.end());
    return nights;
  });
}

std::int64_t Store::add(const StoredRun& run) {
  auto& s = *state_;
  return s.writing([&] {
    SQLite::Statement insert(*s.db,
                             "INSERT INTO runs(kind, shard, seed, started, finished, request, "
                             "facts, matrix) VALUES(?, ?, ?, ?, 0, ?, ?, ?)");
    insert.bind(1, run.kind);
    insert.bind(2, run.shard);
    insert.bind(3, std::to_string(run.facts.seed));
    insert.bind(4, run.facts.started);
    insert.bind(5, run.request);
    insert.bind(6, dump(to_json(run.facts)));
    insert.bind(7, text_of(run.matrix));
    insert.exec();
    return static_cast<std::int64_t>(s.db->getLastInsertRowid());
  });
}

void Store::update(const StoredRun& run) {
  auto& s = *state_;
  s.writing([&] {
    SQLite::Statement change(*s.db,
                             "UPDATE runs SET finished = ?, facts = ?, matrix = ? WHERE id = ?");
    change.bind(1, run.finished ? 1 : 0);
    change.bind(2, dump(to_json(run.facts)));
    change.bind(3, text_of(run.matrix));
    change.bind(4, run.id);
    change.exec();
  });
}

void Store::put(std::int64_t run, const Session& session) {
  auto& s = *state_;
  s.writing([&] { s.write_session(run, session); });
}

void Store::start(std::int64_t run, const DrawnCase& drawn) {
  auto& s = *state_;
  s.writing([&] {
    SQLite::Statement insert(*s.db,
                             "INSERT INTO cases(run, key, ordinal, learned, plan) "
                             "VALUES(?, ?, ?, ?, ?) ON CONFLICT(run, key) DO NOTHING");
    insert.bind(1, run);
    insert.bind(2, drawn.key);
    insert.bind(3, static_cast<std::int64_t>(drawn.ordinal));
    insert.bind(4, static_cast<std::int64_t>(drawn.learned));
    insert.bind(5, dump(to_json(drawn.plan)));
    insert.exec();
  });
}

void Store::end(std::int64_t run, const StoredCase& one, const std::optional<Session>& session) {
  auto& s = *state_;
  s.writing([&] {
    SQLite::Transaction whole(*s.db);
    SQLite::Statement insert(
        *s.db,
        "INSERT INTO cases(run, key, ordinal, learned, plan, points, result, verdict, signature, "
        "ended, ended_as) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
        "(SELECT coalesce(max(ended_as), 0) + 1 FROM cases WHERE run = ?1)) "
        "ON CONFLICT(run, key) DO UPDATE SET plan = excluded.plan, points = excluded.points, "
        "result = excluded.result, verdict = excluded.verdict, signature = excluded.signature, "
        "ended = excluded.ended, ended_as = coalesce(ended_as, excluded.ended_as)");
    insert.bind(1, run);
    insert.bind(2, one.drawn.key);
    insert.bind(3, static_cast<std::int64_t>(one.drawn.ordinal));
    insert.bind(4, static_cast<std::int64_t>(one.drawn.learned));
    insert.bind(5, dump(to_json(one.result.plan)));
    insert.bind(6, dump(json(one.passed_points)));
    insert.bind(7, dump(to_json(one.result)));
    insert.bind(8, std::string(to_string(one.result.verdict)));
    insert.bind(9, one.result.signature);
    insert.bind(10, one.ended);
    insert.exec();
    if (session) s.write_session(run, *session);
    whole.commit();
  });
}

void Store::settle() {
  try {
    state_->db->exec("PRAGMA journal_mode = DELETE");
  } catch (const SQLite::Exception&) {
    // Somebody reads it just now: the log stays beside it, and SQLite knows what to do with it.
  }
}

}  // namespace migfuzz
