#include "harness/director.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <utility>

#include "harness/arbiter.h"
#include "harness/core/error.h"
#include "harness/core/mode.h"
#include "harness/core/stacks_text.h"
#include "harness/fault_runs.h"

namespace migfuzz {
namespace {

constexpr Milliseconds kTurn{5};          // looks at least this often while nothing happens
constexpr Milliseconds kBeatLimit{5000};  // a running guest beats every 4 ms; this is a hang
constexpr Milliseconds kQuitLimit{5000};  // `quit` takes 10-20 ms
constexpr Milliseconds kPlaceLimit{45000};  // for other VMs; a case may take 90 s
constexpr Milliseconds kReadLimit{2000};    // of one sector; it takes 30 ms
constexpr Milliseconds kNoticeLimit{1000};  // a guest looks every few milliseconds
constexpr std::uint64_t kBeatsWanted = 3;
// For a client to be answered again: TCP doubles its retransmission timer, from 0.2 s, with every
// loss (RFC 6298), so after a blackout of some seconds it may ask again only as long after.
constexpr Milliseconds kClientLimit{15000};
constexpr std::uint64_t kAnswersWanted = 2;
// Where nothing fails (before the fault, in a second migration) the manager is this patient.
constexpr Milliseconds kFaultlessPatience{5000};
constexpr std::uint64_t kPageBytes = 4096;

class Director {
 public:
  Director(const Plan& plan, World& world, const Protocol& protocol, const Guest& guest,
           std::vector<const FaultKind*> kinds, Convoy* convoy)
      : plan_(plan),
        convoy_(convoy),
        world_(world),
        protocol_(protocol),
        guest_(guest),
        faults_(world, plan, std::move(kinds)),
        arbiter_(Arbiter(protocol, world.journal())) {}

  /// The whole case.
  Evidence run() {
    evidence_.expected = faults_.expected();
    faults_.before_start();
    world_.start();
    open_migration();
    settle();
    stay_with_others();
    plant_after_settling();
    verify();
    if (faults_.for_good()) evidence_.blocked = refusal_since(0);
    if (can_retry()) retry();
    tear_down();
    collect();
    start_again_by_policy();
    return std::move(evidence_);
  }

 private:
  // The director of a second migration: no fault, and a destination of another name.
  Director(const Director& first, std::string destination)
      : plan_(first.plan_),
        world_(first.world_),
        protocol_(first.protocol_),
        guest_(first.guest_),
        faults_(first.world_, first.plan_, {}),
        arbiter_(Arbiter(protocol_, world_.journal())),
        destination_(std::move(destination)) {}

  void note(std::string_view actor, std::string_view kind, std::string_view name,
            Fields fields = {}) {
    world_.history().add(actor, kind, name, std::move(fields));
  }

  // --- the migration and its faults ------------------------------------------------------------

  void open_migration() {
    note("director", "phase", "prepare");
    faults_.arm();
    started_ = acted_ = world_.now();
    if (!mirrors_) begin();  // else once the disk is there: step_mirror()
  }

  void begin() {
    wait_for_a_place();
    give_notice();
    if (pass("prepare/ready"))
      wait_until("the faults' effect before the migration", [&] { return !holds_arbiter(); },
                 kDeliveryLimit);
    look_at_storage();
    read_clock(Side::source);
    snapshot_least_ = recorded_step(Side::source);
    if (met_) refused_ = "a host was lost before its migration began";
    if (refused_.empty()) world_.migrate();
    begun_ = true;
    faults_.restart_deadlines();
    started_ = acted_ = world_.now();
  }

  // --- other VMs that leave the same host --------------------------------------------------------

  // Until it may migrate the VM runs where it is; its host may be lost meanwhile.
  void wait_for_a_place() {
    if (convoy_ == nullptr || destination_ != "destination") return;
    const auto free = [&] { return meet_others() || convoy_->begin(); };
    if (!wait_until("a place among the migrations under way", free, kPlaceLimit))
      throw InfraError("no place among the migrations under way became free");
    meet_others();
  }

  // True when the host is lost. A fault of a whole host is everybody's on it.
  bool meet_others() {
    if (convoy_ == nullptr || destination_ != "destination") return false;
    if (convoy_->leads() && faults_.hit_host()) convoy_->lose_host();
    if (!convoy_->host_lost()) return false;
    if (!convoy_->leads() && !std::exchange(met_, true)) faults_.strike_now();
    return true;
  }

  // It has settled, and runs on where it is until the others have: a host that is lost meanwhile
  // may be its own.
  void stay_with_others() {
    if (convoy_ == nullptr) return;
    convoy_->settled();
    const bool met_before = met_;
    const auto over = [&] { return convoy_->all_settled() || (meet_others() && !met_before); };
    if (convoy_->leads() || met_before) return;
    if (!wait_until("the other VMs to settle", over, kPlaceLimit))
      throw InfraError("the other VMs of the host did not settle");
    if (met_) settle();
  }

  // --- the manager's policies --------------------------------------------------------------------

  void look_at_storage() {
    if (!plan_.policy.checks_storage) return;
    constexpr std::array kBoth{Side::source, Side::destination};
    for (const auto side : kBoth) world_.read_storage(side);
    const auto answered = [&] {
      return std::all_of(kBoth.begin(), kBoth.end(),
                         [&](Side side) { return world_.storage_answer(side).has_value(); });
    };
    world_.pump(answered, world_.now() + kReadLimit);
    for (const auto side : kBoth)
      if (const auto why = world_.storage_answer(side).value_or("no answer");
          !why.empty() && refused_.empty())
        refused_ = fmt::format("the {} does not reach the disk: {}", actor(side), why);
    note("arbiter", "policy", "storage looked at",
         {{"answer", refused_.empty() ? std::string("both hosts reach it") : refused_}});
  }

