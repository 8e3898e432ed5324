// ScriptedWorld: two QEMUs, their channel and the relay as a small model with a clock of its own.
//
// It exists to test the harness: a whole case runs in milliseconds, without a process and without
// sleeping. It never shows anything about QEMU; what it does at each boundary is copied from what
// QEMU was seen to do (who resumes by itself, what a silent peer leads to, when a destination
// acknowledges), so that the director, the protocols and the checkers meet the same situations.
// It lives with the tests and is in no catalog of the program: it can only run FakeGuest, and no
// report of a scripted migration must ever be taken for one of QEMU. scripted_hypervisor() is the
// catalog line for tests that run a case through campaign/worker.
// Side channels are connected with the main one and carry nothing: what is done to one is
// remembered, so that the director is seen to do it, and changes nothing of the migration.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "harness/core/catalogs.h"
#include "harness/core/world.h"
#include "tests/fakes/fake_guest.h"

namespace migfuzz::fakes {

/// What is broken on purpose, so that a checker must say so.
struct Defects {
  bool fails_to_start = false;               // start() throws InfraError
  bool runs_although_paused = false;         // the destination ignores -S
  bool source_runs_after_completed = false;  // two owners as soon as the destination runs
  bool acknowledgement_lost = false;         // the destination's SHUT never leaves it
  bool claims_completed = false;             // `completed` as soon as the last byte is written
  bool never_settles = false;        // the source freezes at the first byte; nothing ends it
  bool loses_a_page = false;         // one page arrives as it was an epoch before
  bool image_is_old = false;         // the destination's image is three steps old
  bool aborts_at_load = false;       // the destination ends by SIGABRT with an assertion
  bool runs_without_steps = false;   // the destination says running, its guest stands still
  std::string_view loses_connection_at;  // to a host with this command, which it never gets
  bool deaf_to_quit = false;         // the destination ignores `quit`
  bool clock_jumps = false;          // the destination's guest finds its clock ten seconds ahead
  bool clock_goes_back = false;      // … or half a second behind
  bool refuses_again = false;        // the source refuses to migrate a second time
  bool refuses_after_setup = false;  // the same, but it says `setup` before, and stays there
  bool stalls_again = false;         // nothing of a second migration gets through
  bool never_settles_again = false;  // never_settles, in the second migration only
  bool loses_a_page_again = false;   // loses_a_page, in the second migration only
  std::optional<std::string_view> disk_says;  // to a reader on the destination; empty: nothing
};

class ScriptedWorld final : public World {
 public:
  /// `guest` must outlive the world.
  ScriptedWorld(const Plan& plan, const FakeGuest& guest, bool destination_paused,
                bool pause_before_switchover, const Defects& defects = {});
  ~ScriptedWorld() override;

  void trace_hosts() override;
  std::optional<std::string> storage_answer(Side host) override;
  void start() override;
  void arm(const Trigger& trigger, const std::string& channel) override;
  void migrate() override;
  void release(const Trigger& trigger, const std::string& channel) override;
  bool pump(const std::function<bool()>& done, Clock::time_point until) override;
  Clock::time_point now() const override;
  History& history() override;
  Sight sight(Side host) const override;
  ChannelSight channel(const std::string& name) const override;
  void ask(Side host) override;
  Clock::time_point last_answer(Side host) const override;
  Clock::time_point last_progress() const override;
  std::string guest_text(Side host) const override;
  Image image(Side host) const override;
  /// The states that its monitor told, as QEMU would have traced them.
  HostTrace trace(Side host) const override;
  std::string messages(Side host) const override;
  std::string transcript(Side host) const override;
  void continue_switchover() override;
  void cancel() override;
  void yank(Side host) override;
  void start_postcopy() override;
  void pause_channel(Side host) override;
  void recover() override;
  std::uint32_t passes() const override { return 0; }
  void resume(Side host) override;
  void pause(Side host) override;
  void quit(Side host) override;
  void fence(Side host) override;
  void persist(std::string_view decision) override;
  std::vector<std::string> journal() const override;
  void kill(Side host) override;
  void freeze(Side host) override;
  void thaw(Side host) override;
  bool frozen(Side host) const override;
  void set_port(Side host, bool forwarding) override;
  bool port_forwarding(Side host) const override;
  void set_link(Side host, bool up) override;
  bool link_up(Side host) const override;
  void set_guest_link(Side host, bool up) override;
  std::optional<bool> guest_link_up(Side host) const override;
  std::uint64_t unacknowledged_bytes(Side host) const override;
  void cut(Cut how, Side towards, const std::string& channel) override;
  void set_stage(Side towards, const Stage& stage, const std::string& channel) override;
  void seal_source() override;
  bool cut_seen(Side host, const std::string& channel) const override;
  void corrupt_next_page(std::uint64_t which_bit) override;
  std::optional<Flip> flip() const override;
  void break_storage(Side host, StorageFailure how) override;
  void heal_storage(Side host) override;
  void lock_image(bool locked) override;
  StorageSight storage(Side host) const override;
  std::optional<std::vector<std::byte>> disk(Side) override;
  void corrupt_next_byte(unsigned bit, const std::string& channel) override;
  void corrupt_later_byte(std::uint64_t bytes_later, unsigned bit) override;
  std::optional<FrameFlip> frame_flip() const override;
  void set_filter(Side host, const std::optional<Filter>& filter) override;
  FilterCounts filter_counts(Side host) const override;
  void set_queueing(Side host, const std::optional<Queueing>& queueing) override;
  QueueCounts queue_counts(Side host) const override;
  void provoke(Side host) override;
  void destroy_socket(Side host) override;
  void close_management(Side host) override;
  std::optional<std::string> management_shut_out(Side host) const override;
  void silence_management(Side host) override;
  Milliseconds management_unanswered(Side host) const override;
  void restore_management(Side host) override;
  bool management_restored(Side) const override { return true; }
  void mismatch(Mismatch what, bool more) override;
  void without_listener() override;
  void distrust(Side host, Distrust how) override;
  void intrude(const Intrusion& stranger) override;
  IntrusionSight intrusion() const override;
  void start_again(bool fresh_host) override;
  std::optional<Remains> first_destination() const override;
  void poke(Side host, std::uint64_t gpa, Bytes bytes) override;

  /// What the arbiter persisted, in order.
  const std::vector<std::string>& persisted() const;
  /// Milliseconds of guest execution at the same time on both hosts: the model's own truth, to
  /// compare the checkers with.
  std::uint64_t overlap_ms() const;
  /// Virtual time since the world was made.
  Milliseconds elapsed() const;

 private:
  struct Model;
  std::unique_ptr<Model> model_;
};

/// Catalog line "scripted". The catalogs that it is used with must hold FakeGuest.
HypervisorKind scripted_hypervisor(const Defects& defects = {});

/// The plan of a case on the scripted world, fault-free.
Plan scripted_plan(std::uint64_t seed = 1);

}  // namespace migfuzz::fakes
