// The model: everything moves in a tick of one virtual millisecond, commands take effect one
// millisecond after they were sent.
//
// The stream's points come from the real parser over a stream of StreamBuilder, so every point
// that the parser can report can be a trigger. Memory does not travel as bytes: what the source
// holds when it stops is what the destination holds when it has loaded QEMU_VM_EOF.
#include "tests/fakes/scripted_world.h"

#include <algorithm>
#include <limits>
#include <set>
#include <stdexcept>

#include "harness/core/error.h"
#include "harness/core/mode.h"
#include "harness/core/pacing.h"
#include "tests/fakes/parse_result.h"
#include "tests/fakes/stream_builder.h"

namespace migfuzz::fakes {
namespace {

constexpr std::uint64_t kBytesPerTick = 32 << 10;
constexpr std::uint64_t kTightWindow = 4 << 10;  // the least socket buffer
constexpr std::uint64_t kTcpWindow = 4 << 20;    // what a kernel queues on loopback TCP
constexpr std::uint64_t kBeatMs = 4;             // as often as the harness looks at records
constexpr Milliseconds kQuitTime{15};            // 10-20 ms were measured
constexpr Milliseconds kRetransmission{200};     // TCP after a healed hole
constexpr std::uint64_t kLoadTicks = 2;          // from the last byte to a VM that can run
constexpr std::uint64_t kPongEnd = 8, kShutEnd = 16;
constexpr std::uint64_t kPassPages = 120;

struct Script {
  ParseResult parsed;
  std::uint64_t total = 0, eof = 0, enter = 0, ram_setup_end = 0;
};

// One stream for all worlds: three passes, a last RAM section with the owned pages, five devices.
const Script& script() {
  static const Script made = [] {
    using Record = StreamShape::Record;
    StreamShape shape;
    std::vector<Record> pass;
    for (std::uint64_t page = 0; page < kPassPages; ++page)
      pass.push_back({0, page, Record::Kind::content, 1});
    shape.parts = {pass, pass, pass};
    for (std::uint64_t page = 1; page <= FakeGuest::kPages; ++page)
      shape.last.push_back({0, page, Record::Kind::content, 2});
    for (const auto* name :
         {"timer", "cpu", "0000:00:02.0/virtio-blk", "0000:00:03.0/virtio-net", "acpi"})
      shape.devices.push_back({name, ByteVector(32 << 10, std::byte{0x11}), 0});
    const auto bytes = build(shape);
    std::vector<std::uint64_t> wanted;
    for (std::uint64_t n = 1; n <= 3 * kPassPages; ++n) wanted.push_back(n);
    Script script;
    script.parsed = parse(bytes, {SIZE_MAX}, wanted);
    script.total = bytes.size();
    for (const auto& [phase, name, offset] : script.parsed.points) {
      if (phase == Phase::commit && name == "eof") script.eof = offset;
      if (phase == Phase::stopcopy && name == "enter") script.enter = offset;
      if (phase == Phase::reserve && name == "ram-setup-end") script.ram_setup_end = offset;
    }
    if (script.eof == 0 || script.enter == 0) throw std::logic_error("scripted stream: no points");
    return script;
  }();
  return made;
}

struct Host {
  Side side = Side::source;
  std::string actor = "source";
  unsigned life = 1;  // what was sent to an earlier process does not reach this one
  bool alive = false, frozen = false, executes = false, unkillable = false;
  bool doomed = false;         // SIGKILL was sent: it does nothing more, its end is not seen yet
  bool channel_ended = false;  // its kernel has seen the end of the connection
  bool closed = false;         // it has closed its own end
  bool port = true, link = true, guest_link = true;
  std::optional<StorageFailure> storage;  // what ails its storage now
  bool leaving = false;                   // it was told to quit and takes no command any more
  bool shut_out = false, silent = false;  // what the manager cannot do with it
  Clock::time_point closed_at{};
  Clock::time_point path_back{};
  std::optional<Filter> filter;
  FilterCounts filtered;
  std::optional<Queueing> queueing;
  RunState run = RunState::unknown;
  MigrationStatus migration = MigrationStatus::none;
  std::string error, text, messages;
  FakeGuest::Ram ram;
  Sight told;
  std::optional<Clock::time_point> asked;
  Clock::time_point answered;
  bool ask_again = false;
  std::vector<std::function<void()>> inbox;  // what it has not been able to take yet
};

// As in the relay: a place at which the channel is to stand, once its point has come.
struct Hold {
  Trigger trigger;
  std::uint32_t seen = 0;
  std::optional<std::uint64_t> offset;
  bool back = false, released = false;
};

// One migration: the source's part, the bytes on their way, and the relay.
struct Migration {
  bool migrating = false, stopped = false, continued = false, awaiting_ack = false;
  bool load_begun = false, load_done = false, autostart = false;
  std::uint64_t load_ticks = 0;
  std::uint64_t sent = 0, received = 0, forwarded = 0, loaded = 0;
  std::uint64_t back_sent = 0, back_received = 0, back_forwarded = 0, back_loaded = 0;
  std::size_t next_point = 0, next_back_point = 0;
  int phase = -1;
  FakeGuest::Ram stopped_ram, older_ram;
  // The relay.
  std::vector<Hold> holds;
  std::optional<std::uint64_t> seal;
  bool image_locked = false;  // by a third party
  bool sealed = false, cut_done = false, discards = false, back_discards = false;
  Pacing forth_pacing, back_pacing;
  std::optional<FrameFlip> frame_flipped;
  std::optional<Mismatch> mismatch;
  bool listens = true, trusts = true;
  std::optional<IntrusionSight> intrusion;
  std::optional<std::uint64_t> flip_bit;
  std::optional<Flip> flipped;
};

}  // namespace

struct ScriptedWorld::Model : Migration {
  Model(const Plan& plan_, const FakeGuest& guest_, bool paused_, bool pause_before_,
        const Defects& defects_)
      : plan(plan_),
        guest(guest_),
        paused(paused_),
        pause_before(pause_before_),
        defects(defects_) {
    source.side = Side::source;
    destination.side = Side::destination;
    destination.actor = "destination";
    at(begun + Milliseconds(1), [this] { tick(); });
  }

