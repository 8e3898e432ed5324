// Drawing: rapidcheck's generators make the numbers, check_plan() decides what is a plan.
//
// A candidate is made freely and then repaired: transport, disk and patience follow from its kinds.
// What is still refused is thrown away; about every second candidate is kept.
#include "harness/core/search.h"

#include <fmt/format.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "harness/core/combination.h"
#include "harness/core/error.h"
#include "harness/core/mode.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kPageBits = 4096 * 8;
constexpr int kCandidates = 6;            // of which the rarest is taken
constexpr int kPreferredCandidates = 12;  // where worth is known, too: docs/feedback.md
constexpr int kAttemptsMax = 400;  // for one candidate
constexpr std::uint32_t kHangPatienceMs = 3000;  // as for every hole that is healed

// Where no control has told the points of this machine's stream yet.
constexpr std::string_view kUsualPoints[] = {
    "prepare/ready",        "prepare/connected",   "reserve/first-byte", "reserve/ram-setup-end",
    "precopy/begin",        "precopy/pass:1",      "stopcopy/enter",     "stopcopy/ram-end",
    "stopcopy/device:first/begin", "stopcopy/device:cpu/middle", "stopcopy/device:last/end",
    "stopcopy/eof-begin",   "commit/eof",          "commit/vmdesc-middle", "commit/vmdesc-end",
    "commit/ack",           "commit/ack-end",      "activate/before-cont", "activate/resumed"};

template <typename T>
bool chosen(const std::vector<T>& list, const T& one) {
  return list.empty() || std::find(list.begin(), list.end(), one) != list.end();
}

bool of_100(int chance) { return *rc::gen::inRange(0, 100) < chance; }

template <typename T>
const T& one_of(const std::vector<T>& list) {
  return list[*rc::gen::inRange<std::size_t>(0, list.size())];
}

// Without "#N" for the second device of one name and without "+BYTES".
bool wanted(const ScenarioRequest& ground, const Trigger& trigger) {
  const auto name = to_string(trigger.point);
  if (ground.points.empty()) {
    // As for cells, the byte from which the VM must live ends stop-and-copy and belongs to it.
    const bool last = name == "commit/eof" && chosen(ground.phases, Phase::stopcopy);
    return last || chosen(ground.phases, trigger.point.phase);
  }
  return std::any_of(ground.points.begin(), ground.points.end(), [&](const auto& pattern) {
    return pattern == name || pattern == to_string(trigger) || matches(pattern, name);
  });
}

// A control may have had more passes than several_passes() promises, more records, more requests:
// how many there are differs with the guest's numbers and with the machine's load.
bool comes(const Point& point) {
  static constexpr std::pair<std::string_view, std::uint64_t> kSure[] = {
      {"pass:", 4}, {"record:", 200}, {"page:", 200}, {"request:", 2}, {"answer:", 2}};
  for (const auto& [word, most] : kSure)
    if (point.name.starts_with(word)) return std::stoull(point.name.substr(word.size())) <= most;
  return true;
}

// What a ground has to draw from.
struct Choice {
  std::vector<Trigger> points;  // in the order in which they are passed
  std::vector<const FaultKind*> kinds;
};

Choice choice_of(const ScenarioRequest& ground, const Catalogs& catalogs) {
  Choice choice;
  std::vector<std::string> names = ground.passed_points;
  if (names.empty()) names.assign(std::begin(kUsualPoints), std::end(kUsualPoints));
  for (const auto& name : names)
    if (const auto trigger = trigger_from(name); wanted(ground, trigger) && comes(trigger.point))
      choice.points.push_back(trigger);
  // Points that were typed are drawn although no control was there to pass them.
  for (const auto& typed : ground.points)
    if (typed.find('*') == typed.npos)
      if (const auto trigger = trigger_from(typed);
          std::find(choice.points.begin(), choice.points.end(), trigger) == choice.points.end())
        choice.points.push_back(trigger);
  std::stable_sort(choice.points.begin(), choice.points.end(), [](const auto& a, const auto& b) {
    return a.point.phase < b.point.phase;
  });
  for (const auto& kind : catalogs.faults)
    if (chosen(ground.faults, std::string(kind.name)) &&
        ground.missing.count(std::string(kind.needs)) == 0 &&
        excluded_in(ground.base.mode, kind).empty() &&
        excluded_with(ground.base.guest, kind, catalogs).empty())
      choice.kinds.push_back(&kind);
  return choice;
}

