#include "harness/hypervisors/qemu.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "harness/core/error.h"
#include "harness/core/mode.h"
#include "harness/hypervisors/migration_file.h"
#include "harness/hypervisors/migration_mode.h"
#include "harness/hypervisors/mirror.h"
#include "harness/hypervisors/qemu_host.h"
#include "harness/hypervisors/saved_vm.h"
#include "harness/hypervisors/tracing.h"
#include "harness/io/child.h"
#include "harness/io/credentials.h"
#include "harness/io/filters.h"
#include "harness/io/guest_client.h"
#include "harness/io/guest_network.h"
#include "harness/io/network.h"
#include "harness/io/queueing.h"
#include "harness/io/relay.h"
#include "harness/io/sockets.h"
#include "harness/io/stranger.h"

namespace migfuzz {
namespace {

using nlohmann::json;
constexpr Milliseconds kSetUpLimit{20000};
// Any number: the destination's network namespace holds nothing else that could listen.
constexpr int kNobodysPort = 49152;
constexpr Milliseconds kStarvedEvery{10};
// Send buffers of a tight channel, bytes: while memory goes over it where nothing is to be met
// there, while what is left of memory does, and from then on (the kernel's least).
constexpr int kLooseBytes = 106496, kSmallBytes = 16384, kLeastBytes = 1;
constexpr int kFirstRecoveryPort = 49200;
// Bytes/s; what is left of a post-copy then follows in some hundred milliseconds.
constexpr std::uint64_t kFollowFast = 32 << 20;
// A source that saves at this pace has not come far when somebody wants to meet it.
constexpr std::uint64_t kSlowSaving = 1 << 20;

// A guest that keeps no journal has a disk all the same, as every VM of a cloud.
std::uint64_t disk_bytes(const Guest& guest) {
  return guest.disk_bytes() != 0 ? guest.disk_bytes() : 1 << 20;
}

class QemuWorld final : public World {
 public:
  QemuWorld(io::Loop& loop, const Plan& plan, const Guest& guest, const MigrationSetup& setup)
      : loop_(loop),
        plan_(plan),
        guest_(guest),
        setup_(setup),
        mode_(mode_from(plan.mode)),
        journal_(std::make_unique<io::MemoryFile>("journal")) {
    make_relay(relay_handlers());
  }

  // --- life ------------------------------------------------------------------------------------

  void trace_hosts() override { traces_ = true; }

  void start() override {
    if (guest_.wake(plan_.guest)) saved_ = take_saved();  // seconds, if it has to boot
    const auto deadline = now() + kSetUpLimit;
    disk_ = std::make_unique<Disk>(loop_, plan_.disk, disk_bytes(guest_), network_, mirrors_,
                                   saved_ ? saved_->disk.get() : -1, deadline);
    history_.add("director", "note", "disk", {{"what", disk_->words()}});
    make_credentials();
    payload_ = payload_of(guest_, saved_.has_value());
    if (plan_.migration_networks > 1) network_.add_second();
    if (const auto address = guest_.address()) make_guest_network(address->hardware);
    if (mode_.through_file())
      file_ = std::make_unique<MigrationFile>(
          plan_.guest.memory_bytes,
          [this](std::uint64_t gpa) { return owned(gpa); });
    source_ = std::make_unique<QemuHost>(loop_, spec(Side::source), history_, [this] { moved(); });
    destination_ =
        std::make_unique<QemuHost>(loop_, spec(Side::destination), history_, [this] { moved(); });
    history_.add("source", "note", "version", {{"qemu", source_->connect(deadline)}});
    if (saved_) go_on_from(*saved_, *source_, *guest_.wake(plan_.guest), deadline);
    history_.add("destination", "note", "version", {{"qemu", destination_->connect(deadline)}});
    if (file_)
      open_file(deadline);
    else if (plan_.transport == Transport::tcp)
      open_tcp(deadline);
    else
      open_unix(deadline);
    prepare_source(deadline);
    prepare_mirror(deadline);
    ticker_ = std::make_unique<io::Ticker>(loop_, Milliseconds(4), [this] { watch_heartbeats(); });
    if (!loop_.run_until([this] { return source_->last_step() > 0; }, deadline))
      throw InfraError(fmt::format("the guest gave no heartbeat within {} s; QEMU printed: {}",
                                   kSetUpLimit.count() / 1000, source_->messages()));
    // On a machine that is short of time a migration may be over before the guest's first write.
    if (!loop_.run_until([this] { return has_written(); }, deadline))
      throw InfraError(fmt::format("the guest acknowledged no write within {} s; QEMU printed: {}",
                                   kSetUpLimit.count() / 1000, source_->messages()));
    if (guests_) meet_clients(deadline);
    moved();
  }

  void arm(const Trigger& trigger, const std::string& channel) override {
    relay_->arm(trigger, channel);
  }

  void migrate() override {
    source_->monitor().send(
        "migrate", {{"uri", uri_}}, [this](const json&, const io::QmpError* error) {
          if (error == nullptr) return;
          // Only an answer refuses: a manager that lost its connection knows nothing.
          const auto* what = error->unanswered() ? "migrate-unanswered" : "migrate-refused";
          history_.add("source", "note", what, {{"error", error->text}});
        });
    history_.add("source", "qmp-command", "migrate", {{"uri", uri_}});
    moved();
  }

  void release(const Trigger& trigger, const std::string& channel) override {
    relay_->release(trigger, channel);
  }

