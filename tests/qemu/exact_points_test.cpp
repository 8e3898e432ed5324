// Exact points: the channel stands with exactly the bytes of the point forwarded, every time.
//
// A no-fault control per transport tells the points of this machine's stream. Triggers are drawn
// from them, with `+BYTES` and `#N`, page records and points of the return path among them; each is
// run with a light fault. The planned offset is where that run's parser saw the point, plus BYTES;
// it must equal the count of the point's direction when the channel stood, when the fault was
// injected, and when the channel was released. A trigger that a run did not come to (another run is
// another stream) says nothing: it is drawn anew, and more than one such in ten is a failure.
//
// MIGFUZZ_POINTS says how many (30), MIGFUZZ_SEED which (printed), MIGFUZZ_JOBS how many at a time
// (1), MIGFUZZ_QEMU which QEMU. Exit status 77 and the reason where this machine cannot run it.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "harness/campaign/campaign.h"
#include "harness/core/error.h"
#include "harness/core/scenario.h"
#include "tests/fakes/catalogs.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kRecordBytes = 4096 + 9;  // a page record: address, name's length, content
constexpr std::uint64_t kFarBytes = 6000;

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

bool on_return_path(const Point& point) {
  for (const auto& kind : all_point_kinds())
    if (kind.phase == point.phase && kind.pattern == point.name)
      return kind.place == PointKind::Place::return_path;
  return false;
}

History history_of(const CaseResult& result) {
  std::vector<Event> events;
  const auto lines = result.evidence.find("history.jsonl");
  if (lines != result.evidence.end()) {
    std::istringstream in(lines->second);
    for (std::string line; std::getline(in, line);)
      events.push_back(event_from_json(nlohmann::json::parse(line)));
  }
  return History::from_events(std::move(events)).first_migration();
}

// --- a stream: where its points lay ----------------------------------------------------------

struct Stream {
  std::map<std::string, std::uint64_t> offsets;  // by trigger, "stopcopy/device:cpu/begin#2"

  explicit Stream(const History& history) {
    std::map<std::string, std::uint32_t> seen;
    for (const auto& event : history.events()) {
      if (event.actor != "channel" || event.kind != "point") continue;
      Trigger trigger{point_from(event.name), ++seen[event.name]};
      offsets.emplace(to_string(trigger), number_field(event, "offset").value_or(-1));
    }
  }
  std::optional<std::uint64_t> at(const std::string& trigger) const {
    const auto found = offsets.find(trigger);
    return found == offsets.end() ? std::nullopt : std::optional(found->second);
  }
  // Of the direction in which the point lies, as far as this run came.
  std::optional<std::uint64_t> end(const Point& point) const {
    return at(on_return_path(point) ? "commit/ack-end" : "commit/vmdesc-end");
  }
};

// --- drawing ---------------------------------------------------------------------------------

class Draw {
 public:
  Draw(const Plan& base, std::vector<Stream> controls, std::uint64_t seed)
      : base_(base),
        controls_(std::move(controls)),
        catalogs_(fakes::real_catalogs()),
        state_(seed) {
    for (const auto& [name, offset] : controls_.front().offsets) {
      const auto known = [&](const Stream& one) { return one.at(name).has_value(); };
      if (std::all_of(controls_.begin(), controls_.end(), known)) names_.push_back(name);
    }
    pages_ = ~std::uint64_t{0};
    for (const auto& control : controls_) {
      const auto bytes = control.at("stopcopy/enter").value() - control.at("precopy/begin").value();
      pages_ = std::min(pages_, bytes / kRecordBytes / 2);
    }
  }

  std::size_t names() const { return names_.size(); }

  PlannedCase next() {
    for (;;) {
      PlannedCase planned;
      Plan& plan = planned.plan;
      plan = base_;
      plan.scenario = "exact-points";
      plan.transport = ++drawn_ % 2 == 0 ? Transport::tcp : Transport::unix_tight;
      plan.protocol = below(2) == 0 ? "handshake" : "autostart";
      plan.guest.seed = next_random(state_);
      const auto trigger = draw_trigger();
      for (const auto* kind : {"stall", "stall-back", "hang"}) {
        const auto& one = catalogs_.find_fault(kind);
        if (!one.excluded(trigger, one.sides.front()).empty()) continue;
        plan.patience_ms = std::max<std::uint32_t>(one.patience_ms, 3000);
        plan.faults = {FaultSpec{kind, one.sides.front(), trigger, 1, 0}};
        return planned;
      }
    }
  }