// --- one fault -----------------------------------------------------------------------------------

bool ends_it(const FaultKind& kind) {
  switch (kind.effect) {
    case Effect::silences_channel:
    case Effect::slows_channel:
    case Effect::blinds_manager:
    case Effect::fails_storage:
    case Effect::stops_arbiter:
    case Effect::intrudes:
    case Effect::isolates_guest:
      return false;
    case Effect::loses_host:
      return kind.kills;  // a hang can be healed
    default:
      return true;
  }
}

// Some way behind the point, and which page; the stream goes on for at least as long there.
Trigger moved(Trigger trigger) {
  auto& point = trigger.point;
  // At these the part ends: a byte further on is another one, perhaps another phase.
  if (!in_stream(point) || point.name == "vmdesc-end" || point.name == "ack-end" ||
      (point.name.starts_with("device:") && point.name.ends_with("/end")))
    return trigger;
  if (point.phase == Phase::precopy && point.name == "begin" && of_100(50)) {
    point.name = fmt::format("page:{}", *rc::gen::inRange(1, 1500));
    return trigger;
  }
  if (point.phase == Phase::precopy && point.name == "pass:1" && of_100(50)) {
    point.name = fmt::format("pass:{}", *rc::gen::inRange(2, 5));
    return trigger;
  }
  if (!of_100(30)) return trigger;
  // The shortest devices have some twenty bytes behind their middle.
  const bool middle = point.name.ends_with("middle");
  const std::uint64_t way = point.phase == Phase::precopy ? 64 : middle ? 16 : 8;
  point.plus_bytes = *rc::gen::inRange<std::uint64_t>(1, way);
  if (point.name == "eof-begin") point.plus_bytes = 1;  // the end mark is one byte
  return trigger;
}

void draw_numbers(FaultSpec& fault, const FaultKind& kind, bool last) {
  const bool hangs = kind.effect == Effect::loses_host && !kind.kills && kind.heal_after_ms == 0;
  const auto usual = hangs ? 150u : kind.heal_after_ms;
  const bool stays = usual == 0 || (last && !kind.must_heal && of_100(hangs ? 60 : 25));
  fault.heal_after_ms = stays ? 0 : *rc::gen::element(usual / 2, usual, usual, usual * 2);
  fault.parameter = 0;
  if (kind.acts_on_page) fault.parameter = *rc::gen::inRange<std::uint64_t>(0, kPageBits);
  if (kind.parameter_most > 0 && of_100(50))
    fault.parameter = *rc::gen::inRange(kind.parameter_least, kind.parameter_most + 1);
}

std::optional<FaultSpec> draw_fault(const ScenarioRequest& ground, const Choice& choice,
                                    const Trigger& trigger, bool last) {
  std::vector<std::pair<const FaultKind*, Side>> able;
  const bool any = last || of_100(15);
  for (const auto* kind : choice.kinds)
    for (const auto side : kind->sides)
      if (chosen(ground.sides, side) && (any || !ends_it(*kind)) &&
          kind->excluded(trigger, side).empty())
        able.emplace_back(kind, side);
  if (able.empty()) return std::nullopt;
  const auto& [kind, side] = one_of(able);
  FaultSpec fault{std::string(kind->name), side, trigger, 0, 0};
  draw_numbers(fault, *kind, last);
  return fault;
}

// --- the whole plan ------------------------------------------------------------------------------