  bool pump(const std::function<bool()>& done, Clock::time_point until) override {
    const bool result = loop_.run_until(done, until);
    for (const QemuHost* one : {source_.get(), destination_.get()})
      if (one != nullptr && !one->unknown_word().empty())
        throw InfraError(
            fmt::format("QEMU said {}, which this harness does not know; it may be "
                        "newer than the harness",
                        one->unknown_word()));
    watch_heartbeats();  // a harness that was away for a while has missed some
    raise_downtime_limit();
    follow_the_destination();
    return result;
  }

  Clock::time_point now() const override { return Clock::now(); }
  History& history() override { return history_; }

  // --- what is known ---------------------------------------------------------------------------

  Sight sight(Side side) const override {
    return host(side).sight(Milliseconds(plan_.patience_ms / 2));
  }
  ChannelSight channel(const std::string& name) const override { return relay_->sight(name); }
  // Compressed pages and those of other channels are not seen one by one; a recovery has a channel
  // of its own.
  std::optional<PagesAfterSwitch> pages_after_switch() const override {
    const bool plain = mode_.postcopy() && mode_.sends_plain_pages() && !mode_.preempt();
    if (!plain || recoveries_ > 0 || remains_) return std::nullopt;
    return relay_->pages_after_switch();
  }
  std::uint32_t passes() const override { return source_->passes(); }
  void ask(Side side) override {
    host(side).ask();
    if (mirror_) mirror_->look();
  }
  Clock::time_point last_answer(Side side) const override { return host(side).last_answer(); }
  Clock::time_point last_progress() const override {
    return std::max({last_change_, relay_->last_byte(),
                     mirror_ ? mirror_->last_byte() : Clock::time_point{}});
  }
  // Asked at every byte that moves; three files are read for it.
  Clock::duration starved() const override {
    if (now() < starved_at_ + kStarvedEvery) return starved_;
    starved_at_ = now();
    return starved_ = waited_for_processors();
  }
  Clock::duration waited_for_processors() const {
    auto sum = io::waited_for_processor(::getpid());
    for (QemuHost* one : {source_.get(), destination_.get()})
      if (one != nullptr && one->process().alive())
        sum += io::waited_for_processor(one->process().pid());
    return sum;
  }
  std::string guest_text(Side side) const override { return host(side).guest_text(); }
  Image image(Side side) const override { return host(side).ram(); }
  HostTrace trace(Side side) const override { return host(side).trace(); }
  std::string messages(Side side) const override { return host(side).messages(); }
  std::string transcript(Side side) const override { return host(side).transcript(); }
  void keep_stacks(Side side, std::string_view heading) override {
    host(side).keep_stacks(heading);
  }
  std::string stacks(Side side) const override { return host(side).stacks(); }

  // --- what the arbiter may do -----------------------------------------------------------------

  void continue_switchover() override {
    tighten(kSmallBytes);
    relay_->switchover_allowed();
    command(Side::source, "migrate-continue", {{"state", "pre-switchover"}});
  }
  void cancel() override { command(Side::source, "migrate_cancel", {}); }
  void resume(Side side) override { command(side, "cont", {}); }
  void pause(Side side) override { command(side, "stop", {}); }
  void quit(Side side) override {
    host(side).leave();
    command(side, "quit", {});
  }

  void yank(Side side) override {
    const json instances = json::array({{{"type", "migration"}}});
    out_of_band(side, "yank", {{"instances", instances}});
    if (mirror_ && side == Side::source) mirror_->yank();
  }

  void start_postcopy() override { command(Side::source, "migrate-start-postcopy", {}); }
  void pause_channel(Side side) override { out_of_band(side, "migrate-pause", json::object()); }

  // The destination listens before the source connects. One that was told before and has seen
  // nobody still listens where it was told to, and says so.
  void recover() override {
    const auto broken = std::exchange(relay_, nullptr);
    make_relay(relay_handlers(), broken.get());
    for (const auto& [trigger, lane] : broken->waiting()) relay_->arm(trigger, lane);
    listen_for(static_cast<std::uint16_t>(kFirstRecoveryPort + recoveries_));
    const auto where = fmt::format("tcp:{}:{}", io::kDestinationAddress,
                                   kFirstRecoveryPort + recoveries_);
    history_.add(actor(Side::destination), "qmp-command", "migrate-recover", {{"uri", where}});
    destination_->out_of_band().send(
        "migrate-recover", {{"uri", where}},
        [this](const json&, const io::QmpError* error) {
          replied(Side::destination, "migrate-recover", error);
          if (error == nullptr) ++recoveries_;
          resume_migration();
        },
        true);
    moved();
  }

  // --- the file --------------------------------------------------------------------------------

  void hurry_saving() override {
    command(Side::source, "migrate-set-parameters",
            {{"max-bandwidth", plan_.bandwidth_bytes_per_s}});
  }
  void load_file() override { command(Side::destination, "migrate-incoming", {{"uri", uri_}}); }
  void fill_file(bool full) override {
    if (file_) file_->fill(full);
  }
  std::string file_refusal() const override { return file_ ? file_->refusal() : ""; }
  void cut_file(std::uint64_t where) override {
    if (file_) file_->cut(where);
  }
  std::optional<FileCut> file_cut() const override {
    return file_ ? file_->last_cut() : std::nullopt;
  }
  void corrupt_file(std::uint64_t which_bit) override {
    if (file_) flip_ = file_->flip(which_bit);
  }

  // --- the mirror of the disk ------------------------------------------------------------------