  void give_notice() {
    const auto words = guest_.notice(plan_.guest);
    if (!plan_.policy.notice || !words || !refused_.empty()) return;
    const auto told = world_.now();
    world_.poke(Side::source, words->gpa, words->bytes);
    note("arbiter", "policy", "notice given");
    const auto answered = [&] {
      const auto records = guest_.parse(plan_.guest, world_.guest_text(Side::source)).records;
      return std::any_of(records.begin(), records.end(), [](const GuestRecord& one) {
        return one.kind == GuestRecord::Kind::noticed;
      });
    };
    const bool heard = wait_until("the guest's answer to the notice", answered, kNoticeLimit);
    evidence_.notice = heard ? std::chrono::duration_cast<Milliseconds>(world_.now() - told)
                             : Milliseconds(-1);
    if (heard) note("arbiter", "policy", "notice answered");
  }

  // Why nobody will migrate this VM; only a source that never began can say so.
  std::string refusal() const {
    if (!refused_.empty()) return refused_;
    const auto migration = world_.sight(Side::source).migration;
    const bool never = migration == MigrationStatus::none || migration == MigrationStatus::unknown;
    const auto words = begun_ && never ? refusal_since(0) : "";
    return words.empty() ? "" : "the source refuses to migrate: " + words;
  }

  std::string why_start_again() const {
    if (plan_.policy.moves_blocked && !evidence_.blocked.empty())
      return "it cannot be migrated: " + evidence_.blocked;
    return plan_.policy.restarts && is_lost(evidence_) ? "nobody runs it any more" : "";
  }

  // Both processes have ended, so that nobody else can write to the disk.
  void start_again_by_policy() {
    const auto why = why_start_again();
    if (why.empty()) return;
    auto& restart = evidence_.restart.emplace();
    restart.why = why;
    if (mirrors_ || guest_.wake(plan_.guest)) {
      restart.refused = true;
      restart.why = mirrors_ ? "its disk was the other host's own"
                             : "this guest does not start from its disk: it is restored";
      note("arbiter", "policy", "restart refused", {{"why", restart.why}});
      return;
    }
    world_.persist("restart");
    note("arbiter", "decision", "restart", {{"why", why}});
    world_.restart();
    destination_ = "restarted";
    restart.beats = wait_for_beats(Side::destination, kBeatsWanted);
    world_.quit(Side::destination);
    wait_until("the restarted VM's end", [&] { return world_.sight(Side::destination).dead; },
               kQuitLimit);
    if (!world_.sight(Side::destination).dead) world_.kill(Side::destination);
    restart.host.ending = world_.sight(Side::destination).ending;
    restart.host.guest_text = world_.guest_text(Side::destination);
    restart.host.messages = world_.messages(Side::destination);
    restart.records = guest_.parse(plan_.guest, restart.host.guest_text);
  }

  // --- the disk, in a mode that mirrors it -----------------------------------------------------

  // Before `migrate`: the next step of the mirror, and `migrate` once it has caught up. One that
  // failed, and a host that is gone, are the arbiter's.
  void step_mirror() {
    if (begun_) return;
    const auto state = world_.mirror().state;
    using State = MirrorSight::State;
    if (world_.arbiter().wanted != ArbiterSight::State::decides) {
      if (state == State::none) world_.arbiter().due = "mirror";
      if (state == State::running) world_.arbiter().due = "hurry-mirror";
      if (state == State::ready) world_.arbiter().due = "migrate";
      return;
    }
    if (holds_arbiter()) return;
    if (world_.sight(Side::source).dead || world_.sight(Side::destination).dead) return;
    if (state == State::none && !pass("storage/job-start")) act_on_mirror(&World::start_mirror);
    const bool copies = state == State::running || state == State::ready;
    if (!copies || pass("storage/mirroring")) return;
    if (!std::exchange(hurried_, true)) act_on_mirror(&World::hurry_mirror);
    if (state == State::ready && !pass("storage/ready")) begin();
  }

  void act_on_mirror(void (World::*what)()) {
    (world_.*what)();
    acted_ = world_.now();
  }

  // The source stands at pre-switchover: what is left of its disk is copied before it goes on.
  bool mirror_has_ended() {
    const auto state = world_.mirror().state;
    using State = MirrorSight::State;
    if (state == State::ready && !pass("storage/pre-switchover"))
      act_on_mirror(&World::end_mirror);
    if (state != State::ended) return false;
    if (!evidence_.disks) evidence_.disks = world_.compare_disks();
    return !pass("storage/job-gone");
  }

  // No fault meets the mirror of a second migration.
  bool mirror_again() {
    world_.start_mirror();
    const auto is = [&](MirrorSight::State state) { return world_.mirror().state == state; };
    using State = MirrorSight::State;
    const auto copies = [&] { return is(State::running) || is(State::ready) || is(State::failed); };
    if (wait_until("the second mirror to begin", copies, kQuitLimit)) world_.hurry_mirror();
    const auto ready = [&] { return is(State::ready) || is(State::failed); };
    wait_until("the second mirror to catch up", ready, kQuitLimit);
    return is(State::ready);
  }

  // --- the file, in a mode that goes through one -----------------------------------------------

