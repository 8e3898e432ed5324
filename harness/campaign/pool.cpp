#include "harness/campaign/pool.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/judge.h"

namespace migfuzz {
namespace {
using nlohmann::json;

struct Slot {
  std::unique_ptr<io::Worker> worker;
  bool busy = false;
  bool gone = false;
  std::size_t number = 0;
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

  void start(Slot& slot, std::size_t number, const PlannedCase& planned) {
    ensure_worker(slot);
    slot.busy = true;
    slot.number = number;
    slot.since = Clock::now();
    slot.answer.reset();
    slot.worker->send(
        json{{"job", "case"}, {"number", number}, {"plan", to_json(planned.plan)}}.dump());
  }

  // The result when the slot has one: an answer, a death, or a case over its bound.
  std::optional<Done> finished(Slot& slot, const PlannedCase& planned) {
    if (!slot.busy) return std::nullopt;
    if (slot.answer) return told(slot, planned);
    const bool late = Clock::now() - slot.since > kCaseLimit;
    if (!slot.gone && !late) return std::nullopt;
    slot.busy = false;
    slot.worker.reset();
    return Done{planned,
                untold(planned.plan, late ? fmt::format("the case took longer than {} s",
                                                        kCaseLimit.count() / 1000)
                                          : "the worker died while it ran this case"),
                {}};
  }

  static Done told(Slot& slot, const PlannedCase& planned) {
    const auto answer = json::parse(*slot.answer);
    slot.answer.reset();
    slot.busy = false;
    refuse_if_cannot(answer);
    Done done{planned, case_result_from_json(answer.at("result")), {}};
    done.result.evidence = answer.at("evidence").get<std::map<std::string, std::string>>();
    done.passed_points = answer.at("points").get<std::vector<std::string>>();
    return done;
  }
};

Pool::Pool(io::Loop& loop, const Catalogs& catalogs, TrialFunction trial, unsigned jobs)
    : state_(std::make_unique<State>(loop, catalogs, std::move(trial), jobs)) {}

Pool::~Pool() = default;

void Pool::run(std::vector<PlannedCase> cases, const std::function<void(Done)>& done,
               const std::function<bool()>& stop) {
  State& s = *state_;
  std::size_t next = 0, ended = 0;
  while (ended < cases.size() && !stop()) {
    for (auto& slot : s.slots)
      if (!slot.busy && next < cases.size()) {
        s.start(slot, next, cases[next]);
        ++next;
      }
    const auto something = [&] {
      for (const auto& slot : s.slots)
        if (slot.busy && (slot.answer || slot.gone)) return true;
      return stop();
    };
    s.loop.run_until(something, Clock::now() + Milliseconds(250));
    for (auto& slot : s.slots)
      if (slot.busy)
        if (auto one = s.finished(slot, cases[slot.number])) {
          ++ended;
          done(std::move(*one));
        }
  }
  for (auto& slot : s.slots)
    if (slot.busy) {  // stopped early: ending the worker ends everything of its case
      slot.worker.reset();
      slot.busy = false;
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