  void start_mirror() override {
    if (mirror_) mirror_->start();
  }
  void hurry_mirror() override {
    if (mirror_) mirror_->hurry();
  }
  void end_mirror() override {
    if (mirror_) mirror_->end();
  }
  void abandon_mirror() override {
    if (mirror_) mirror_->abandon();
  }
  void end_export() override {
    if (mirror_) mirror_->end_export();
  }
  MirrorSight mirror() const override { return mirror_ ? mirror_->sight() : MirrorSight{}; }
  void cut_mirror() override {
    if (mirror_) mirror_->cut();
  }
  void stall_mirror(bool stalled) override {
    if (mirror_) mirror_->stall(stalled);
  }
  MirrorPathSight mirror_path() const override {
    return mirror_ ? mirror_->path() : MirrorPathSight{};
  }
  void stop_disk_server() override {
    if (mirror_) mirror_->stop_server();
  }
  void fill_destination_disk(bool full) override { disk_->fill(full); }
  std::string destination_disk_refusal() const override { return disk_->refusal(); }

  std::optional<DiskPair> compare_disks() override {
    const auto source = disk(Side::source), destination = disk(Side::destination);
    if (!source || !destination) return std::nullopt;
    DiskPair pair;
    pair.bytes = source->size();
    for (std::uint64_t i = 0; i < pair.bytes; ++i)
      if ((*source)[i] != destination->at(i) && pair.differing++ == 0) pair.first_differing = i;
    return pair;
  }

  void fence(Side side) override { host(side).process().signal(SIGKILL); }

  void persist(std::string_view decision) override {
    const std::string line = std::string(decision) + "\n";
    journal_->write(std::as_bytes(std::span(line.data(), line.size())));
  }

  std::vector<std::string> journal() const override {
    std::vector<std::string> words;
    std::istringstream text(journal_->text());
    for (std::string line; std::getline(text, line);) words.push_back(line);
    return words;
  }

  // --- what faults may do ----------------------------------------------------------------------

  void kill(Side side) override { host(side).process().signal(SIGKILL); }
  void freeze(Side side) override { host(side).process().signal(SIGSTOP); }
  void thaw(Side side) override { host(side).process().signal(SIGCONT); }
  bool frozen(Side side) const override { return host(side).process().all_threads_stopped(); }
  void set_port(Side side, bool forwarding) override { network_.set_port(side, forwarding); }
  bool port_forwarding(Side side) const override { return network_.port_forwarding(side); }
  void set_link(Side side, bool up) override { network_.set_link(side, up); }
  bool link_up(Side side) const override { return network_.link_up(side); }

  bool reachable(Side side) const override { return network_.answers_probe(side); }

  std::uint64_t unacknowledged_bytes(Side side) const override {
    std::uint64_t sum = relay_->unacknowledged_bytes(side);
    for (const auto& name : relay_->lanes())
      for (const auto& socket : sockets_of(side, name)) sum += socket.send_queue;
    return sum;
  }

  void cut(Cut how, Side towards, const std::string& channel) override {
    relay_->cut(how, towards, channel);
  }
  void set_stage(Side towards, const Stage& stage, const std::string& channel) override {
    relay_->set_stage(towards, stage, channel);
  }
  void seal_source() override { relay_->seal_source(); }

  bool cut_seen(Side side, const std::string& channel) const override {
    constexpr int kEstablished = 1;  // TCP_ESTABLISHED, include/net/tcp_states.h
    if (!channel.empty() && relay_->local_port(side, channel) == 0) return false;  // not there yet
    for (const auto& socket : sockets_of(side, channel))
      if (socket.state == kEstablished) return false;
    return true;
  }

  void corrupt_next_page(std::uint64_t which_bit) override { relay_->corrupt_next_page(which_bit); }
  std::optional<Flip> flip() const override { return flip_ ? flip_ : relay_->flip(); }
  void corrupt_next_byte(unsigned bit, const std::string& channel) override {
    relay_->corrupt_next_byte(bit, channel);
  }
  void corrupt_later_byte(std::uint64_t bytes_later, unsigned bit) override {
    relay_->corrupt_later_byte(bytes_later, bit);
  }
  std::optional<FrameFlip> frame_flip() const override {
    return frame_flip_ ? frame_flip_ : relay_->frame_flip();
  }

  void set_filter(Side side, const std::optional<Filter>& filter) override {
    // Loss counts packets as the wire has them.
    if (filter && filter->one_in > 1) queues_.set_offload(side, false);
    if (filter) return filters_.set(side, *filter);
    filters_.clear(side);
    queues_.set_offload(side, true);
  }
  FilterCounts filter_counts(Side side) const override { return filters_.counts(side); }

  void set_queueing(Side side, const std::optional<Queueing>& queueing) override {
    queueing ? queues_.set(side, *queueing) : queues_.clear(side);
  }
  QueueCounts queue_counts(Side side) const override { return queues_.counts(side); }

  void provoke(Side side) override {
    relay_->probe(side);
    network_.knock(side);
  }
  void destroy_socket(Side side) override {
    std::set<std::uint16_t> ports;  // towards the source all channels have the same one
    for (const auto& lane : relay_->lanes()) ports.insert(relay_->local_port(side, lane));
    for (const auto port : ports)
      if (port != 0) io::destroy_sockets(network_.namespace_fd(side), port);
  }

  void intrude(const Intrusion& what) override {
    if (incoming_port_ == 0) throw InfraError("a stranger needs a TCP port to connect to");
    stranger_ = std::make_unique<io::Stranger>(socket_in_switch("a stranger"),
                                               io::kDestinationAddress, incoming_port_, what);
  }
  IntrusionSight intrusion() const override {
    return stranger_ ? stranger_->look() : IntrusionSight();
  }