  const Plan plan;
  const FakeGuest& guest;
  const bool paused, pause_before;
  const Defects defects;
  bool connection_lost = false;  // loses_connection_at has come
  History history;
  const Clock::time_point begun = history.start();
  Clock::time_point now = begun, progress = begun;
  std::multimap<Clock::time_point, std::function<void()>> agenda;
  Host source, destination;
  std::vector<std::string> persisted;
  bool connected_seen = false, traces = false;
  std::uint64_t ticks = 0, overlap = 0;

  std::set<std::pair<std::string, Side>> side_cuts;  // which side channel, towards whom
  std::map<std::string, Stage> side_stages;

  void cut_side(const std::string& channel, Side towards) {
    for (const auto side : {Side::source, Side::destination})
      if (towards == Side::channel || towards == side) side_cuts.emplace(channel, side);
  }
  // A page waits wherever one would be stopped.
  ChannelSight side_sight(const std::string& channel) const {
    ChannelSight sight;
    sight.open = sent > 0;
    const auto stage = side_stages.find(channel);
    if (stage == side_stages.end() || !stage->second.stands) return sight;
    sight.received = sight.pace.waiting_bytes = FakeGuest::kPageBytes;
    return sight;
  }

  std::optional<Remains> remains;  // of the first destination
  std::optional<Flip> first_flip;  // of the first channel
  std::size_t journal_from = 0;    // the first word of the arbiter that works now

  Host& host(Side side) {
    if (side == Side::channel) throw InfraError("no such host is up");
    return side == Side::source ? source : destination;
  }
  void moved() { progress = now; }
  void at(Clock::time_point when, std::function<void()> act) {
    agenda.emplace(when, std::move(act));
  }
  void after(Milliseconds delay, std::function<void()> act) { at(now + delay, std::move(act)); }

  // A second migration always crosses the network.
  bool tight() const { return plan.transport == Transport::unix_tight && !remains; }
  // A filter that hits only some packets costs time, which this model leaves out.
  static bool hits_all(const Host& one, Filter::Way way) {
    const auto& f = one.filter;
    return f && f->one_in == 1 && f->fate == Filter::Fate::drop &&
           (f->way == way || f->way == Filter::Way::both);
  }
  bool lets_out(const Host& one) const {
    return path_up(one) && !(over_tcp() && hits_all(one, Filter::Way::out));
  }
  bool lets_in(const Host& one) const {
    return path_up(one) && !(over_tcp() && hits_all(one, Filter::Way::in));
  }
  bool over_tcp() const { return !tight(); }
  bool path_up(const Host& one) const {
    return tight() || (one.port && one.link && now >= one.path_back);
  }
  std::uint64_t window() const { return tight() ? kTightWindow : kTcpWindow; }
  std::vector<Trigger> held() const {
    std::vector<Trigger> all;
    for (const auto& hold : holds)
      if (hold.offset && !hold.released &&
          (hold.back ? back_forwarded : forwarded) >= *hold.offset)
        all.push_back(hold.trigger);
    return all;
  }
  // The first byte of that direction that may not pass.
  std::uint64_t barrier(bool back) const {
    auto first = std::numeric_limits<std::uint64_t>::max();
    if (seal && !back) first = *seal;
    for (const auto& hold : holds)
      if (hold.offset && !hold.released && hold.back == back)
        first = std::min(first, *hold.offset);
    return first;
  }
  bool stands_ahead(bool back) const {
    return std::any_of(holds.begin(), holds.end(), [&](const Hold& hold) {
      return hold.offset && !hold.released && hold.back == back;
    });
  }
  // A write that blocks inside stop-and-copy blocks the main loop with it: in-band QMP is dead.
  bool blocked(const Host& one) const {
    return &one == &source && migrating && stopped && continued && sent < script().total &&
           !source.channel_ended && sent >= taken() + window();
  }
  std::uint64_t taken() const { return discards || sealed ? sent : received; }
  static bool moves(const Host& one) { return one.alive && !one.frozen && !one.doomed; }
  static bool heard(const Host& one) { return !one.shut_out && !one.silent; }
  bool responsive(const Host& one) const { return moves(one) && !one.leaving && !blocked(one); }

  // --- what the hosts say ------------------------------------------------------------------------

  void event(Host& one, const char* name, Fields fields = {}) {
    if (!heard(one)) return;
    history.add(one.actor, "qmp-event", name, std::move(fields));
    moved();
  }

  void set_status(Host& one, MigrationStatus status) {
    one.migration = status;
    if (heard(one)) one.told.migration = status;
    event(one, "MIGRATION", {{"status", std::string(to_string(status))}});
    ask(one);
  }

  void stop_guest(Host& one, RunState state) {
    one.executes = false;
    one.run = state;
    one.told.run = RunState::unknown;
    event(one, "STOP");
    ask(one);
  }

  void run_guest(Host& one) {
    one.executes = !(defects.runs_without_steps && &one == &destination);
    one.run = RunState::running;
    if (heard(one)) one.told.run = one.run;
    event(one, "RESUME");
    ask(one);
  }