  // No byte of it passes here: its points are where the manager stands.
  void step_saving() {
    if (!through_file_ || hurried_) return;
    const auto& source = world_.sight(Side::source);
    if (source.dead || source.migration != MigrationStatus::active) return;
    if (world_.arbiter().wanted != ArbiterSight::State::decides) {
      world_.arbiter().due = "hurry-saving";
      return;
    }
    if (holds_arbiter() || pass("precopy/saving")) return;
    hurried_ = true;
    world_.hurry_saving();
    acted_ = world_.now();
  }

  // --- the snapshot, in a mode that takes one -------------------------------------------------

  // The source has stopped, is what the snapshot will be, and runs on.
  void watch_snapshot() {
    if (!in_snapshot_mode() || evidence_.snapshot_steps) return;
    // A guest that was restored has resumed before, too.
    const auto* told = world_.history().first("source", "qmp-command", "migrate");
    const auto* resumed = world_.history().last("source", "qmp-event", "RESUME");
    if (told != nullptr && resumed != nullptr && resumed->seq > told->seq)
      evidence_.snapshot_steps = {snapshot_least_, recorded_step(Side::source)};
  }

  // Before the destination is ended: what it holds, when it says that it has all of it.
  void keep_snapshot() {
    const auto sight = world_.sight(Side::destination);
    if (!in_snapshot_mode() || sight.dead || sight.migration != MigrationStatus::completed) return;
    evidence_.exam_at_switch =
        guest_.examine(plan_.guest, world_.image(Side::destination), snapshot_least_);
  }

  bool stands_at_file(Action action) {
    if (!through_file_) return false;
    if (action == Action::continue_switchover) return pass("stopcopy/paused");
    if (action == Action::load_file) return saved() && pass("commit/file-complete");
    return action == Action::hand_over && pass("commit/file-loaded");
  }

  bool saved() const {
    return world_.sight(Side::source).migration == MigrationStatus::completed;
  }

  void read_clock(Side side) {
    const auto guest = guest_.clock(plan_.guest, world_.image(side));
    const std::chrono::nanoseconds at = world_.now() - world_.history().start();
    if (guest) evidence_.clock.push_back({std::string(actor(side)), at.count(), *guest});
  }

  // A point of the director's own has been reached; true when a fault strikes here.
  bool pass(std::string_view point) {
    if (destination_ != "destination") return false;  // a second migration has no points
    const bool first = passed_.insert(std::string(point)).second;
    if (const auto phase = point_from(point).phase; first && through_file_ && phase != phase_)
      note("director", "phase", to_string(phase_ = phase));
    if (first)
      note("director", "point", point, {{"offset", std::int64_t(world_.channel().forwarded)}});
    if (convoy_ != nullptr && !convoy_->leads()) return false;  // it is met, and meets nobody
    return faults_.reach(point);
  }

  // What stands at a point of the director's own is the arbiter: until a fault that strikes there
  // has shown its effect nothing is decided.
  bool holds_arbiter() {
    faults_.step();
    return faults_.holds_arbiter();
  }

  void settle() {
    auto settle_deadline = started_ + kTriggerLimit + kSettleLimit;
    for (;;) {
      meet_others();
      if (faults_.step()) settle_deadline = world_.now() + kDeliveryLimit + kSettleLimit;
      step_mirror();
      step_saving();
      watch_snapshot();
      if (step_arbiter() && stays()) break;
      if (gave_up_) return expire();
      const auto since = std::max(started_, faults_.acted());
      if (faults_.any_waiting() && world_.now() > since + kTriggerLimit) {
        faults_.give_up_waiting();
        settle_deadline = std::max(settle_deadline, world_.now() + kSettleLimit);
      }
      if (world_.now() > settle_deadline) return expire();
      const auto mark = world_.last_progress();
      world_.pump([&] { return world_.last_progress() != mark; }, world_.now() + kTurn);
    }
    faults_.heal_all();
    regain_sight();
    evidence_.settled = true;
    evidence_.settle_note =
        fmt::format("settled {:.0f} ms after `migrate`", milliseconds(world_.now() - started_));
  }

  // The arbiter is done, and its faults of storage are healed: a write that had failed before may
  // still stop its guest. QEMU says so later than that (BLOCK_IO_ERROR first, then STOP).
  bool stays() {
    if (!faults_.hits_storage()) return true;
    std::vector<std::pair<Side, std::uint64_t>> wanted;
    const auto runs = [&](Side side) {
      const auto sight = world_.sight(side);
      return !sight.dead && sight.run == RunState::running;
    };
    for (const auto side : {Side::source, Side::destination})
      if (runs(side)) wanted.emplace_back(side, beats(side) + kBeatsWanted);
    const auto stopped = [&] {
      return std::any_of(wanted.begin(), wanted.end(),
                         [&](const auto& one) { return !runs(one.first); });
    };
    wait_until("whoever runs to go on", [&] {
      return stopped() || std::all_of(wanted.begin(), wanted.end(), [&](const auto& one) {
               return beats(one.first) >= one.second;
             });
    }, kBeatLimit);
    return !stopped();
  }

  static double milliseconds(Clock::duration d) {
    return std::chrono::duration<double, std::milli>(d).count();
  }

  // Of a host that is waited for in vain the evidence shows where its threads stand; one that the
  // plan froze stands where the plan put it.
  void keep_stacks(Side side, std::string_view waited_for) {
    if (world_.sight(side).dead || world_.frozen(side)) return;
    world_.keep_stacks(side, fmt::format("waited in vain for {}", waited_for));
    Fields fields{{"waited for", std::string(waited_for)}};
    if (auto where = waits_for_side_channels(world_.stacks(side)); !where.empty())
      fields.emplace_back("side channels", std::move(where));
    note(actor(side), "note", "stacks kept", std::move(fields));
  }