  std::optional<NetworkSight> network() override {
    if (!client_) return std::nullopt;
    listen();
    return NetworkSight{client_->sight(), frames_, guests_->lost(), guests_->place_of_vm()};
  }
  void set_guest_link(Side side, bool up) override {
    if (guests_) guests_->set_link(side, up);
  }
  std::optional<bool> guest_link_up(Side side) const override {
    return guests_ ? std::optional(guests_->link_up(side)) : std::nullopt;
  }
  ClientSight client() const override { return client_ ? client_->sight() : ClientSight{}; }

  // --- storage ---------------------------------------------------------------------------------

  void break_storage(Side side, StorageFailure how) override { disk_->fail(side, how); }
  void heal_storage(Side side) override { disk_->heal(side); }
  void lock_image(bool locked) override { disk_->lock(locked); }

  StorageSight storage(Side side) const override {
    auto sight = disk_->sight(side);
    sight.guest_errors = host(side).disk_errors();
    return sight;
  }

  std::optional<std::vector<std::byte>> disk(Side side) override {
    try {
      return disk_->content(side, now() + kSetUpLimit);
    } catch (const InfraError& error) {
      history_.add("director", "note", "disk-unreadable", {{"why", std::string(error.what())}});
      return std::nullopt;
    }
  }

  void read_storage(Side side) override { disk_->begin_read(side, network_); }
  std::optional<std::string> storage_answer(Side side) override {
    const auto answer = disk_->read_answer(side);
    const bool locked = disk_->sight(side).locked && side == Side::destination;
    return answer && answer->empty() && locked ? "somebody else has locked it" : answer;
  }

  void close_management(Side side) override { host(side).management().close(); }
  std::optional<std::string> management_shut_out(Side side) const override {
    return host(side).management().shut_out();
  }
  void silence_management(Side side) override {
    host(side).management().silence();
    host(side).ask();
  }
  Milliseconds management_unanswered(Side side) const override {
    return host(side).management().unanswered();
  }
  void restore_management(Side side) override { host(side).management().restore(); }
  bool management_restored(Side side) const override { return host(side).management().restored(); }

  void mismatch(Mismatch what, bool more) override {
    mismatch_ = what;
    mismatch_more_ = more;
  }
  void without_listener() override { listens_ = false; }
  void distrust(Side side, Distrust how) override { distrusted_ = {side, how}; }

  // --- a second migration ----------------------------------------------------------------------

  // Always over TCP: an AF_UNIX pair knows no hosts, and the network must be shown to work again.
  void start_again(bool fresh_host) override {
    const auto deadline = now() + kSetUpLimit;
    if (remains_ || !destination_->sight(Milliseconds(0)).dead)
      throw InfraError("a second destination needs the first one's end");
    keep_remains();
    if (!flip_) flip_ = relay_->flip();
    frame_flip_ = relay_->frame_flip();
    if (fresh_host) {
      network_.replace_destination();
      if (guests_) guests_->follow_destination(network_);
      disk_->follow_destination(network_, deadline);
    }
    disk_->renew_destination(network_, deadline);
    restore_network(deadline);
    make_relay({});
    journal_ = std::make_unique<io::MemoryFile>("journal");
    destination_beat_ = 0;
    mismatch_.reset();
    distrusted_.reset();
    stranger_.reset();
    listens_ = true;
    destination_ =
        std::make_unique<QemuHost>(loop_, spec(Side::destination), history_, [this] { moved(); });
    history_.add(actor(Side::destination), "note", "version",
                 {{"qemu", destination_->connect(deadline)}});
    file_ ? open_file(deadline) : open_tcp(deadline);
    prepare_mirror(deadline);
    if (mode_.snapshot()) take_plainly(deadline);
    source_->monitor().call("migrate-set-parameters",
                            {{"max-bandwidth", 0}, {"downtime-limit", plan_.downtime_limit_ms}},
                            deadline);
    downtime_raised_ = true;
    moved();
  }

  void restart() override {
    const auto deadline = now() + kSetUpLimit;
    if (!source_->sight(Milliseconds(0)).dead || !destination_->sight(Milliseconds(0)).dead)
      throw InfraError("a VM that somebody may still run must not be started again");
    keep_remains();
    mismatch_.reset();
    restarted_ = true;
    destination_beat_ = 0;
    auto fresh = spec(Side::destination);
    fresh.incoming = fresh.paused = false;
    fresh.ram = fresh.payload = nullptr;
    fresh.restored = false;
    destination_ = std::make_unique<QemuHost>(loop_, fresh, history_, [this] { moved(); });
    history_.add(actor(Side::destination), "note", "version",
                 {{"qemu", destination_->connect(deadline)}});
    moved();
  }

  std::optional<Remains> first_destination() const override { return remains_; }

  void poke(Side side, std::uint64_t gpa, Bytes bytes) override { host(side).poke(gpa, bytes); }

  void repeat_frame(Side side) override {
    if (!guests_) throw InfraError("canary: there is no network on which anybody could send");
    listen();  // the last one is among what has come
    guests_->repeat(side);
  }

 private:
  QemuHost& host(Side side) const {
    QemuHost* one = side == Side::source ? source_.get() : destination_.get();
    if (one == nullptr || side == Side::channel) throw InfraError("no such host is up");
    return *one;
  }

  // The destinations that a case has had before the one that is up: only of the first one.
  void keep_remains() {
    if (!remains_)
      remains_ = Remains{destination_->guest_text(), destination_->messages(),
                         destination_->transcript(), destination_->trace(),
                         destination_->stacks()};
  }