  void ask(Host& one) {
    if (one.shut_out) return;
    if (one.asked) {
      one.ask_again = true;
      return;
    }
    one.asked = now;
    in_band(one, [this, &one] { answer(one); });
  }

  void answer(Host& one) {
    if (!one.asked) return;
    one.answered = *one.asked;
    one.asked.reset();
    const auto before = one.told;
    one.told.run = one.run;
    one.told.migration = one.migration;
    one.told.error = one.error;
    if (!(before == one.told)) {
      history.add(one.actor, "qmp-reply", "query-status",
                  {{"status", std::string(to_string(one.run))}});
      moved();
    }
    if (std::exchange(one.ask_again, false)) ask(one);
  }

  void in_band(Host& one, std::function<void()> act) {
    after(Milliseconds(1), [this, &one, life = one.life, act = std::move(act)] {
      if (one.life != life || one.shut_out) return;  // the connection broke before it arrived
      if (responsive(one) && !one.silent && one.inbox.empty())
        act();
      else if (one.alive)
        one.inbox.push_back(act);
    });
  }

  void shut_out(Host& one) {
    one.shut_out = true;
    one.closed_at = now;
    one.asked.reset();
    one.ask_again = false;
    one.inbox.clear();
    one.told.run = RunState::unknown;
    one.told.migration = MigrationStatus::unknown;
  }

  void hear_again(Host& one) {
    if (heard(one)) return;
    one.shut_out = one.silent = false;
    ++one.told.regained;
    one.told.run = RunState::unknown;
    one.told.migration = MigrationStatus::unknown;
    ask(one);
  }

  void command(Host& one, const char* name, std::function<void()> act) {
    history.add(one.actor, "qmp-command", name);
    moved();
    if (name == defects.loses_connection_at && !connection_lost) {
      connection_lost = true;
      shut_out(one);
      return after(Milliseconds(100), [this, &one] { hear_again(one); });
    }
    in_band(one, [this, &one, name, act = std::move(act)] {
      act();
      history.add(one.actor, "qmp-reply", name);
      ask(one);
      moved();
    });
  }

  void end(Host& one, Ending ending) {
    if (!one.alive || one.unkillable) return;
    one.alive = one.executes = false;
    one.closed = true;
    one.inbox.clear();
    one.told.dead = true;
    one.told.ending = ending;
    history.add(one.actor, "process", "exited",
                {{"code", std::int64_t{ending.code}}, {"signal", std::int64_t{ending.signal}}});
    moved();
  }

  // What QEMU says when it is told to quit; a migration under way fails because of that.
  void say_farewell(Host& one) {
    one.run = RunState::shutdown;
    if (heard(one)) one.told.run = one.run;
    event(one, "SHUTDOWN");
    if (&one != &source || !migrating) return;
    migrating = false;
    source.closed = true;
    set_status(source, MigrationStatus::failed);
  }

  // --- the source's migration --------------------------------------------------------------------

  void source_sends() {
    if (!migrating || !moves(source)) return;
    if (source.channel_ended && source.migration != MigrationStatus::pre_switchover)
      return give_up(MigrationStatus::failed, "the channel has ended");
    const auto before = sent;
    const auto barrier = !stopped || !continued ? script().enter : script().total;
    sent = std::max(sent, std::min({sent + kBytesPerTick, barrier, taken() + window()}));
    if (sent != before) moved();
    if (sent > script().ram_setup_end && source.migration == MigrationStatus::setup)
      set_status(source, MigrationStatus::active);
    // To stop, QEMU drains and flushes: it stands where its storage is silent, and gives up where
    // it answers errors.
    if (sent == script().enter && !stopped && flushes()) stop_source();
    if (sent < script().total || awaiting_ack) return;
    awaiting_ack = true;
    if (defects.claims_completed) complete();
  }

  bool flushes() {
    if (source.storage == StorageFailure::errors)
      give_up(MigrationStatus::failed, "Error in migration completion: Input/output error");
    return !source.storage;
  }

  void stop_source() {
    stopped = true;
    stop_guest(source, RunState::finish_migrate);
    stopped_ram = source.ram;
    continued = !pause_before;
    set_status(source, pause_before ? MigrationStatus::pre_switchover : MigrationStatus::device);
  }

  void complete() {
    migrating = false;
    source.closed = true;
    source.run = RunState::postmigrate;
    source.executes = defects.source_runs_after_completed;
    set_status(source, MigrationStatus::completed);
  }

  // On any failure before completion the source runs on, whatever it had stopped for.
  void give_up(MigrationStatus status, const char* why) {
    migrating = false;
    source.closed = true;
    source.error = why;
    set_status(source, status);
    if (source.run == RunState::finish_migrate) run_guest(source);
  }

  // --- the relay ---------------------------------------------------------------------------------

  void relay_forth() {
    if (defects.stalls_again && remains) return;
    if (lets_out(source) && !discards && !sealed) {
      const bool stands = forwarded >= barrier(false);
      if (!stands && received != sent) {
        received = sent;
        forth_pacing.arrived(received, now);
      }
    }
    if (received > 0 && !std::exchange(connected_seen, true))
      seen_point(Phase::prepare, "connected", 0, false);
    // Every point at the front of what was received is known before it is forwarded.
    const auto& points = script().parsed.points;
    for (; next_point < points.size(); ++next_point) {
      const auto& [where, name, offset] = points[next_point];
      if (offset >= received && !(received == script().total && offset == received)) break;
      seen_point(where, name, offset, false);
    }
    if (discards || destination.channel_ended) return;
    const auto limit =
        std::min({received, barrier(false), loaded + window(), forth_pacing.limit(now)});
    if (limit <= forwarded) return;
    forwarded = limit;
    forth_pacing.passed(forwarded, now);
    if (frame_flipped) frame_flipped->forwarded = forwarded > frame_flipped->offset;
    moved();
    enter_phases();
    if (flipped) flipped->forwarded = forwarded > flipped->offset;
  }