  void expire() {
    const auto last_events = world_.history().tail(8);
    for (const auto side : {Side::source, Side::destination})
      keep_stacks(side, "the migration to settle");
    evidence_.settled = false;
    evidence_.settle_note = fmt::format(
        "not settled {:.0f} ms after `migrate`; the arbiter {} (source: {} {}{}, destination: "
        "{} "
        "{}{})\nlast events:\n{}",
        milliseconds(world_.now() - started_), gave_up_ ? "gave up" : "waits",
        to_string(world_.sight(Side::source).run),
        to_string(world_.sight(Side::source).migration),
        world_.sight(Side::source).answers ? "" : " silent",
        to_string(world_.sight(Side::destination).run),
        to_string(world_.sight(Side::destination).migration),
        world_.sight(Side::destination).answers ? "" : " silent", last_events);
    faults_.heal_all();
  }

  // What happened while the manager could not see a host is known only when it has asked again.
  void regain_sight() {
    if (!faults_.blinds_manager()) return;
    const auto seen = [&](Side side) {
      const auto sight = world_.sight(side);
      return sight.dead || sight.run != RunState::unknown;
    };
    ask_both();
    const auto both = [&] { return seen(Side::source) && seen(Side::destination); };
    wait_until("both hosts to be seen again", both, kQuitLimit);
  }

  // --- the arbiter -----------------------------------------------------------------------------

  Clock::time_point last_action() const { return std::max(acted_, faults_.acted()); }
  Clock::time_point last_moved() const { return std::max(world_.last_progress(), last_action()); }

  void ask_both() {
    for (const auto side : {Side::source, Side::destination})
      if (!world_.sight(side).dead) world_.ask(side);
  }

  Situation look() const {
    Situation situation;
    situation.source = world_.sight(Side::source);
    situation.destination = world_.sight(Side::destination);
    const auto since = [&](Clock::time_point then) {
      return std::chrono::duration_cast<Milliseconds>(world_.now() - then);
    };
    const auto moved = last_moved();
    situation.begun = begun_;
    situation.refused = refusal();
    situation.mirror = world_.mirror();
    situation.quiet = since(moved) - starved_since(moved);
    situation.since_action = since(last_action());
    // Until a fault strikes, only a machine that is busy elsewhere can make a migration stand.
    situation.through_file = through_file_;
    situation.snapshot = in_snapshot_mode();
    situation.postcopy = in_postcopy_mode();
    situation.switch_due = situation.postcopy && world_.passes() >= plan_.least_passes;
    situation.patience =
        faults_.none_has_struck() ? std::max(patience_, kFaultlessPatience) : patience_;
    // Silence counts against a host only when it was asked and had the time to answer: on a machine
    // that stood still for a while nobody was.
    const bool asked = first_question_ && *first_question_ >= moved &&
                       since(*first_question_) >= situation.patience / 2;
    if (!asked) situation.quiet = std::min(situation.quiet, situation.patience - Milliseconds(1));
    situation.destination_fresh = asked_at_ && world_.last_answer(Side::destination) >= *asked_at_;
    return situation;
  }

  // What does not count as silence. A host that was stopped is not ready to run, and has none.
  Milliseconds starved_since(Clock::time_point moved) const {
    const auto now = world_.starved();
    if (moved != starved_from_ || now < starved_before_) {
      starved_from_ = moved;
      starved_before_ = now;
    }
    return std::chrono::duration_cast<Milliseconds>(now - starved_before_);
  }

  // A host that has not said anything for a while is asked: whoever hangs is found out by that.
  void ask_the_silent(const Situation& situation) {
    if (situation.quiet <= situation.patience / 4 || world_.now() <= next_question_) return;
    next_question_ = world_.now() + situation.patience / 4;
    if (!first_question_ || *first_question_ < last_moved()) first_question_ = world_.now();
    ask_both();
  }

  // No event tells that the package has been read and that the destination waits for `cont`.
  static bool awaits_package(const Situation& s) {
    return s.postcopy && s.source.migration == MigrationStatus::postcopy_active &&
           !s.destination.dead && s.destination.run == RunState::inmigrate;
  }

  // The arbiter's own failures. While it is away nobody decides, asks or sends; what one would do
  // now is reported, because that nothing happens then is the only thing that shows its absence.
  bool arbiter_is_away() {
    auto& sight = world_.arbiter();
    const bool away = sight.wanted != ArbiterSight::State::decides;
    if (!away && arbiter_) return false;
    if (!away) return restart_arbiter();
    if (unsent_) sight.due = to_string(*unsent_);
    if (sight.wanted == ArbiterSight::State::gone && arbiter_) {
      arbiter_.reset();
      unsent_.reset();
      asked_at_.reset();
      sight.exists = false;
      note("arbiter", "note", "gone", {{"journal entries", std::int64_t(sight.journal_entries)}});
    }
    if (!sight.due.empty()) return true;
    const auto decision =
        arbiter_ ? arbiter_->next(look()) : Arbiter(protocol_, world_.journal()).next(look());
    if (decision.action != Action::wait) sight.due = to_string(decision.action);
    return true;
  }