  std::string actor(Side side) const {
    if (restarted_ && side == Side::destination) return "restarted";
    return std::string(to_string(side)) + (remains_ && side == Side::destination ? "-2" : "");
  }

  // The second migration after a snapshot is a plain one: nobody could be handed over otherwise.
  const Mode& mode() const { return remains_ && mode_.snapshot() ? plain_ : mode_; }

  void make_relay(io::Relay::Handlers handlers, const io::Relay* continued = nullptr) {
    relay_ = std::make_unique<io::Relay>(loop_, std::move(handlers), continued);
    relay_->expect_side_channels(mode_.side_channels());
    if (mode_.credentials() != Credentials::none) relay_->set_encrypted();
  }

  // Over the second network where there is one: the first one stays as it is.
  void restore_network(Clock::time_point deadline) {
    if (plan_.migration_networks > 1) {
      switch_address_ = io::kSecondSwitchAddress;
      destination_address_ = io::kSecondDestinationAddress;
      history_.add("director", "note", "second-network", {{"at", std::string(switch_address_)}});
      return;
    }
    for (const auto side : {Side::source, Side::destination}) {
      if (!network_.link_up(side)) network_.set_link(side, true);
      if (!network_.port_forwarding(side)) network_.set_port(side, true);
    }
    const auto back = [this] {
      return network_.answers_probe(Side::source) && network_.answers_probe(Side::destination);
    };
    if (!loop_.run_until(back, deadline))
      throw InfraError("the hosts do not answer after the network was restored");
  }

  QemuHostSpec spec(Side side) const {
    QemuHostSpec spec;
    spec.side = side;
    spec.actor = actor(side);
    spec.binary = side == Side::source ? plan_.source.binary : plan_.destination.binary;
    spec.accel = plan_.accel;
    spec.machine = plan_.machine;
    spec.shape = plan_.guest;
    spec.guest = &guest_;
    spec.payload = payload_;
    spec.restored = saved_.has_value();
    spec.disk = disk_->attachment(side);
    spec.network_namespace_fd = network_.namespace_fd(side);
    if (guests_) spec.tap_fd = guests_->tap_fd(side);
    spec.trace = traces_;
    if (side == Side::source)
      spec.event = [this](const std::string& name, const json& data) {
        if (mirror_) mirror_->heard(name, data);
      };
    const bool to_be_restored = side == Side::source && saved_;
    spec.incoming = side == Side::destination || to_be_restored;
    if (side == Side::destination && mode_.shares_ram()) spec.ram = source_->ram_file();
    if (!mode_.postcopy() && !mode_.snapshot()) spec.ram_pages = io::RamPages::large;
    spec.paused = to_be_restored || (side == Side::destination &&
                                     (setup_.destination_paused || mode().snapshot()));
    if (file_) spec.migration_file_fd = file_->fd();
    if (credentials_) {
      spec.tls_folders_fd = credentials_->fd();
      // The good ones, too: a second migration is to succeed.
      for (const bool good : {true, false})
        if (auto object = credentials_->object(side, tls_id(good), good); !object.empty())
          spec.tls_objects.push_back(std::move(object));
    }
    const auto wrong = mismatch_ == Mismatch::unmovable_device ? Side::source : Side::destination;
    if (side == wrong && mismatch_) misconfigure(spec, *mismatch_, mismatch_more_);
    return spec;
  }

  bool owned(std::uint64_t gpa) const {
    return guest_.owns(plan_.guest, source_->ram(), gpa);
  }

  // Where there are no taps the VM is migrated all the same, and nobody speaks with it.
  void make_guest_network(const io::Mac& hardware) {
    if (const auto why = io::GuestNetwork::impossible(); !why.empty())
      history_.add("director", "note", "no-guest-network", {{"why", why}});
    else
      guests_ = std::make_unique<io::GuestNetwork>(network_, hardware);
  }

  void meet_clients(Clock::time_point deadline) {
    const auto address = *guest_.address();
    client_ = std::make_unique<io::GuestClient>(loop_, network_, address.ip, address.echo_port);
    const auto answered = [this] {
      return client_->sight().pings.answered > 0 && client_->sight().echoes.answered > 0;
    };
    if (!loop_.run_until(answered, deadline))
      throw InfraError(fmt::format("the guest did not answer its client within {} s",
                                   kSetUpLimit.count() / 1000));
  }

  // --- a guest that was booted before ------------------------------------------------------------

  SavedVm take_saved() {
    QemuHostSpec like;
    like.binary = plan_.source.binary;
    like.accel = plan_.accel;
    like.machine = plan_.machine;
    like.shape = plan_.guest;
    like.guest = &guest_;
    auto saved = saved_vm(loop_, like);
    history_.add("director", "note", "saved-guest", {{"boots", std::int64_t{saved.boots}}});
    return saved;
  }

  // --- TLS -------------------------------------------------------------------------------------

  static std::string tls_id(bool good) { return good ? "tls" : "tls-bad"; }

  void make_credentials() {
    const auto kind = mode_.credentials();
    if (kind == Credentials::none) return;
    credentials_ = std::make_unique<io::CredentialFolders>(kind);
    if (distrusted_) credentials_->spoil(distrusted_->first, distrusted_->second);
  }

  // Before the destination listens, and before the source is told to migrate. Empty words: plain.
  void secure(Side side, Clock::time_point deadline) {
    if (!credentials_) return;
    const bool good = !distrusted_ || distrusted_->first != side;
    const bool speaks = !credentials_->object(side, tls_id(good), good).empty();
    json parameters{{"tls-creds", speaks ? tls_id(good) : ""}};
    if (side == Side::source)
      parameters["tls-hostname"] = speaks ? io::kDestinationName : "";
    host(side).monitor().call("migrate-set-parameters", parameters, deadline);
  }