// One fault, its kind first: so that those with few points or no company are not forgotten.
void draw_one_fault(Plan& plan, const ScenarioRequest& ground, const Choice& choice) {
  const auto& kind = *one_of(choice.kinds);
  const auto side = one_of(kind.sides);
  std::vector<Trigger> points;
  for (const auto& point : choice.points)
    if (kind.excluded(point, side).empty()) points.push_back(point);
  if (points.empty() || !chosen(ground.sides, side)) return;
  FaultSpec fault{std::string(kind.name), side, moved(one_of(points)), 0, 0};
  draw_numbers(fault, kind, true);
  plan.faults.push_back(std::move(fault));
}

void draw_faults(Plan& plan, const ScenarioRequest& ground, const Choice& choice) {
  if (of_100(20)) return draw_one_fault(plan, ground, choice);
  const auto count = *rc::gen::element<std::size_t>(1, 2, 2, 2, 2, 3, 3, 3, 4);
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < count; ++i)
    places.push_back(i > 0 && of_100(20)
                         ? places.back()
                         : *rc::gen::inRange<std::size_t>(0, choice.points.size()));
  std::sort(places.begin(), places.end());
  for (std::size_t i = 0; i < count; ++i) {
    const bool shared = i > 0 && places[i] == places[i - 1];
    const auto trigger =
        shared ? plan.faults.back().trigger : moved(choice.points[places[i]]);
    // A kind that was healed strikes again.
    if (!plan.faults.empty() && plan.faults.back().heal_after_ms > 0 && !shared && of_100(20)) {
      plan.faults.push_back(plan.faults.back());
      plan.faults.back().trigger = trigger;
    } else if (const auto fault = draw_fault(ground, choice, trigger, i + 1 == count)) {
      plan.faults.push_back(*fault);
    } else {
      return plan.faults.clear();
    }
  }
}

void draw_guest(Plan& plan, const Plan& base) {
  plan.guest.seed = *rc::gen::arbitrary<std::uint64_t>();
  plan.guest.dirty_pages_per_s = base.guest.dirty_pages_per_s;
  if (of_100(40)) plan.guest.dirty_pages_per_s = *rc::gen::inRange<std::uint32_t>(500, 30001);
  plan.guest.disk_writes_per_s = base.guest.disk_writes_per_s;
  if (of_100(30)) plan.guest.disk_writes_per_s = *rc::gen::inRange<std::uint32_t>(50, 501);
  // Whole mebibytes more: what is odd about the base size stays (docs/memory-size.md).
  const auto more = of_100(70) ? 0 : *rc::gen::element<std::uint64_t>(8, 16, 48, 112);
  plan.guest.memory_bytes = base.guest.memory_bytes + more * kMiB;
}

void draw_parameters(Plan& plan, const Plan& base) {
  plan.least_passes = base.least_passes;
  plan.bandwidth_bytes_per_s = base.bandwidth_bytes_per_s;
  plan.downtime_limit_ms = base.downtime_limit_ms;
  if (of_100(30)) plan.downtime_limit_ms = *rc::gen::inRange<std::uint32_t>(50, 1001);
  // What passes in the 1 ms of downtime that a post-copy is allowed before its switch must be less
  // than the guest dirties, or all is over before the switch.
  const bool postcopy = mode_from(base.mode).postcopy();
  const std::uint64_t fastest = postcopy ? 64 : 256;
  if (postcopy && plan.bandwidth_bytes_per_s == 0) plan.bandwidth_bytes_per_s = fastest * kMiB;
  if (of_100(30))
    plan.bandwidth_bytes_per_s = *rc::gen::inRange<std::uint64_t>(32, fastest + 1) * kMiB;
  // What the guest owns, 8.5 MiB, has to fit into the downtime, or nothing ever converges.
  const auto fits = plan.bandwidth_bytes_per_s / 1000 * plan.downtime_limit_ms;
  if (plan.bandwidth_bytes_per_s != 0 && fits < 16 * kMiB)
    plan.downtime_limit_ms = std::max(plan.downtime_limit_ms, base.downtime_limit_ms + 300);
  if (of_100(15)) {
    several_passes(plan);
    plan.least_passes = *rc::gen::inRange<std::uint32_t>(2, 5);
    plan.downtime_limit_ms = base.downtime_limit_ms;
  }
}