  // A new arbiter knows the journal, and of the hosts what they answer from now on.
  bool restart_arbiter() {
    const auto words = world_.journal();
    arbiter_.emplace(protocol_, words);
    world_.arbiter().exists = true;
    acted_ = world_.now();
    ask_both();
    note("arbiter", "note", "started", {{"journal entries", std::int64_t(words.size())}});
    return false;
  }

  // Of what it last told a host that it hears again, a manager knows only that it meant to: as much
  // as one that has just started.
  void forget_unanswered() {
    const std::pair heard{world_.sight(Side::source).regained,
                          world_.sight(Side::destination).regained};
    if (std::exchange(regained_, heard) != heard) arbiter_.emplace(protocol_, world_.journal());
  }

  // True when the protocol says that everything has settled.
  bool step_arbiter() {
    if (arbiter_is_away()) return false;
    if (holds_arbiter()) return false;
    if (unsent_) carry_out(*std::exchange(unsent_, std::nullopt));
    forget_unanswered();
    const auto situation = look();
    ask_the_silent(situation);
    if (awaits_package(situation)) world_.ask(Side::destination);
    if (situation.destination.run == RunState::running && pass("activate/resumed")) return false;
    const auto [action, why] = arbiter_->next(situation);
    if (action == Action::wait) return false;
    // A fault in force may undo what has settled: a host that was told to quit is up, one whose
    // disk fails has just said that it runs.
    const bool last = action == Action::done || action == Action::give_up;
    if (last && faults_.under_way()) return false;
    // The canaries' arbiter forgets to end the host that lost: the defect could not show otherwise.
    if (!plan_.plant.empty() && action == Action::discard_source) return true;
    const bool about_to_run =
        action == Action::ask_destination || action == Action::run_destination;
    if (mirrors_ && action == Action::continue_switchover && !mirror_has_ended()) return false;
    if (mirrors_ && (about_to_run || action == Action::discard_source) && !exported_over_) {
      if (pass("storage/switched")) return false;
      exported_over_ = true;
      world_.end_export();
    }
    if (stands_at_file(action)) return false;
    if (about_to_run && pass("activate/before-cont")) return false;
    if (action == Action::discard_source && pass("activate/before-discard")) return false;
    if (action == Action::recover && pass("recover/paused")) return false;
    world_.persist(to_string(action));
    arbiter_->note(action);
    note("arbiter", "decision", to_string(action), {{"why", why}});
    if (action == Action::run_destination && pass("activate/cont-journalled")) {
      acted_ = world_.now();
      unsent_ = action;
      return false;
    }
    carry_out(action);
    gave_up_ = action == Action::give_up;
    return action == Action::done;
  }

  void carry_out(Action action) {
    const auto before = world_.now();
    for (const auto& [fences, side] : {std::pair(Action::fence_source, Side::source),
                                       std::pair(Action::fence_destination, Side::destination)})
      if (action == fences && !world_.sight(side).answers)
        keep_stacks(side, "an answer to the arbiter");
    act(action);
    acted_ = world_.now();
    asked_at_.reset();
    if (action == Action::ask_destination) asked_at_ = before;
  }

  void act(Action action) {
    switch (action) {
      case Action::continue_switchover:
        return world_.continue_switchover();
      case Action::cancel:
        return world_.cancel();
      case Action::yank_source:
        return world_.yank(Side::source);
      case Action::yank_destination:
        return world_.yank(Side::destination);
      case Action::fence_source:
        return fence(Side::source);
      case Action::fence_destination:
        return fence(Side::destination);
      case Action::run_source:
        return world_.resume(Side::source);
      case Action::run_destination:
        return run_destination();
      case Action::discard_source:
        return world_.quit(Side::source);
      case Action::ask_destination:
        return world_.ask(Side::destination);
      case Action::start_postcopy:
        return world_.start_postcopy();
      case Action::pause_source:
        return world_.pause_channel(Side::source);
      case Action::pause_destination:
        return world_.pause_channel(Side::destination);
      case Action::recover:
        faults_.mend_channel();  // a manager recovers over a network that is whole again
        return world_.recover();
      case Action::load_file:
        return world_.load_file();
      case Action::take_back:
        keep_snapshot();
        return world_.abandon_mirror();
      case Action::hand_over:
      case Action::wait:
      case Action::give_up:
      case Action::done:
        return;
    }
  }

  void fence(Side side) {
    host(side).ended_by_plan = true;
    world_.fence(side);
  }

  // The host that is up now: once there is a second destination, that one.
  HostEvidence& host(Side side) {
    if (side == Side::source) return evidence_.source;
    return evidence_.retry ? evidence_.retry->destination : evidence_.destination;
  }

  // The first migration only: a second one is plain, and shows that the source is sound.
  bool in_postcopy_mode() const { return mode_.postcopy() && destination_ == "destination"; }

  bool in_snapshot_mode() const { return mode_.snapshot() && destination_ == "destination"; }

  // Whoever looks at a page that has not arrived makes it: QEMU could not place it any more.
  bool lacks_pages(Side side) const {
    return side == Side::destination && in_postcopy_mode() &&
           world_.sight(side).migration != MigrationStatus::completed;
  }

  void run_destination() {
    if (lacks_pages(Side::destination)) return world_.resume(Side::destination);
    if (plan_.plant == "stale-page") plant_stale_page();
    read_clock(Side::destination);
    const bool first_time = world_.history().first(actor(Side::destination), "qmp-event",
                                                   "RESUME") == nullptr;
    if (first_time && !evidence_.exam_at_switch) compare_at_switch();
    world_.resume(Side::destination);
    if (plan_.plant == "double-resume" || plan_.plant == "double-writer")
      world_.resume(Side::source);
  }