  void moved() { last_change_ = Clock::now(); }

  void replied(Side side, const std::string& name, const io::QmpError* error) {
    Fields fields;
    if (error != nullptr) fields.emplace_back("error", error->text);
    history_.add(actor(side), "qmp-reply", name, std::move(fields));
    host(side).ask();
    moved();
  }

  void command(Side side, const std::string& name, const json& arguments) {
    history_.add(actor(side), "qmp-command", name);
    host(side).monitor().send(
        name, arguments,
        [this, side, name](const json&, const io::QmpError* error) { replied(side, name, error); });
    moved();
  }

  void out_of_band(Side side, const std::string& name, const json& arguments) {
    history_.add(actor(side), "qmp-command", name);
    host(side).out_of_band().send(
        name, arguments,
        [this, side, name](const json&, const io::QmpError* error) { replied(side, name, error); },
        true);
    moved();
  }

  void resume_migration() {
    history_.add("source", "qmp-command", "migrate", {{"uri", uri_}, {"resume", true}});
    source_->monitor().send("migrate", {{"uri", uri_}, {"resume", true}},
                            [this](const json&, const io::QmpError* error) {
                              replied(Side::source, "migrate", error);
                            });
  }

  // The relay listens for the source and goes on to that port of the destination.
  void listen_for(std::uint16_t port) {
    incoming_port_ = port;
    network_.inside(Side::channel, [&] {
      uri_ = fmt::format("tcp:{}:{}", switch_address_, relay_->listen_tcp(switch_address_));
    });
    relay_->forward_to_tcp(destination_address_, port,
                           [this] { return socket_in_switch("relay"); });
  }

  io::UniqueFd socket_in_switch(const std::string& whose) {
    io::UniqueFd fd;
    network_.inside(Side::channel, [&] {
      fd = io::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    });
    if (!fd) io::fail(whose + ": socket");
    return fd;
  }

  void open_tcp(Clock::time_point deadline) {
    for (const auto side : {Side::source, Side::destination}) secure(side, deadline);
    if (!listens_) {
      // Straight to the host, past the relay: its kernel refuses what nobody listens to.
      uri_ = fmt::format("tcp:{}:{}", io::kDestinationAddress, kNobodysPort);
      return;
    }
    io::Qmp& qmp = destination_->monitor();
    set_mode(qmp, mode(), mode().usual_capabilities(), deadline);
    qmp.call("migrate-incoming", {{"uri", fmt::format("tcp:{}:0", destination_address_)}},
             deadline);
    const auto state = qmp.call("query-migrate", {}, deadline);
    const auto addresses = state.value("socket-address", json::array());
    if (addresses.empty()) throw InfraError("the destination did not say where it listens");
    const auto port = std::stoul(addresses[0].value("port", "0"));
    listen_for(static_cast<std::uint16_t>(port));
  }

  void open_unix(Clock::time_point deadline) {
    auto [source_end, towards_source] = io::socket_pair();
    auto [destination_end, towards_destination] = io::socket_pair();
    for (const int fd :
         {source_end.get(), towards_source.get(), destination_end.get(), towards_destination.get()})
      io::make_tight(fd);
    source_->monitor().call("getfd", {{"fdname", "channel"}}, deadline, source_end.get());
    destination_->monitor().call("getfd", {{"fdname", "channel"}}, deadline, destination_end.get());
    set_mode(destination_->monitor(), mode(), mode().usual_capabilities(), deadline);
    destination_->monitor().call("migrate-incoming", {{"uri", "fd:channel"}}, deadline);
    uri_ = "fd:channel";
    loosen(source_end.get(), towards_destination.get());
    relay_->adopt(std::move(towards_source), std::move(towards_destination));
  }

  // Where every place of the plan lies behind the switch-over, and the source stands before it, the
  // rounds over memory need not go through the least buffers; what memory is left then goes through
  // small ones, and the devices through the least. Its own descriptor is the only way to the
  // source's buffer.
  void loosen(int source_end, int towards_destination) {
    const auto behind = [](const FaultSpec& fault) {
      const auto phase = fault.trigger.point.phase;
      return phase == Phase::stopcopy || phase == Phase::commit || phase == Phase::activate;
    };
    if (!setup_.pause_before_switchover || mode_.postcopy() ||
        !std::all_of(plan_.faults.begin(), plan_.faults.end(), behind))
      return;
    const auto inode = io::inode_of(source_end);
    if (!io::borrow_socket(source_->process().pid(), inode)) return;
    for (const int fd : {source_end, towards_destination}) io::set_send_buffer(fd, kLooseBytes);
    loose_source_ = inode;
  }

  void tighten(int bytes) {
    if (!loose_source_ || !source_->process().alive()) return;
    relay_->set_send_buffers(bytes);
    const auto end = io::borrow_socket(source_->process().pid(), *loose_source_);
    if (end)
      io::set_send_buffer(end.get(), bytes);
    else
      history_.add("source", "note", "channel-closed-before-its-end");
  }

  void take_plainly(Clock::time_point deadline) {
    auto off = capabilities_of(mode_, {});
    for (auto& one : off["capabilities"]) one["state"] = false;
    source_->monitor().call("migrate-set-capabilities", off, deadline);
    prepare_source(deadline);
  }

  // The destination is told to load it later.
  void open_file(Clock::time_point deadline) {
    set_mode(destination_->monitor(), mode(), mode().usual_capabilities(), deadline);
    uri_ = file_->uri();
  }