  void seen_point(Phase where, const std::string& name, std::uint64_t offset,
                  bool back) {
    const auto matches = [&](const Hold& hold) {
      return hold.trigger.point.phase == where && hold.trigger.point.name == name;
    };
    const bool wanted = std::any_of(holds.begin(), holds.end(), matches);
    if (!remains && (wanted || !name.starts_with("page:")))
      history.add("channel", "point", std::string(to_string(where)) + "/" + name,
                  {{"offset", static_cast<std::int64_t>(offset)}});
    for (auto& hold : holds) {
      if (!matches(hold) || hold.offset || ++hold.seen != hold.trigger.nth) continue;
      hold.offset = offset + hold.trigger.point.plus_bytes;
      hold.back = back;
      if (!flip_bit) continue;
      hold.released = true;
      choose_flip(offset);
    }
  }

  void choose_flip(std::uint64_t from) {
    for (const auto& [block, address, data_offset] : script().parsed.pages) {
      if (flipped || data_offset < from || data_offset < forwarded) continue;
      if (!guest.owns(plan.guest, {}, address)) continue;
      const auto bit = *flip_bit % (FakeGuest::kPageBytes * 8);
      flipped =
          Flip{address + bit / 8, data_offset + bit / 8, static_cast<unsigned>(bit % 8), false};
    }
  }

  void enter_phases() {
    for (const auto& [where, name, offset] : script().parsed.points) {
      if (offset > forwarded || static_cast<int>(where) <= phase) continue;
      phase = static_cast<int>(where);
      if (!remains) history.add("channel", "phase", to_string(where));
    }
  }

  void relay_back() {
    if (back_discards) return;
    if (lets_out(destination) && back_sent != back_received) {
      back_received = back_sent;
      back_pacing.arrived(back_received, now);
      moved();
    }
    const std::pair<const char*, std::uint64_t> points[] = {{"ack", kPongEnd},
                                                            {"ack-end", kShutEnd}};
    for (; next_back_point < 2; ++next_back_point) {
      const auto& [name, offset] = points[next_back_point];
      if (back_received < kShutEnd) break;
      if (std::string_view(name) == "ack") back_pacing.acknowledgement(offset);
      seen_point(Phase::commit, name, offset, true);
      if (offset == kShutEnd)
        history.add("channel", "return-path", "shut", {{"value", std::int64_t{0}}});
    }
    auto limit = back_received;
    limit = std::min(limit, barrier(true));
    limit = std::min(limit, back_pacing.limit(now));
    back_forwarded = std::max(back_forwarded, limit);
    back_pacing.passed(back_forwarded, now);
    if (lets_in(source) && !source.channel_ended) back_loaded = back_forwarded;
    if (back_loaded == kShutEnd && awaiting_ack && migrating && moves(source)) complete();
  }

  // What one side's end means to the other, when the network lets it through and all is forwarded.
  void pass_ends() {
    const bool held_forth = stands_ahead(false) && !sealed;
    const bool all_forth = forwarded >= (sealed ? barrier(false) : received) || discards;
    if (source.closed && path_up(source) && path_up(destination) && !held_forth && all_forth &&
        (sealed || discards || received == sent))
      destination.channel_ended = true;
    const bool back_held = stands_ahead(true) || back_pacing.stands();
    if (destination.closed && path_up(destination) && path_up(source) && !back_held &&
        (back_forwarded == back_sent || back_discards))
      source.channel_ended = true;
  }

  // --- the destination ---------------------------------------------------------------------------

  void destination_loads() {
    if (lets_in(destination) && moves(destination) && !load_done) loaded = forwarded;
    if (!moves(destination) || load_done || !migrating_begun()) return;
    if (frame_flipped && loaded > frame_flipped->offset) return refuse_load();
    if (loaded > 0 && !load_begun) {
      load_begun = true;
      set_status(destination, MigrationStatus::active);
      back_sent = kPongEnd;
    }
    const bool at_head = mismatch == Mismatch::ram || mismatch == Mismatch::machine;
    if (mismatch && loaded >= (at_head ? 1 : script().eof)) return refuse_load();
    // The description behind EOF is read, too, but its lack does not spoil the load.
    if (loaded == script().total || (destination.channel_ended && loaded >= script().eof)) {
      if (++load_ticks > kLoadTicks) finish_load();
      return;
    }
    if (destination.channel_ended) refuse_load();
  }

  void refuse_load() {
    static const std::map<Mismatch, const char*> words{
        {Mismatch::ram, "Size mismatch: pc.ram: 0x200 != 0x100: Invalid argument"},
        {Mismatch::machine, "Machine type received is 'new' and local is 'old'"},
        {Mismatch::devices, "Unknown savevm section or instance 'virtio-net' 0"},
        {Mismatch::cpu, "Unknown savevm section or instance 'apic' 0"}};
    load_done = true;
    destination.messages =
        mismatch ? words.at(*mismatch) : "load of migration failed: Input/output error";
    set_status(destination, MigrationStatus::failed);
    end(destination, {1, 0});
  }

  bool migrating_begun() const { return load_begun || sent > 0 || destination.channel_ended; }