  // The one moment at which both images stand still: what the destination is about to run is
  // compared with the closed form, and with the source where that has completed. A destination that
  // is told again may have run for a while (it stopped for an error of its disk).
  void compare_at_switch() {
    evidence_.exam_at_switch = guest_.examine(plan_.guest, world_.image(Side::destination),
                                              recorded_step(Side::destination));
    const auto source = world_.sight(Side::source);
    if (!source.dead && source.migration == MigrationStatus::completed) compare_images();
  }

  void compare_images() {
    const auto source = world_.image(Side::source);
    const auto destination = world_.image(Side::destination);
    PairEvidence pair;
    pair.pages = std::min(source.size(), destination.size()) / kPageBytes;
    for (std::uint64_t page = 0; page < pair.pages; ++page) {
      if (std::memcmp(source.data() + page * kPageBytes, destination.data() + page * kPageBytes,
                      kPageBytes) == 0)
        continue;
      if (pair.differing++ < 16) pair.first_differing_gpa.push_back(page * kPageBytes);
    }
    evidence_.pair = pair;
  }

  // --- canaries: defects planted on purpose, which must be found -------------------------------

  void plant_stale_page() {
    // The oldest owned page gets what it held before: exactly what a lost dirty page looks like.
    const auto stale = guest_.stale_page(plan_.guest, world_.image(Side::destination));
    if (!stale) throw InfraError("canary: no page can be made stale yet");
    world_.poke(Side::destination, stale->gpa, stale->content);
    note("director", "note", "planted", {{"what", std::string("stale page")}});
  }

  void plant_after_settling() {
    if (plan_.plant == "second-sender") plant_second_sender();
    if (plan_.plant != "rollback") return;
    // The source is brought back after the destination has run on: an old image of the VM revives.
    wait_for_beats(Side::destination, kBeatsWanted);
    fence(Side::destination);
    wait_until(
        "the fenced destination's end", [&] { return world_.sight(Side::destination).dead; },
        kQuitLimit);
    world_.resume(Side::source);
    note("director", "note", "planted", {{"what", std::string("rollback")}});
    wait_for_beats(Side::source, kBeatsWanted);
  }

  // QEMU does nothing wrong: a frame of the VM comes once more from the host that it has left.
  void plant_second_sender() {
    wait_for_beats(Side::destination, kBeatsWanted);
    world_.repeat_frame(Side::source);
    note("director", "note", "planted", {{"what", std::string("second sender")}});
  }

  // --- what is left ----------------------------------------------------------------------------

  bool wait_until(std::string_view what, const std::function<bool()>& done, Milliseconds limit) {
    const auto deadline = world_.now() + limit;
    while (!done()) {
      if (world_.now() > deadline) {
        note("director", "note", "expired", {{"waited for", std::string(what)}});
        for (const auto side : {Side::source, Side::destination}) keep_stacks(side, what);
        return false;
      }
      const auto mark = world_.last_progress();
      world_.pump([&] { return done() || world_.last_progress() != mark; }, world_.now() + kTurn);
    }
    return true;
  }

  std::string_view actor(Side side) const {
    return side == Side::destination ? std::string_view(destination_) : to_string(side);
  }

  std::uint64_t beats(Side side) const {
    std::uint64_t count = 0;
    for (const auto& event : world_.history().events())
      if (event.kind == "heartbeat" && event.actor == actor(side)) ++count;
    return count;
  }

  std::uint64_t wait_for_beats(Side side, std::uint64_t wanted) {
    const auto before = beats(side);
    wait_until(
        "the survivor's heartbeats", [&] { return beats(side) >= before + wanted; }, kBeatLimit);
    return beats(side) - before;
  }

  void verify() {
    for (const auto side : {Side::source, Side::destination}) {
      host(side).at_settle = world_.sight(side);
      host(side).frozen = !world_.sight(side).dead && world_.frozen(side);
    }
    // What the guest wrote before this is no step after it, however late it is seen.
    world_.pump([] { return true; }, world_.now());
    const auto source_before = beats(Side::source), destination_before = beats(Side::destination);
    const auto runs = [&](Side side) {
      const auto& sight = host(side).at_settle;
      // `answers` is not asked for: a reply that was late when the arbiter was done proves nothing,
      // the guest's own steps do.
      return !sight.dead && !host(side).frozen && sight.run == RunState::running;
    };
    for (const auto side : {Side::source, Side::destination})
      if (runs(side)) wait_for_beats(side, kBeatsWanted);
    evidence_.beats_after_settle_source = beats(Side::source) - source_before;
    evidence_.beats_after_settle_destination = beats(Side::destination) - destination_before;
    ask_clients();
    for (const auto side : {Side::source, Side::destination})
      if (runs(side)) examine(side);
    compare_records();
  }