// What a post-copy needs that its pages follow, and a recovery that there is one.
void repair_postcopy(Plan& plan, const ScenarioRequest& ground, const Catalogs& catalogs) {
  // A guest that dirties little leaves nothing that could follow.
  plan.guest.dirty_pages_per_s =
      std::max(plan.guest.dirty_pages_per_s, ground.base.guest.dirty_pages_per_s);
  several_passes(plan);
  plan.least_passes = rounds_before_postcopy(plan);
  const auto recovering =
      std::find_if(plan.faults.begin(), plan.faults.end(), [](const FaultSpec& fault) {
        return fault.trigger.point.phase == Phase::recover;
      });
  if (recovering == plan.faults.end()) return;
  const bool broken = std::any_of(plan.faults.begin(), recovering, [&](const FaultSpec& fault) {
    return catalogs.find_fault(fault.kind).opens_recovery && fault.channel.empty() &&
           fault.trigger.point.phase == Phase::postcopy;
  });
  if (!broken) plan.faults.insert(recovering, breaks_postcopy(catalogs));
  if (plan.faults.size() > kFaultsAtOnceMax) plan.faults.pop_back();
}

// What follows from the kinds: a pass that comes, a transport and a disk that show them, patience.
void repair(Plan& plan, const ScenarioRequest& ground, const Catalogs& catalogs) {
  if (mode_from(plan.mode).postcopy()) repair_postcopy(plan, ground, catalogs);
  const auto kinds = catalogs.kinds_of(plan);
  bool tcp = false;
  std::uint32_t patience = ground.base.patience_ms, heals = 0;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    auto& fault = plan.faults[i];
    const auto& name = fault.trigger.point.name;
    if (name.starts_with("pass:") && name != "pass:1" && plan.least_passes < 4)
      several_passes(plan);
    tcp = tcp || kinds[i]->transport == Transport::tcp || kinds[i]->needs_tcp;
    // On tight buffers a source that is blocked for good is not always freed by a yank (QEMU 7.2).
    tcp = tcp || (kinds[i]->effect == Effect::silences_channel && fault.heal_after_ms == 0);
    if (fault.heal_after_ms == 0) continue;
    heals += fault.heal_after_ms;
    patience = std::max({patience, kinds[i]->patience_ms, kHangPatienceMs});
  }
  plan.patience_ms = patience + (plan.faults.size() > 1 ? heals : 0);
  if (tcp) plan.transport = Transport::tcp;
  if (ground.transport) plan.transport = *ground.transport;
  if (mode_from(plan.mode).needs_tcp()) plan.transport = Transport::tcp;
  const auto shows = [&](std::string_view disk) {
    return std::all_of(kinds.begin(), kinds.end(),
                       [&](const auto* kind) { return disk_for(*kind, disk) == disk; });
  };
  for (const auto disk : kDisks)
    if (!shows(plan.disk) && shows(disk)) plan.disk = disk;
}

Plan draw_plan(const ScenarioRequest& ground, const Choice& choice, const Catalogs& catalogs) {
  Plan plan = ground.base;
  plan.scenario = kSearchScenario;
  draw_guest(plan, ground.base);
  draw_parameters(plan, ground.base);
  plan.transport = *rc::gen::element(Transport::tcp, Transport::unix_tight);
  // A disk that storage daemons export needs a machine that can run them.
  const bool daemons = ground.missing.count("storage-daemon") == 0;
  if (of_100(40)) plan.disk = *rc::gen::element<std::string>("none", "raw", "qcow2", "nbd");
  if (plan.disk == "nbd" && !daemons) plan.disk = ground.base.disk;
  draw_faults(plan, ground, choice);
  if (!plan.faults.empty()) repair(plan, ground, catalogs);
  return plan;
}

// --- another plan near one -----------------------------------------------------------------------