  void prepare_source(Clock::time_point deadline) {
    auto capabilities = mode().usual_capabilities();
    // A mirror can only be ended where the guest stands still and nobody has switched over.
    if ((setup_.pause_before_switchover || mirrors_ || file_) && !mode().snapshot())
      capabilities.emplace_back("pause-before-switchover");
    set_mode(source_->monitor(), mode(), capabilities, deadline);
    // The least downtime limit keeps a guest that dirties fast enough from converging before it has
    // had the wanted number of RAM passes; then the plan's limit is set. Never 0: QEMU 7.2 then
    // completes after the first pass without asking for dirty pages again (ram_save_pending).
    const bool early = plan_.least_passes > 1 || mode_.postcopy();
    source_->monitor().call(
        "migrate-set-parameters",
        {{"max-bandwidth", file_ ? kSlowSaving : plan_.bandwidth_bytes_per_s},
         {"downtime-limit", early ? 1u : plan_.downtime_limit_ms}},
        deadline);
    downtime_raised_ = !early;
  }

  void prepare_mirror(Clock::time_point deadline) {
    if (!mirrors_) return;
    mirror_ = std::make_unique<Mirror>(loop_, network_, history_, remains_ ? 2 : 1,
                                       [this] { moved(); });
    mirror_->prepare(*source_, *destination_, deadline);
  }

  void raise_downtime_limit() {
    if (downtime_raised_ || mode_.postcopy() || !source_) return;
    if (source_->passes() < plan_.least_passes) return;
    downtime_raised_ = true;
    command(Side::source, "migrate-set-parameters", {{"downtime-limit", plan_.downtime_limit_ms}});
  }

  // Post-copy: once the destination was told to run, and the places that are counted from there
  // have come, the rest may follow faster. Until then there have to be pages left, however long
  // the destination of a busy machine takes to read the package.
  void follow_the_destination() {
    if (!mode_.postcopy() || remains_ || !destination_) return;
    const auto run = destination_->sight(Milliseconds(0)).run;
    if (run != RunState::paused && run != RunState::running) return;
    relay_->destination_runs();
    if (follows_faster_ || source_->sight(Milliseconds(0)).dead || relay_->sight().holding) return;
    // The plan's places among the pages come one after the other, and each has to be met.
    std::size_t struck = 0;
    for (const auto& event : history_.events())
      if (event.kind == "fault" && event.name == "injected") ++struck;
    for (std::size_t i = struck; i < plan_.faults.size(); ++i) {
      const auto& point = plan_.faults[i].trigger.point;
      if (point.phase == Phase::postcopy && point.name.find(':') != point.name.npos) return;
    }
    follows_faster_ = true;
    command(Side::source, "migrate-set-parameters", {{"max-postcopy-bandwidth", kFollowFast}});
  }

  // What the guest wrote to its disk is what a fault could lose.
  bool has_written() const {
    if (plan_.disk == "none" || plan_.guest.disk_writes_per_s == 0) return true;
    const auto records = guest_.parse(plan_.guest, source_->guest_text()).records;
    return std::any_of(records.begin(), records.end(), [](const GuestRecord& record) {
      return record.kind == GuestRecord::Kind::disk_written;
    });
  }

  void listen() {
    if (!guests_) return;
    for (const auto& frame : guests_->frames()) frames_.push_back(frame);
  }

  void watch_heartbeats() {
    listen();
    if (file_ && file_->written()) moved();
    for (const auto side : {Side::source, Side::destination}) {
      auto& last = side == Side::source ? source_beat_ : destination_beat_;
      const auto step = host(side).last_step();
      if (step == last) continue;
      last = step;
      history_.add(actor(side), "heartbeat", "step",
                   {{"step", static_cast<std::int64_t>(step)}});
    }
  }

  // Its own port tells a host's sockets apart where all of them go to the same port of the relay.
  std::vector<io::Network::TcpSocket> sockets_of(Side side, const std::string& channel) const {
    const auto port = relay_->local_port(side, channel), own = relay_->peer_port(side, channel);
    if (port == 0) return {};
    auto all = network_.tcp_sockets(side);
    std::erase_if(all, [&](const auto& one) {
      return one.remote_port != port || one.local_port != own;
    });
    return all;
  }

  io::Relay::Handlers relay_handlers() {
    io::Relay::Handlers handlers;
    handlers.item = [this](const stream::Item& item) {
      using Kind = stream::Item::Kind;
      if (item.kind == Kind::section_part) return;  // thousands, and they say nothing new
      history_.add("channel", "stream", stream::to_string(item.kind),
                   {{"offset", static_cast<std::int64_t>(item.begin)}, {"idstr", item.idstr}});
    };
    handlers.point = [this](const std::string& lane, Phase phase, const std::string& name,
                            std::uint64_t offset) {
      if (phase == Phase::stopcopy && name == "ram-end") tighten(kLeastBytes);
      Fields fields{{"offset", static_cast<std::int64_t>(offset)}};
      if (!lane.empty()) fields.emplace_back("channel", lane);
      history_.add(channel_actor(lane), "point", fmt::format("{}/{}", to_string(phase), name),
                   std::move(fields));
    };
    handlers.entered = [this](Phase phase) { history_.add("channel", "phase", to_string(phase)); };
    handlers.back = [this](const stream::ReturnMessage& message) {
      history_.add("channel", "return-path", message.name,
                   {{"value", std::int64_t{message.value}}});
      moved();
    };
    handlers.note = [this](const std::string& lane, const std::string& name,
                           const std::string& what) {
      const auto channel = relay_->sight(lane);
      Fields fields{{"what", what},
                    {"forwarded", std::int64_t(channel.forwarded)},
                    {"back_forwarded", std::int64_t(channel.back_forwarded)}};
      if (!lane.empty()) fields.emplace_back("channel", lane);
      history_.add(channel_actor(lane), "relay", name, std::move(fields));
      moved();
    };
    handlers.owned = [this](const std::string& block, std::uint64_t address) {
      // Below 3 GiB an offset in pc.ram is the guest-physical address (hw/i386/pc_piix.c).
      return block == "pc.ram" && owned(address);
    };
    return handlers;
  }