  void finish_load() {
    load_done = true;
    if (defects.aborts_at_load) {
      destination.messages = "qemu: scripted.c:1: load: Assertion `scripted' failed.";
      return end(destination, {0, 6});
    }
    destination.ram = defects.image_is_old ? older_ram : stopped_ram;
    if (flipped && flipped->forwarded)
      destination.ram[flipped->gpa] ^= static_cast<std::byte>(1u << flipped->bit);
    if (defects.loses_a_page || (defects.loses_a_page_again && remains)) {
      const auto stale = guest.stale_page(plan.guest, destination.ram);
      if (!stale) throw std::logic_error("scripted world: too few steps for a stale page");
      std::copy(stale->content.begin(), stale->content.end(),
                destination.ram.begin() + static_cast<std::ptrdiff_t>(stale->gpa));
    }
    if (defects.clock_jumps) FakeGuest::set_clock_ahead(destination.ram, 10'000'000'000);
    if (defects.clock_goes_back) FakeGuest::set_clock_ahead(destination.ram, 0u - 500'000'000ull);
    const bool runs = (!paused || autostart) && !image_locked;  // "Failed to get "write" lock"
    if (runs || defects.runs_although_paused) {
      run_guest(destination);
    } else {
      destination.run = RunState::paused;
    }
    set_status(destination, MigrationStatus::completed);
    if (!defects.acknowledgement_lost) back_sent = kShutEnd;
  }

  // --- time --------------------------------------------------------------------------------------

  void tick() {
    at(now + Milliseconds(1), [this] { tick(); });
    for (auto* one : {&source, &destination})
      while (responsive(*one) && !one->silent && !one->inbox.empty()) {
        const auto act = std::move(one->inbox.front());
        one->inbox.erase(one->inbox.begin());
        act();
      }
    source_sends();
    relay_forth();
    destination_loads();
    relay_back();
    pass_ends();
    if (source.executes && destination.executes && moves(source) && moves(destination)) ++overlap;
    if (++ticks % kBeatMs == 0)
      for (auto* one : {&source, &destination}) beat(*one);
    const bool stuck = defects.never_settles_again && remains && sent > 0;
    if (stuck || (defects.never_settles && forwarded > 0)) source.frozen = source.unkillable = true;
  }

  void beat(Host& one) {
    if (!moves(one) || !one.executes) return;
    if (&one == &source && FakeGuest::step_of(one.ram) % 3 == 0) older_ram = one.ram;
    one.text += guest.step(plan.guest, one.ram);
    history.add(one.actor, "heartbeat", "step",
                {{"step", static_cast<std::int64_t>(FakeGuest::step_of(one.ram))}});
  }
};

ScriptedWorld::ScriptedWorld(const Plan& plan, const FakeGuest& guest, bool destination_paused,
                             bool pause_before_switchover, const Defects& defects)
    : model_(std::make_unique<Model>(plan, guest, destination_paused, pause_before_switchover,
                                     defects)) {}
ScriptedWorld::~ScriptedWorld() = default;

void ScriptedWorld::start() {
  Model& m = *model_;
  if (m.defects.fails_to_start) throw InfraError("scripted: no host came up");
  for (auto* one : {&m.source, &m.destination}) {
    one->alive = true;
    one->ram.resize(m.plan.guest.memory_bytes);
    m.history.add(one->actor, "process", "started");
  }
  m.guest.boot(m.plan.guest, m.source.ram);
  m.destination.run = RunState::inmigrate;
  m.run_guest(m.source);
  m.ask(m.destination);
  // Long enough that every page has been written twice: stale pages exist.
  if (!pump([&] { return FakeGuest::step_of(m.source.ram) > 20; }, m.now + Milliseconds(1000)))
    throw InfraError("scripted: no heartbeat");
}

void ScriptedWorld::arm(const Trigger& trigger, const std::string& channel) {
  if (!channel.empty()) return;
  for (const auto& hold : model_->holds)
    if (hold.trigger == trigger) return;
  model_->holds.emplace_back().trigger = trigger;
}

void ScriptedWorld::migrate() {
  Model& m = *model_;
  m.history.add("source", "qmp-command", "migrate");
  m.moved();
  if (m.mismatch == Mismatch::unmovable_device) {
    const std::string error = "State blocked by non-migratable device 'scripted'";
    m.history.add("source", "note", "migrate-refused", {{"error", error}});
    return;
  }
  const bool after_setup = m.defects.refuses_after_setup && m.remains;
  if (after_setup) m.set_status(m.source, MigrationStatus::setup);
  if (after_setup || (m.defects.refuses_again && m.remains)) {
    m.history.add("source", "note", "migrate-refused", {{"error", std::string("scripted")}});
    return;
  }
  m.in_band(m.source, [&m] {
    m.migrating = true;
    m.set_status(m.source, MigrationStatus::setup);
    if (!m.trusts) m.give_up(MigrationStatus::failed, "TLS handshake failed: not trusted");
    if (!m.listens) m.give_up(MigrationStatus::failed, "Failed to connect: Connection refused");
  });
}

void ScriptedWorld::release(const Trigger& trigger, const std::string& channel) {
  if (!channel.empty()) return;
  for (auto& hold : model_->holds)
    if (hold.trigger == trigger) hold.released = true;
}

bool ScriptedWorld::pump(const std::function<bool()>& done, Clock::time_point until) {
  Model& m = *model_;
  while (!done()) {
    if (m.agenda.empty() || m.agenda.begin()->first > until) {
      m.now = std::max(m.now, until);
      return done();
    }
    const auto next = m.agenda.extract(m.agenda.begin());
    m.now = std::max(m.now, next.key());
    next.mapped()();
  }
  return true;
}

Clock::time_point ScriptedWorld::now() const { return model_->now; }
History& ScriptedWorld::history() { return model_->history; }

Sight ScriptedWorld::sight(Side host) const {
  const Host& one = model_->host(host);
  auto sight = one.told;
  const auto since = one.shut_out ? std::optional(one.closed_at) : one.asked;
  sight.answers =
      one.alive && !(since && model_->now - *since > Milliseconds(model_->plan.patience_ms / 2));
  return sight;
}

ChannelSight ScriptedWorld::channel(const std::string& name) const {
  const Model& m = *model_;
  ChannelSight sight;
  if (!name.empty()) return m.side_sight(name);
  sight.open = m.sent > 0 && !m.cut_done;
  sight.held = m.held();
  sight.holding = !sight.held.empty();
  sight.received = m.received;
  sight.forwarded = m.forwarded;
  sight.back_received = m.back_received;
  sight.back_forwarded = m.back_forwarded;
  sight.eof_forwarded = m.forwarded >= script().eof;
  sight.pace = m.forth_pacing.pace(m.now);
  sight.back_pace = m.back_pacing.pace(m.now);
  sight.source_closed = m.source.closed;
  sight.destination_closed = m.destination.closed;
  return sight;
}

void ScriptedWorld::ask(Side host) { model_->ask(model_->host(host)); }
Clock::time_point ScriptedWorld::last_answer(Side host) const {
  return model_->host(host).answered;
}
Clock::time_point ScriptedWorld::last_progress() const { return model_->progress; }
std::string ScriptedWorld::guest_text(Side host) const { return model_->host(host).text; }
Image ScriptedWorld::image(Side host) const { return model_->host(host).ram; }
void ScriptedWorld::trace_hosts() { model_->traces = true; }

std::optional<std::string> ScriptedWorld::storage_answer(Side host) {
  const auto& says = model_->defects.disk_says;
  if (host == Side::source || !says) return "";
  return says->empty() ? std::nullopt : std::optional(std::string(*says));
}

HostTrace ScriptedWorld::trace(Side host) const {
  HostTrace trace;
  if (!model_->traces) return trace;
  for (const auto& event : model_->history.events()) {
    if (event.actor != model_->host(host).actor || event.kind != "qmp-event") continue;
    const auto status = text_field(event, "status");
    const auto what = event.name == "MIGRATION" && status ? "migrate_set_state(" + *status + ")"
                      : event.name == "RESUME"            ? "runstate_set(running)"
                                                          : "runstate_set(paused)";
    trace.events.push_back({1, what});
    trace.text += "1@0.000001:" + what + " \n";
  }
  return trace;
}

std::string ScriptedWorld::messages(Side host) const { return model_->host(host).messages; }
std::string ScriptedWorld::transcript(Side) const { return ""; }

void ScriptedWorld::continue_switchover() {
  Model& m = *model_;
  m.command(m.source, "migrate-continue", [&m] {
    if (m.source.migration != MigrationStatus::pre_switchover) return;
    m.continued = true;
    m.set_status(m.source, MigrationStatus::device);
  });
}

void ScriptedWorld::cancel() {
  Model& m = *model_;
  m.command(m.source, "migrate_cancel", [&m] {
    if (m.migrating) m.give_up(MigrationStatus::cancelled, "");
  });
}

// The script knows pre-copy only.
void ScriptedWorld::start_postcopy() { throw InfraError("the script has no post-copy"); }
void ScriptedWorld::pause_channel(Side) { throw InfraError("the script has no post-copy"); }
void ScriptedWorld::recover() { throw InfraError("the script has no post-copy"); }

void ScriptedWorld::yank(Side host) {
  Model& m = *model_;
  Host& one = m.host(host);
  m.history.add(one.actor, "qmp-command", "yank");
  m.moved();
  // Out of band: answered although the main loop is blocked, but not by a host that stands still.
  m.after(Milliseconds(5), [&m, &one] {
    if (!m.moves(one) || !Model::heard(one)) return;
    one.channel_ended = one.closed = true;
    m.history.add(one.actor, "qmp-reply", "yank");
  });
}

void ScriptedWorld::resume(Side host) {
  Model& m = *model_;
  Host& one = m.host(host);
  m.command(one, "cont", [&m, &one] {
    if (one.run == RunState::inmigrate) m.autostart = true;
    if (m.image_locked && one.run != RunState::running) return;  // "Failed to get "write" lock"
    const bool may = one.run == RunState::paused || one.run == RunState::postmigrate;
    if (may) m.run_guest(one);
  });
}

void ScriptedWorld::pause(Side host) {
  Model& m = *model_;
  Host& one = m.host(host);
  m.command(one, "stop", [&m, &one] {
    if (one.run == RunState::running) m.stop_guest(one, RunState::paused);
  });
}

void ScriptedWorld::quit(Side host) {
  Model& m = *model_;
  Host& one = m.host(host);
  m.command(one, "quit", [&m, &one] {
    if (m.defects.deaf_to_quit && &one == &m.destination) return;
    one.leaving = true;  // QEMU leaves its main loop: nothing that was sent later is answered
    m.say_farewell(one);
    m.after(kQuitTime, [&m, &one, life = one.life] {
      if (one.life == life) m.end(one, {0, 0});
    });
  });
}

void ScriptedWorld::fence(Side host) { kill(host); }
void ScriptedWorld::persist(std::string_view decision) { model_->persisted.emplace_back(decision); }
std::vector<std::string> ScriptedWorld::journal() const {
  const auto from = model_->persisted.begin() + static_cast<std::ptrdiff_t>(model_->journal_from);
  return {from, model_->persisted.end()};
}

void ScriptedWorld::kill(Side host) {
  Model& m = *model_;
  Host& one = m.host(host);
  one.doomed = !one.unkillable;
  m.after(Milliseconds(1), [&m, &one, life = one.life] {
    if (one.life == life) m.end(one, {0, 9});
  });
}

void ScriptedWorld::freeze(Side host) { model_->host(host).frozen = true; }
void ScriptedWorld::thaw(Side host) { model_->host(host).frozen = false; }
bool ScriptedWorld::frozen(Side host) const { return model_->host(host).frozen; }

void ScriptedWorld::set_port(Side host, bool forwarding) {
  Host& one = model_->host(host);
  if (forwarding && !one.port) one.path_back = model_->now + kRetransmission;
  one.port = forwarding;
}
bool ScriptedWorld::port_forwarding(Side host) const { return model_->host(host).port; }

void ScriptedWorld::set_link(Side host, bool up) {
  Host& one = model_->host(host);
  if (up && !one.link) one.path_back = model_->now + kRetransmission;
  one.link = up;
}
bool ScriptedWorld::link_up(Side host) const { return model_->host(host).link; }
void ScriptedWorld::set_guest_link(Side host, bool up) { model_->host(host).guest_link = up; }
std::optional<bool> ScriptedWorld::guest_link_up(Side host) const {
  return model_->host(host).guest_link;
}

std::uint64_t ScriptedWorld::unacknowledged_bytes(Side host) const {
  const Model& m = *model_;
  if (host == Side::source) return (m.sent - m.received) + (m.back_forwarded - m.back_loaded);
  return (m.forwarded - m.loaded) + (m.back_sent - m.back_received);
}

void ScriptedWorld::cut(Cut how, Side towards, const std::string& channel) {
  Model& m = *model_;
  if (!channel.empty()) return m.cut_side(channel, towards);
  if (m.cut_done) return;
  m.cut_done = true;
  for (auto& hold : m.holds) hold.released = true;
  // FIN to one side leaves the other direction whole. The source learns of an RST to the other as
  // soon as it writes; the destination of this model does not write before its load has ended.
  const bool halves = how == Cut::close;
  m.discards = towards != Side::source || !halves;
  m.back_discards = towards != Side::destination || !halves;
  if (towards != Side::source) m.destination.channel_ended = true;
  if (towards != Side::destination || !halves) m.source.channel_ended = true;
}

void ScriptedWorld::set_stage(Side towards, const Stage& stage, const std::string& channel) {
  Model& m = *model_;
  if (!channel.empty()) {
    m.side_stages[channel] = stage;
    return;
  }
  if (towards == Side::source)
    m.back_pacing.set(stage, m.back_forwarded, m.back_received, m.now);
  else
    m.forth_pacing.set(stage, m.forwarded, m.received, m.now);
}

void ScriptedWorld::corrupt_next_byte(unsigned bit, const std::string&) {
  model_->frame_flipped = FrameFlip{model_->forwarded, 0, 1u << bit, false};
}
void ScriptedWorld::corrupt_later_byte(std::uint64_t bytes_later, unsigned bit) {
  const auto last = script().total - 1;
  const auto offset = std::min<std::uint64_t>(model_->forwarded + bytes_later, last);
  model_->frame_flipped = FrameFlip{offset, 0, 1u << bit, false};
}
std::optional<FrameFlip> ScriptedWorld::frame_flip() const { return model_->frame_flipped; }

void ScriptedWorld::set_filter(Side host, const std::optional<Filter>& filter) {
  Host& one = model_->host(host);
  if (!filter && one.filter) one.path_back = model_->now + kRetransmission;
  one.filter = filter;
  one.filtered = {};
  if (filter && filter->one_in > 1) one.filtered = {1, 1, 9, 9};
}

FilterCounts ScriptedWorld::filter_counts(Side host) const { return model_->host(host).filtered; }

void ScriptedWorld::set_queueing(Side host, const std::optional<Queueing>& queueing) {
  model_->host(host).queueing = queueing;
}

QueueCounts ScriptedWorld::queue_counts(Side host) const {
  QueueCounts counts;
  if (!model_->over_tcp() || !model_->host(host).queueing) return counts;
  counts.passed_bytes = counts.passed_packets = model_->forwarded + 1;
  counts.held_back_packets = 1;
  return counts;
}

void ScriptedWorld::provoke(Side host) {
  Model& m = *model_;
  Host& one = m.host(host);
  if (!one.filter || !m.over_tcp()) return;
  const auto way = one.filter->way;
  const bool all = one.filter->longer_than_bytes == 0;
  const bool hits_in = all && way != Filter::Way::out, hits_out = all && way != Filter::Way::in;
  ++(hits_in ? one.filtered.hit_in : one.filtered.passed_in);
  ++(hits_out ? one.filtered.hit_out : one.filtered.passed_out);
  if (!all) ++one.filtered.hit_in;  // the stream's next packet
  if (one.filter->fate == Filter::Fate::reject) destroy_socket(host);
}

// The peer of a socket that ends is told by RST, which the relay passes on.
void ScriptedWorld::destroy_socket(Side) {
  model_->source.channel_ended = model_->destination.channel_ended = true;
}

void ScriptedWorld::seal_source() {
  Model& m = *model_;
  m.sealed = true;
  m.seal = m.forwarded;
}

bool ScriptedWorld::cut_seen(Side host, const std::string& channel) const {
  if (!channel.empty()) return model_->side_cuts.count({channel, host}) > 0;
  return model_->host(host).channel_ended;
}
void ScriptedWorld::corrupt_next_page(std::uint64_t which_bit) { model_->flip_bit = which_bit; }
std::optional<Flip> ScriptedWorld::flip() const {
  return model_->first_flip ? model_->first_flip : model_->flipped;
}

void ScriptedWorld::start_again(bool) {
  Model& m = *model_;
  if (m.remains || m.destination.alive) throw InfraError("the first destination has not ended");
  m.remains = Remains{m.destination.text, m.destination.messages, "", trace(Side::destination)};
  if (m.flipped) m.first_flip = m.flipped;
  const auto life = m.destination.life + 1;
  m.destination = Host();
  m.destination.side = Side::destination;
  m.destination.actor = "destination-2";
  m.destination.life = life;
  m.destination.alive = true;
  m.destination.ram.resize(m.plan.guest.memory_bytes);
  m.destination.run = RunState::inmigrate;
  for (auto* one : {&m.source, &m.destination}) one->port = one->link = one->guest_link = true;
  m.source.path_back = {};
  m.source.channel_ended = m.source.closed = false;
  static_cast<Migration&>(m) = Migration();
  m.journal_from = m.persisted.size();
  m.history.add(m.destination.actor, "process", "started");
  m.ask(m.destination);
  m.moved();
}

std::optional<Remains> ScriptedWorld::first_destination() const { return model_->remains; }

void ScriptedWorld::break_storage(Side host, StorageFailure how) {
  model_->host(host).storage = how;
}
void ScriptedWorld::heal_storage(Side host) {
  model_->host(host).storage.reset();
  model_->moved();
}
void ScriptedWorld::lock_image(bool locked) { model_->image_locked = locked; }

StorageSight ScriptedWorld::storage(Side host) const {
  const auto ails = model_->host(host).storage;
  StorageSight sight;
  sight.frozen = ails == StorageFailure::hangs;
  if (ails == StorageFailure::crashes) sight.ended = Ending{0, 9};
  if (ails == StorageFailure::errors) sight.probe = "read failed: Input/output error";
  sight.locked = model_->image_locked;
  return sight;
}

std::optional<std::vector<std::byte>> ScriptedWorld::disk(Side) { return std::nullopt; }
void ScriptedWorld::close_management(Side host) { model_->shut_out(model_->host(host)); }
std::optional<std::string> ScriptedWorld::management_shut_out(Side host) const {
  const Host& one = model_->host(host);
  if (!one.shut_out || model_->now - one.closed_at < Milliseconds(1)) return std::nullopt;
  return "scripted: shut out";
}
void ScriptedWorld::silence_management(Side host) {
  model_->host(host).silent = true;
  model_->ask(model_->host(host));
}
Milliseconds ScriptedWorld::management_unanswered(Side host) const {
  const auto& asked = model_->host(host).asked;
  if (!asked) return Milliseconds(0);
  return std::chrono::duration_cast<Milliseconds>(model_->now - *asked);
}
void ScriptedWorld::restore_management(Side host) { model_->hear_again(model_->host(host)); }
void ScriptedWorld::mismatch(Mismatch what, bool more) {
  // QEMU does not notice one device more, nor another model with the same sections.
  if (more && (what == Mismatch::devices || what == Mismatch::cpu)) return;
  model_->mismatch = what;
}
void ScriptedWorld::without_listener() { model_->listens = false; }
void ScriptedWorld::distrust(Side, Distrust) { model_->trusts = false; }
void ScriptedWorld::intrude(const Intrusion&) {
  Model& m = *model_;
  m.intrusion = {m.migrating, !m.migrating, false};
  const bool open = mode_from(m.plan.mode).credentials() == Credentials::none;
  if (!m.migrating && open) m.listens = false;  // the stranger has the source's place
}
IntrusionSight ScriptedWorld::intrusion() const {
  return model_->intrusion.value_or(IntrusionSight());
}

void ScriptedWorld::poke(Side host, std::uint64_t gpa, Bytes bytes) {
  std::copy(bytes.begin(), bytes.end(),
            model_->host(host).ram.begin() + static_cast<std::ptrdiff_t>(gpa));
}

const std::vector<std::string>& ScriptedWorld::persisted() const { return model_->persisted; }
std::uint64_t ScriptedWorld::overlap_ms() const { return model_->overlap; }
Milliseconds ScriptedWorld::elapsed() const {
  return std::chrono::duration_cast<Milliseconds>(model_->now - model_->begun);
}

HypervisorKind scripted_hypervisor(const Defects& defects) {
  return {"scripted", "a model of two QEMUs, for tests of the harness",
          [defects](io::Loop&, const Plan& plan, const Guest& guest, const Protocol& protocol) {
            const auto* fake = dynamic_cast<const FakeGuest*>(&guest);
            if (fake == nullptr) throw InfraError("scripted: it can only run the guest `fake`");
            return std::make_unique<ScriptedWorld>(plan, *fake,
                                                   protocol.destination_starts_paused(),
                                                   protocol.pause_before_switchover(), defects);
          }};
}

Plan scripted_plan(std::uint64_t seed) {
  Plan plan;
  plan.hypervisor = "scripted";
  plan.seed = seed;
  plan.accel = "tcg";
  plan.guest.name = "fake";
  plan.guest.seed = seed;
  plan.guest.memory_bytes = FakeGuest().least_memory_bytes();
  plan.guest.dirty_pages_per_s = 1000 / kBeatMs;
  return plan;
}

}  // namespace migfuzz::fakes