 private:
  std::uint64_t below(std::uint64_t limit) { return next_random(state_) % limit; }

  Trigger draw_trigger() {
    // The devices' points are the many; the others shall not be lost among them.
    const auto way = below(8);
    if (way == 0 && pages_ > 0) {
      auto page = trigger_from(fmt::format("precopy/page:{}", 1 + below(pages_)));
      page.point.plus_bytes = draw_bytes(pages_ * kRecordBytes);
      return page;
    }
    const auto wanted = [&](const std::string& name) {
      if (way == 1) return name.starts_with("commit/");
      if (way == 2) return name.starts_with("reserve/") || name.starts_with("precopy/");
      if (way == 3) return name.find('#') != std::string::npos;
      return true;
    };
    std::vector<std::string> some;
    std::copy_if(names_.begin(), names_.end(), std::back_inserter(some), wanted);
    if (some.empty()) some = names_;
    auto trigger = trigger_from(some[below(some.size())]);
    // Behind the end of a device another one begins: no plan may name that place so.
    const auto& name = trigger.point.name;
    const bool ends = name.starts_with("device:") && name.ends_with("/end");
    if (in_stream(trigger.point) && !ends) trigger.point.plus_bytes = draw_bytes(room(trigger));
    return trigger;
  }

  // Bytes between the trigger and the end of its direction, in the shortest of the controls.
  std::uint64_t room(const Trigger& trigger) const {
    std::uint64_t least = kFarBytes;
    for (const auto& control : controls_)
      least = std::min(
          least, control.end(trigger.point).value_or(0) - control.at(to_string(trigger)).value());
    return least;
  }

  std::uint64_t draw_bytes(std::uint64_t room) {
    const auto way = below(4);
    if (way == 0 || room == 0) return 0;
    return below(std::min<std::uint64_t>(room, way == 1 ? kFarBytes : 65));
  }

  const Plan& base_;
  std::vector<Stream> controls_;
  Catalogs catalogs_;
  std::uint64_t state_, drawn_ = 0, pages_ = 0;
  std::vector<std::string> names_;
};

// --- comparing -------------------------------------------------------------------------------

enum class Seen { exact, elsewhere, not_reached };
struct Comparison {
  Seen seen;
  std::string what;
};

Comparison compare(const Trigger& trigger, const History& history) {
  const Stream stream(history);
  auto place = trigger;
  place.point.plus_bytes = 0;
  const auto point = stream.at(to_string(place));
  if (!point) return {Seen::not_reached, "the run had no such point"};
  const auto planned = *point + trigger.point.plus_bytes;
  const auto end = stream.end(trigger.point);
  if (end && planned > *end)
    return {Seen::not_reached, fmt::format("planned {}, the stream ended at {}", planned, *end)};
  const auto* field = on_return_path(trigger.point) ? "back_forwarded" : "forwarded";
  const auto count = [&](std::string_view actor, std::string_view kind, std::string_view name) {
    const auto* event = history.first(actor, kind, name);
    const auto number = event == nullptr ? std::nullopt : number_field(*event, field);
    return number.value_or(-1);
  };
  const auto stood = count("channel", "relay", "holding");
  const auto injected = count("director", "fault", "injected");
  const auto released = count("channel", "relay", "released");
  const auto exact = static_cast<std::int64_t>(planned);
  const bool good = stood == exact && injected == exact && released == exact;
  return {good ? Seen::exact : Seen::elsewhere,
          fmt::format("planned {} ({} + {}), stood at {}, injected at {}, released at {}", planned,
                      *point, trigger.point.plus_bytes, stood, injected, released)};
}

class Measure {
 public:
  Measure(Pool& pool, Draw& draw, std::uint64_t wanted) : pool_(pool), draw_(draw), left_(wanted) {}