  // Before the survivor is stopped: whether whoever spoke with the VM still does.
  void ask_clients() {
    if (destination_ != "destination") return;  // of a second migration nobody asks
    const auto before = world_.network();
    if (!before) return;
    auto& network = evidence_.network.emplace();
    const auto more = [](const AnswerSight& now, const AnswerSight& then) {
      return now.answered >= then.answered + kAnswersWanted;
    };
    const auto heard = [&] {
      const auto now = world_.client();
      network.pinged_again = more(now.pings, before->client.pings);
      network.echoed_again = more(now.echoes, before->client.echoes);
      return network.pinged_again && (network.echoed_again || !now.broken.empty());
    };
    const bool runs = evidence_.beats_after_settle_source > 0 ||
                      evidence_.beats_after_settle_destination > 0;
    // A process that ends only now answers nobody, and its end is the finding.
    const auto ended = [&] {
      return (evidence_.beats_after_settle_source > 0 && world_.sight(Side::source).dead) ||
             (evidence_.beats_after_settle_destination > 0 &&
              world_.sight(Side::destination).dead);
    };
    if (runs && evidence_.settled)
      wait_until("the VM's client to be answered again", [&] { return heard() || ended(); },
                 kClientLimit);
    if (ended()) {
      network.unheard = "QEMU ended while it was asked";
      note("director", "note", "client-unheard", {{"why", network.unheard}});
    }
    const auto seen = *world_.network();
    network.client = seen.client;
    network.place = seen.place;
    network.frames_lost = seen.frames_lost;
    for (const auto& [from, at, kind] : seen.frames)
      network.frames.push_back(
          {from, std::chrono::nanoseconds(at - world_.history().start()).count(), kind});
  }

  // Nothing runs any more: the records are complete up to the image that was examined last.
  void compare_records() {
    const auto& last_exam =
        evidence_.destination.exam ? evidence_.destination.exam : evidence_.source.exam;
    last_exam_ = last_exam;
    if (!last_exam) return;
    const auto text = records_so_far();
    if (!guest_.parse(plan_.guest, text).broken)
      evidence_.records_disagree = guest_.disagreement(plan_.guest, *last_exam, text);
  }

  // Of all hosts, in the order in which they owned the guest.
  std::string records_so_far() const {
    const auto first = world_.first_destination();
    return world_.guest_text(Side::source) + (first ? first->guest_text : "") +
           world_.guest_text(Side::destination);
  }

  void examine(Side side) {
    world_.pause(side);
    if (wait_until(
            "the survivor to stop for its examination",
            [&] {
              const auto run = world_.sight(side).run;
              return run != RunState::running && run != RunState::unknown;
            },
            kQuitLimit) &&
        !lacks_pages(side)) {
      read_clock(side);
      host(side).exam = guest_.examine(plan_.guest, world_.image(side), recorded_step(side));
    }
  }

  // The last step that this host's image must hold: recorded by the host itself, or, for the
  // destination, by the source before it.
  std::uint64_t recorded_step(Side side) const {
    const auto text =
        side == Side::destination ? records_so_far() : world_.guest_text(Side::source);
    return guest_.last_step(text).value_or(0);
  }

  // --- a second migration, where the source survived the first ---------------------------------

  bool can_retry() const {
    return plan_.plant.empty() && evidence_.settled && evidence_.blocked.empty() &&
           evidence_.beats_after_settle_source > 0 &&
           evidence_.beats_after_settle_destination == 0 && evidence_.source.exam &&
           evidence_.source.at_settle.run == RunState::running;
  }

  void retry() {
    if (const auto ms = plan_.policy.backoff_ms; ms > 0) {
      note("arbiter", "policy", "back-off", {{"ms", std::int64_t(ms)}});
      world_.pump([] { return false; }, world_.now() + Milliseconds(ms));
    }
    faults_.undo_all(plan_.migration_networks > 1);
    if (!world_.sight(Side::destination).dead) world_.quit(Side::destination);
    const auto gone = [&] { return world_.sight(Side::destination).dead; };
    if (!wait_until("the first destination's end", gone, kQuitLimit)) return;
    keep(Side::destination);
    evidence_.destination.ending = world_.sight(Side::destination).ending;
    // Which of the two is a drawn number's parity: both are covered, and no case pays for both.
    // A fresh host's cable would be whole, and a second network is to leave the first as it is.
    const bool fresh = plan_.guest.seed % 2 == 1 && plan_.migration_networks == 1;
    const std::string to = fresh ? "a fresh host" : "the same host";
    note("director", "retry", "begins", {{"to", to}});
    if (convoy_ != nullptr && !wait_until("a place for the second migration",
                                          [&] { return convoy_->begin(); }, kPlaceLimit))
      throw InfraError("no place among the migrations under way became free");
    world_.start_again(fresh);
    Director second(*this, "destination-2");
    evidence_.retry = second.migrate_again();
    if (convoy_ != nullptr) convoy_->settled();
    evidence_.retry->to = to;
    last_exam_ = second.last_exam_;
    const auto& clock = second.evidence_.clock;
    evidence_.clock.insert(evidence_.clock.end(), clock.begin(), clock.end());
    if (second.evidence_.source.ended_by_plan) evidence_.source.ended_by_plan = true;
  }

  RetryEvidence migrate_again() {
    patience_ = std::max(patience_, kFaultlessPatience);
    RetryEvidence retry;
    // What the guest wrote before it was stopped is no step after it, however late it is seen.
    world_.pump([] { return true; }, world_.now());
    world_.resume(Side::source);
    wait_for_beats(Side::source, 1);
    if (mirrors_ && !mirror_again()) {
      retry.refused = "the second mirror: " + world_.mirror().why;
      verify();
      return with_what_is_left(std::move(retry));
    }
    const auto from = world_.history().events().size();
    read_clock(Side::source);
    world_.migrate();
    begun_ = true;
    started_ = acted_ = world_.now();
    // What the source says of its first migration must not be taken for the second's.
    const auto answered = [&] { return begun_since(from) || !refusal_since(from).empty(); };
    if (!wait_until("the source to begin its second migration", answered, kQuitLimit))
      evidence_.settle_note = "the source did not begin its second migration";
    else if (refusal_since(from).empty())
      settle();
    retry.refused = refusal_since(from);  // QEMU may say `setup` first
    verify();
    return with_what_is_left(std::move(retry));
  }