  io::Loop& loop_;
  const Plan plan_;
  const Guest& guest_;
  const MigrationSetup setup_;
  const Mode mode_, plain_;
  History history_;
  std::unique_ptr<io::MemoryFile> journal_;
  io::Network network_;
  io::Filters filters_{network_};
  io::QueuesOfLegs queues_{network_};
  std::unique_ptr<io::GuestNetwork> guests_;
  std::unique_ptr<io::Relay> relay_;
  std::shared_ptr<io::MemoryFile> payload_;
  std::optional<std::uint64_t> loose_source_;  // whose buffer is to become small; see loosen()
  std::optional<SavedVm> saved_;  // where the guest does not boot by itself
  std::unique_ptr<MigrationFile> file_;  // outlives the hosts that open it
  std::unique_ptr<Disk> disk_;  // outlives the hosts that use it
  std::unique_ptr<QemuHost> source_, destination_;
  const bool mirrors_ = mode_.mirrors_disk();
  std::unique_ptr<Mirror> mirror_;  // of this migration
  std::unique_ptr<io::Ticker> ticker_;
  std::optional<Remains> remains_;  // of the first destination
  std::optional<Flip> flip_;        // of the first channel
  std::optional<FrameFlip> frame_flip_;
  const char* switch_address_ = io::kSwitchAddress;  // of the network that is migrated over
  const char* destination_address_ = io::kDestinationAddress;
  std::string uri_;
  int recoveries_ = 0;          // that the destination has accepted
  std::uint16_t incoming_port_ = 0;  // where the destination waits for its source
  std::unique_ptr<io::CredentialFolders> credentials_;
  std::optional<std::pair<Side, Distrust>> distrusted_;
  std::unique_ptr<io::Stranger> stranger_;
  std::unique_ptr<io::GuestClient> client_;  // of a guest that speaks on the network
  std::vector<VmFrame> frames_;              // that the switch has seen of it
  std::optional<Mismatch> mismatch_;
  bool mismatch_more_ = false, listens_ = true, traces_ = false, restarted_ = false;
  bool downtime_raised_ = true, follows_faster_ = false;
  std::uint64_t source_beat_ = 0, destination_beat_ = 0;
  Clock::time_point last_change_ = Clock::now();
  mutable Clock::time_point starved_at_;
  mutable Clock::duration starved_{};
};

}  // namespace

std::unique_ptr<World> make_qemu_world(io::Loop& loop, const Plan& plan, const Guest& guest,
                                       const MigrationSetup& setup) {
  return std::make_unique<QemuWorld>(loop, plan, guest, setup);
}

namespace {

// An event that is switched on is no proof: a binary without the backend `log` switches it on, too,
// and writes nothing. A guest that runs has set a run state at least, so that its log is not empty.
std::vector<std::string> what_it_traces(QemuHost& host) {
  const auto events = traced_events(host.monitor(), Clock::now() + kSetUpLimit);
  for (const auto& [thread, event] : host.trace().events)
    if (std::binary_search(events.begin(), events.end(), event.substr(0, event.find('('))))
      return events;
  return {};
}

}  // namespace

Trial try_accelerator(io::Loop& loop, const std::string& binary, const std::string& accel,
                      const std::string& machine, const Guest& guest, const GuestShape& shape,
                      Milliseconds limit, bool trace) {
  Trial trial;
  try {
    History history;
    QemuHostSpec spec;
    spec.binary = binary;
    spec.accel = accel;
    spec.machine = machine;
    spec.shape = shape;
    spec.guest = &guest;
    spec.disk = null_disk(disk_bytes(guest));
    spec.trace = trace;
    const auto words = guest.wake(shape);
    std::optional<SavedVm> saved;
    if (words) saved = saved_vm(loop, spec);
    spec.incoming = spec.paused = words.has_value();
    QemuHost host(loop, spec, history, [] {});
    trial.version = host.connect(Clock::now() + kSetUpLimit);
    if (words) go_on_from(*saved, host, *words, Clock::now() + kSetUpLimit);
    for (const auto& one : host.monitor().call("query-machines", {}, Clock::now() + kSetUpLimit))
      if (!one.value("deprecated", false)) trial.machines.push_back(one.value("name", ""));
    const io::Ticker look(loop, Milliseconds(2), [] {});
    trial.beats = loop.run_until([&] { return host.last_step() > 0 || !host.process().alive(); },
                                 Clock::now() + limit) &&
                  host.last_step() > 0;
    if (!trial.beats)
      trial.why = fmt::format("no heartbeat of the guest within {} ms", limit.count());
    if (trace) trial.traced = what_it_traces(host);
  } catch (const std::exception& error) {  // CannotRun of a payload, too: all of it is an answer
    trial.why = error.what();
  }
  for (auto& c : trial.why)
    if (c == '\n') c = ' ';
  return trial;
}

}  // namespace migfuzz