void change_one(Plan& plan, const ScenarioRequest& ground, const Choice& choice,
                const Catalogs& catalogs) {
  const auto which = *rc::gen::inRange<std::size_t>(0, plan.faults.size());
  auto& fault = plan.faults[which];
  const auto& kind = catalogs.find_fault(fault.kind);
  const bool last = which + 1 == plan.faults.size();
  switch (*rc::gen::inRange(0, 7)) {
    case 0:  // another point
      fault.trigger = moved(one_of(choice.points));
      break;
    case 1:  // a little further, or back to the point
      fault.trigger.point.plus_bytes = 0;
      fault.trigger = moved(fault.trigger);
      break;
    case 2:  // another fault at this point
      if (const auto other = draw_fault(ground, choice, fault.trigger, last)) fault = *other;
      break;
    case 3:  // one more
      if (const auto more = draw_fault(ground, choice, moved(one_of(choice.points)), last))
        plan.faults.insert(plan.faults.begin() + std::ptrdiff_t(which), *more);
      break;
    case 4:  // one less
      if (plan.faults.size() > 1) plan.faults.erase(plan.faults.begin() + std::ptrdiff_t(which));
      break;
    case 5:
      draw_numbers(fault, kind, last);
      break;
    default:
      draw_guest(plan, ground.base);
      draw_parameters(plan, ground.base);
  }
}

// The n-th word of a seed's sequence, without the ones before it.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t n) {
  std::uint64_t state = seed ^ (n * 0x9e3779b97f4a7c15ULL);
  return next_random(state);
}

template <typename Draw>
auto drawn_with(std::uint64_t seed, const Draw& draw) {
  return rc::gen::exec(draw)(rc::Random(seed), rc::kNominalSize).value();
}

std::string coarse(const FaultSpec& fault) {
  return fmt::format("{}/{}-{}", to_string(fault.trigger.point.phase), fault.kind,
                     to_string(fault.side));
}

}  // namespace

FaultSpec breaks_postcopy(const Catalogs& catalogs) {
  FaultSpec fault;
  for (const auto& kind : catalogs.faults)
    if (kind.opens_recovery) fault.kind = kind.name;
  fault.trigger = trigger_from("postcopy/page:50");
  return fault;
}

// The discard list names what a second round made stale.
std::uint32_t rounds_before_postcopy(const Plan& plan) {
  const bool before = std::any_of(plan.faults.begin(), plan.faults.end(), [](const FaultSpec& one) {
    const auto& point = one.trigger.point;
    return point.phase == Phase::reserve || point.phase == Phase::precopy ||
           point.name == "discard";
  });
  return before ? 2 : 1;
}

PlanGenerator::PlanGenerator(std::vector<ScenarioRequest> grounds, const Catalogs& catalogs)
    : grounds_(std::move(grounds)), catalogs_(catalogs) {
  for (auto& ground : grounds_) {
    // Nobody has chosen it for an accelerator yet: any size will do to see what goes together.
    if (ground.base.guest.memory_bytes == 0) ground.base.guest.memory_bytes = 16 * kMiB;
    for (const auto& name : ground.faults) catalogs_.find_fault(name);
    const auto choice = choice_of(ground, catalogs_);
    if (choice.points.empty())
      throw UsageError(
          "--point: no point of a migration on this machine is among those asked for; see `migfuzz "
          "list points`");
    if (choice.kinds.empty()) throw UsageError("--fault: this machine can do none of them");
  }
  if (!candidate(0))
    throw UsageError(
        "search: no plan has only the chosen points, faults and sides; see `migfuzz list faults`");
}

bool PlanGenerator::accepts(const Plan& plan) const {
  if (plan.faults.empty()) return false;
  for (const auto& fault : plan.faults) {
    const auto point = to_string(fault.trigger.point);
    const bool cont = point == "activate/before-cont" || point == "activate/cont-journalled";
    if (cont && !catalogs_.find_protocol(plan.protocol).destination_starts_paused()) return false;
  }
  return accepted(plan, catalogs_);
}