  RetryEvidence with_what_is_left(RetryEvidence retry) {
    retry.settled = evidence_.settled;
    retry.settle_note = evidence_.settle_note;
    retry.destination = evidence_.destination;
    retry.beats_after_settle_source = evidence_.beats_after_settle_source;
    retry.beats_after_settle_destination = evidence_.beats_after_settle_destination;
    retry.pair = evidence_.pair;
    retry.exam_at_switch = evidence_.exam_at_switch;
    retry.records_disagree = evidence_.records_disagree;
    retry.disks = evidence_.disks;
    return retry;
  }

  bool begun_since(std::size_t from) const {
    const auto& events = world_.history().events();
    return std::any_of(events.begin() + static_cast<std::ptrdiff_t>(from), events.end(),
                       [](const Event& e) { return e.actor == "source" && e.name == "MIGRATION"; });
  }

  // Why the source refused to migrate, among the events since `from`; empty when it did not.
  std::string refusal_since(std::size_t from) const {
    const auto& events = world_.history().events();
    for (auto i = from; i < events.size(); ++i)
      if (events[i].actor == "source" && events[i].name == "migrate-refused")
        return text_field(events[i], "error").value_or("no reason");
    return "";
  }

  // --- the end ---------------------------------------------------------------------------------

  void tear_down() {
    for (const auto side : {Side::source, Side::destination}) {
      if (world_.sight(side).dead) continue;
      if (!host(side).frozen) {
        world_.quit(side);
        continue;
      }
      host(side).ended_by_plan = true;
      if (plan_.policy.restarts && is_lost(evidence_)) {
        const auto fence = to_string(side == Side::source ? Action::fence_source
                                                          : Action::fence_destination);
        world_.persist(fence);
        note("arbiter", "decision", fence,
             {{"why", std::string("it is silent, and the VM is to be started again")}});
      }
      world_.kill(side);
    }
    wait_until(
        "both hosts to end",
        [&] { return world_.sight(Side::source).dead && world_.sight(Side::destination).dead; },
        kQuitLimit);
    for (const auto side : {Side::source, Side::destination}) {
      host(side).ending = world_.sight(side).ending;
      if (world_.sight(side).dead) continue;
      world_.thaw(side);
      world_.kill(side);
    }
  }

  void keep(Side side) {
    host(side).guest_text = world_.guest_text(side);
    host(side).messages = world_.messages(side);
  }

  void collect() {
    for (const auto side : {Side::source, Side::destination})
      if (faults_.ended(side)) {
        auto& first = side == Side::source ? evidence_.source : evidence_.destination;
        first.ended_by_plan = first.ended_by_fault = true;
      }
    for (const auto side : {Side::source, Side::destination}) keep(side);
    evidence_.flip = world_.flip();
    evidence_.pages_after_switch = world_.pages_after_switch();
    evidence_.records = guest_.parse(plan_.guest, records_so_far());
    // Where each host has its own disk, that of whoever ran last.
    const bool moved = !world_.guest_text(Side::destination).empty();
    if (const auto disk = world_.disk(moved ? Side::destination : Side::source))
      evidence_.disk = guest_.examine_disk(plan_.guest, *disk, records_so_far(), last_exam_);
    evidence_.delivered = faults_.all_delivered();
    evidence_.expected = faults_.expected_of_delivered();
  }

  const Plan& plan_;
  Convoy* const convoy_ = nullptr;
  World& world_;
  const Protocol& protocol_;
  const Guest& guest_;
  const Mode mode_{mode_from(plan_.mode)};
  FaultRuns faults_;
  Evidence evidence_;
  std::optional<ImageExam> last_exam_;  // of whoever ran last
  Milliseconds patience_{plan_.patience_ms};
  std::optional<Arbiter> arbiter_;  // none while it is crashed
  std::pair<std::uint32_t, std::uint32_t> regained_;  // as it was when the arbiter was made
  std::string destination_ = "destination";  // its name as an actor of the history
  mutable Clock::time_point starved_from_;  // since then nothing has moved
  mutable Clock::duration starved_before_{};  // World::starved() at that time
  std::uint64_t snapshot_least_ = 0;  // the guest's last step before the snapshot was ordered
  const bool through_file_ = mode_.through_file();
  Phase phase_ = Phase::prepare;  // the one that was noted last, in a mode through a file
  const bool mirrors_ = mode_.mirrors_disk();
  bool begun_ = !mirrors_;  // `migrate` was sent
  bool met_ = false;  // by a fault of another VM's host
  std::string refused_;  // the manager itself will not migrate: why
  bool hurried_ = false, exported_over_ = false, gave_up_ = false;
  std::set<std::string> passed_;  // points of the director's own
  std::optional<Action> unsent_;  // journalled when the fault struck, not carried out yet
  std::optional<Clock::time_point> asked_at_;
  std::optional<Clock::time_point> first_question_;  // of those that a silence draws
  Clock::time_point started_, acted_, next_question_;
};

}  // namespace

Evidence direct(const Plan& plan, World& world, const Protocol& protocol, const Guest& guest,
                std::vector<const FaultKind*> kinds, Convoy* convoy) {
  return Director(plan, world, protocol, guest, std::move(kinds), convoy).run();
}

}  // namespace migfuzz
