#include "harness/campaign/pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/judge.h"

namespace migfuzz {
namespace {
using nlohmann::json;

struct Slot {
  std::unique_ptr<io::Worker> worker;
  std::optional<PlannedCase> planned;  // of the case under way
  bool gone = false;
  Clock::time_point since;
  std::optional<std::string> answer;
};

}  // namespace

struct Pool::State {
  State(io::Loop& l, const Catalogs& c, TrialFunction t, unsigned jobs)
      : loop(l), catalogs(c), trial(std::move(t)), slots(jobs) {}

  io::Loop& loop;
  const Catalogs& catalogs;
  TrialFunction trial;
  std::vector<Slot> slots;
  std::size_t started = 0;
  bool trace = false;
  std::function<void()> turn = [] {};

  bool any_busy() const {
    return std::any_of(slots.begin(), slots.end(),
                       [](const Slot& slot) { return slot.planned.has_value(); });
  }

  void ensure_worker(Slot& slot) {
    if (slot.worker && !slot.gone) return;
    slot.worker.reset();
    slot.gone = false;
    slot.answer.reset();
    io::Worker::Handlers handlers;
    handlers.line = [&slot](const std::string& text) { slot.answer = text; };
    handlers.ended = [&slot] { slot.gone = true; };
    slot.worker = std::make_unique<io::Worker>(
        loop, [this](io::Line& line) { return work(line, catalogs, trial); }, std::move(handlers));
  }

  static void refuse_if_cannot(const json& answer) {
    if (answer.contains("cannot"))
      throw CannotRun(
          fmt::format("this machine gives a worker no namespaces of its own: {}; "
                      "`migfuzz doctor` says more",
                      answer["cannot"].get<std::string>()));
  }

  void start(Slot& slot, PlannedCase planned) {
    ensure_worker(slot);
    slot.since = Clock::now();
    slot.answer.reset();
    slot.worker->send(
        json{{"job", "case"},
             {"number", started++},
             {"plan", to_json(planned.plan)},
             {"trace", trace}}
            .dump());
    slot.planned = std::move(planned);
  }

  // The result when the slot has one: an answer, a death, or a case over its bound.
  std::optional<Done> finished(Slot& slot) {
    if (!slot.planned) return std::nullopt;
    if (slot.answer) return told(slot);
    const bool late = Clock::now() - slot.since > kCaseLimit;
    if (!slot.gone && !late) return std::nullopt;
    const auto stacks = late && !slot.gone ? slot.worker->stacks() : std::string();
    slot.worker.reset();
    auto result = untold(slot.planned->plan, late ? fmt::format("the case took longer than {} s",
                                                                kCaseLimit.count() / 1000)
                                                  : "the worker died while it ran this case");
    if (!stacks.empty()) result.evidence["stacks-worker.log"] = stacks;
    return Done{taken(slot), std::move(result), {}};
  }

  static PlannedCase taken(Slot& slot) {
    auto planned = std::move(*slot.planned);
    slot.planned.reset();
    return planned;
  }

  static Done told(Slot& slot) {
    const auto answer = json::parse(*slot.answer);
    slot.answer.reset();
    auto planned = taken(slot);
    refuse_if_cannot(answer);
    Done done{std::move(planned), case_result_from_json(answer.at("result")), {}};
    done.result.evidence = answer.at("evidence").get<std::map<std::string, std::string>>();
    done.passed_points = answer.at("points").get<std::vector<std::string>>();
    return done;
  }
};

Pool::Pool(io::Loop& loop, const Catalogs& catalogs, TrialFunction trial, unsigned jobs)
    : state_(std::make_unique<State>(loop, catalogs, std::move(trial), jobs)) {}

Pool::~Pool() = default;

void Pool::trace(bool on) { state_->trace = on; }

std::vector<Doing> Pool::doing() const {
  std::vector<Doing> all;
  for (const auto& slot : state_->slots)
    if (slot.planned)
      all.push_back({case_id(slot.planned->plan), Clock::now() - slot.since});
    else
      all.push_back({"", std::nullopt});
  return all;
}

void Pool::each_turn(std::function<void()> act) { state_->turn = std::move(act); }

void Pool::run(CaseSource& source, const std::function<void(Done&)>& done,
               const std::function<bool()>& stop) {
  State& s = *state_;
  bool exhausted = false;
  while (!stop()) {
    for (auto& slot : s.slots) {
      if (slot.planned || exhausted) continue;
      auto planned = source.next();
      exhausted = !planned;
      if (planned) s.start(slot, std::move(*planned));
    }
    if (!s.any_busy()) break;
    const auto something = [&] {
      for (const auto& slot : s.slots)
        if (slot.planned && (slot.answer || slot.gone)) return true;
      return stop();
    };
    s.loop.run_until(something, Clock::now() + Milliseconds(250));
    for (auto& slot : s.slots)
      if (auto one = s.finished(slot)) {
        done(*one);
        source.learn(one->planned, one->result);
      }
    s.turn();
  }
  for (auto& slot : s.slots)
    if (slot.planned) {  // stopped early: ending the worker ends everything of its case
      slot.worker.reset();
      slot.planned.reset();
    }
}

std::string Pool::trial(const std::string& request, Milliseconds limit) {
  State& s = *state_;
  Slot& slot = s.slots.front();
  s.ensure_worker(slot);
  slot.answer.reset();
  slot.worker->send(request);
  s.loop.run_until([&] { return slot.answer || slot.gone; }, Clock::now() + limit);
  if (!slot.answer) {
    slot.worker.reset();
    throw CannotRun("a worker died or hung in a trial of this machine; try --accel=tcg");
  }
  const auto answer = *slot.answer;
  slot.answer.reset();
  State::refuse_if_cannot(json::parse(answer));
  return answer;
}

std::map<std::string, std::string> Pool::missing_capabilities() {
  constexpr Milliseconds kLimit{20000};  // 0.1 s is usual
  return json::parse(trial(json{{"job", "capabilities"}}.dump(), kLimit))
      .get<std::map<std::string, std::string>>();
}

}  // namespace migfuzz