  // How many were not exact.
  std::uint64_t run() {
    const auto most = left_ / 10 + 3;
    while (left_ > 0 && not_reached_ <= most) {
      std::vector<PlannedCase> cases;
      while (cases.size() < left_) cases.push_back(draw_.next());
      ListSource source(std::move(cases));
      pool_.run(
          source, [&](const Pool::Done& done) { take(done); }, [] { return false; });
    }
    fmt::print(
        "{} points exact, {} not; {} drawn anew; {} with bytes, {} pages, {} later ones of "
        "a name, {} on the return path\n",
        exact_, elsewhere_, not_reached_, with_bytes_, pages_, later_, back_);
    if (left_ > 0) fmt::print("too many runs did not come to their point\n");
    return elsewhere_ + left_;
  }

 private:
  void take(const Pool::Done& done) {
    const auto& plan = done.planned.plan;
    const auto& trigger = plan.faults.front().trigger;
    const auto [seen, what] = compare(trigger, history_of(done.result));
    const auto at = to_string(trigger);
    if (seen == Seen::not_reached) {
      ++not_reached_;
      fmt::print("drawn anew: {} {} {}: {} ({})\n", at, to_string(plan.transport), plan.protocol,
                 what, done.result.headline);
      return;
    }
    --left_;
    with_bytes_ += trigger.point.plus_bytes > 0;
    pages_ += at.find("/page:") != std::string::npos;
    later_ += trigger.nth > 1;
    back_ += on_return_path(trigger.point);
    ++(seen == Seen::exact ? exact_ : elsewhere_);
    if (seen == Seen::exact && std::getenv("MIGFUZZ_VERBOSE") == nullptr) return;
    fmt::print("{}: {} {} {}: {}\n", seen == Seen::exact ? "exact" : "NOT EXACT", at,
               to_string(plan.transport), plan.protocol, what);
    if (seen == Seen::elsewhere)
      fmt::print("plan: {}\n{}\n", to_json(plan).dump(), done.result.headline);
  }

  Pool& pool_;
  Draw& draw_;
  std::uint64_t left_, exact_ = 0, elsewhere_ = 0, not_reached_ = 0;
  std::uint64_t with_bytes_ = 0, pages_ = 0, later_ = 0, back_ = 0;
};

// --- the run ---------------------------------------------------------------------------------

std::vector<Stream> run_controls(Pool& pool, const Plan& base) {
  std::vector<PlannedCase> cases;
  for (const auto transport : {Transport::tcp, Transport::unix_tight}) {
    PlannedCase control;
    control.plan = base;
    control.plan.scenario = "exact-points-control";
    control.plan.transport = transport;
    cases.push_back(control);
  }
  std::vector<Stream> streams;
  const auto take = [&](const Pool::Done& done) {
    if (done.result.verdict != Verdict::pass)
      throw InfraError("the no-fault control did not pass: " + done.result.headline);
    streams.emplace_back(history_of(done.result));
  };
  ListSource source(std::move(cases));
  pool.run(source, take, [] { return false; });
  return streams;
}

int run() {
  const auto catalogs = fakes::real_catalogs();
  io::Loop loop;
  const TrialFunction trial = [&](io::Loop& inner, const std::string& request) {
    return answer_trial(inner, request, catalogs);
  };
  Pool pool(loop, catalogs, trial,
            static_cast<unsigned>(number_from_environment("MIGFUZZ_JOBS", 1)));
  Plan base;
  if (const char* binary = std::getenv("MIGFUZZ_QEMU"); binary != nullptr)
    base.source.binary = base.destination.binary = binary;
  try {
    const auto chosen = choose(pool, base, false, catalogs.find_guest("tiny"));
    base.accel = chosen.accel;
    base.guest.memory_bytes = chosen.memory_bytes;
    const auto clock = std::chrono::system_clock::now().time_since_epoch().count();
    const auto seed = number_from_environment("MIGFUZZ_SEED", static_cast<std::uint64_t>(clock));
    Draw draw(base, run_controls(pool, base), seed);
    fmt::print("QEMU {}, {}, MIGFUZZ_SEED={}, {} points in the controls\n", chosen.source_version,
               chosen.accel, seed, draw.names());
    return Measure(pool, draw, number_from_environment("MIGFUZZ_POINTS", 30)).run() == 0 ? 0 : 1;
  } catch (const CannotRun& reason) {
    fmt::print("SKIPPED: {}\n", reason.what());
    return 77;
  }
}

}  // namespace
}  // namespace migfuzz

int main() {
  try {
    return migfuzz::run();
  } catch (const std::exception& error) {
    fmt::print("FAILED: {}\n", error.what());
    return 1;
  }
}