std::optional<Plan> PlanGenerator::candidate(std::uint64_t seed) const {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const auto number = mixed(seed, static_cast<std::uint64_t>(attempt) + 1);
    const auto& ground = grounds_[number % grounds_.size()];
    const auto choice = choice_of(ground, catalogs_);
    auto plan = drawn_with(number, [&] { return draw_plan(ground, choice, catalogs_); });
    if (accepts(plan)) return plan;
  }
  return std::nullopt;
}

std::vector<std::string> PlanGenerator::features_of(const Plan& plan) {
  std::set<std::string> features;
  const auto where = fmt::format("{} {} {} {}", plan.protocol, plan.mode, plan.source.binary,
                                 plan.destination.binary);
  for (std::size_t i = 0; i < plan.faults.size(); ++i) {
    const auto& fault = plan.faults[i];
    auto point = fault.trigger.point;
    point.plus_bytes = 0;
    if (point.name.starts_with("page:")) point.name = "page:N";
    features.insert(fmt::format("{} {}-{} {}", to_string(point), fault.kind, to_string(fault.side),
                                where));
    features.insert(fmt::format("{} {}", coarse(fault), where));
    for (std::size_t j = 0; j < i; ++j)
      features.insert(coarse(plan.faults[j]) + " then " + coarse(fault));
  }
  return {features.begin(), features.end()};
}

// The mean over its features: many faults do not make a plan rare by their number.
double PlanGenerator::rarity_of(const Plan& plan) const {
  const auto features = features_of(plan);
  double sum = 0;
  for (const auto& feature : features) {
    const auto known = drawn_.find(feature);
    sum += 1 / (1 + (known == drawn_.end() ? 0 : known->second));
  }
  return sum / static_cast<double>(features.size());
}

double PlanGenerator::score_of(const Plan& plan) const {
  return worth_ ? std::sqrt(rarity_of(plan)) * worth_(plan) : rarity_of(plan);
}

PlannedCase PlanGenerator::draw() {
  const auto seed = mixed(grounds_.front().base.seed, ++number_);
  std::optional<Plan> best;
  double best_score = 0;
  const std::uint64_t candidates = worth_ ? kPreferredCandidates : kCandidates;
  for (std::uint64_t i = 0; i < candidates; ++i) {
    auto plan = candidate(mixed(seed, i));
    const double score = plan ? score_of(*plan) : 0;
    if (score <= best_score) continue;
    best = std::move(plan);
    best_score = score;
  }
  if (!best) throw UsageError("search: nothing more can be drawn; widen --point or --fault");
  for (const auto& feature : features_of(*best)) drawn_[feature] += 1;
  return {std::move(*best), std::nullopt};
}

void PlanGenerator::learn(const Plan& plan, bool delivered) {
  if (delivered) return;
  for (const auto& feature : features_of(plan))
    if (auto& count = drawn_[feature]; count >= 0.5) count -= 0.5;
}

std::optional<PlannedCase> PlanGenerator::mutate(const PlannedCase& planned,
                                                 std::uint64_t seed) const {
  const auto own = [&](const ScenarioRequest& ground) {
    return ground.base.protocol == planned.plan.protocol &&
           ground.base.mode == planned.plan.mode &&
           ground.base.source == planned.plan.source &&
           ground.base.destination == planned.plan.destination;
  };
  const auto ground = std::find_if(grounds_.begin(), grounds_.end(), own);
  if (ground == grounds_.end() || planned.plan.faults.empty()) return std::nullopt;
  const auto choice = choice_of(*ground, catalogs_);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const auto number = mixed(seed, static_cast<std::uint64_t>(attempt) + 1);
    auto plan = drawn_with(number, [&] {
      auto other = planned.plan;
      for (auto changes = *rc::gen::inRange(1, 4); changes > 0; --changes)
        change_one(other, *ground, choice, catalogs_);
      repair(other, *ground, catalogs_);
      return other;
    });
    plan.scenario = kSearchScenario;
    if (plan != planned.plan && accepts(plan)) return PlannedCase{std::move(plan), std::nullopt};
  }
  return std::nullopt;
}

}  // namespace migfuzz
