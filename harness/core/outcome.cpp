#include "harness/core/outcome.h"

#include <array>

#include "harness/core/combination.h"
#include "harness/core/mode.h"

namespace migfuzz {
namespace {

using enum Effect;
constexpr unsigned kIncomplete = static_cast<unsigned>(Reached::incomplete);
constexpr unsigned kComplete = static_cast<unsigned>(Reached::complete);
constexpr unsigned kAcknowledged = static_cast<unsigned>(Reached::acknowledged);
constexpr unsigned kSwitching = static_cast<unsigned>(Reached::switching);
constexpr unsigned kSwitched = static_cast<unsigned>(Reached::switched);
constexpr unsigned kSaved = static_cast<unsigned>(Reached::saved);
constexpr unsigned kFollowed = static_cast<unsigned>(Reached::followed);
constexpr unsigned kAny = 255;
constexpr auto kSource = Side::source, kDestination = Side::destination;
constexpr std::nullopt_t kEither = std::nullopt;
constexpr const char* kHandshake = "handshake";
constexpr const char* kAutostart = "autostart";

// Reviewed as one piece. The order matters: the first rule that matches decides.
// clang-format off
constexpr std::array kTable{
    OutcomeRule{kDamageIsSeen, damages_page, kEither,
                kAny, "", Expect::seen,
                "without TLS the stream has no checksum over pages: QEMU cannot notice, the "
                "memory checker must"},
    OutcomeRule{"frame-damaged-in-postcopy", damages_frame, kEither,
                kSwitching | kSwitched | kFollowed, "", Expect::at_most_one,
                "a destination in post-copy that reads nonsense ends itself (savevm.c, "
                "postcopy_ram_listen_thread): only it had what changed since the switch"},
    OutcomeRule{"frame-refused", damages_frame, kEither,
                kIncomplete, "", Expect::source,
                "a stream whose framing is wrong is refused (savevm.c, qemu_loadvm_state): "
                "nothing was committed"},
    OutcomeRule{"frame-after-eof", damages_frame, kEither,
                kAny, kHandshake, Expect::one,
                "behind QEMU_VM_EOF only the description follows, which nobody needs to run"},
    OutcomeRule{"frame-after-eof-autostart", damages_frame, kEither,
                kAny, kAutostart, Expect::double_run,
                "the destination skips a description whose type it does not know, runs and closes; "
                "the source cannot write the rest and takes that for a failed migration"},
    OutcomeRule{"record-refused", damages_record, kEither,
                kIncomplete, "", Expect::source,
                "a record whose authentication fails ends the session (RFC 8446, 5.2): nothing of "
                "it is read, nothing was committed"},
    OutcomeRule{"record-after-eof", damages_record, kEither,
                kAny, kHandshake, Expect::one,
                "the destination has the image and cannot be sure of what follows; fencing before "
                "resuming leaves one"},
    OutcomeRule{"record-after-eof-autostart", damages_record, kEither,
                kAny, kAutostart, Expect::double_run,
                "the destination may run before it reads the record, and its end looks like a "
                "failed migration to the source"},
    OutcomeRule{"stranger-harmless", intrudes, kEither,
                kAny, "", Expect::destination,
                "whoever cannot show credentials, or comes when the channel is there (socket.c, "
                "socket_accept_incoming_migration), must harm nothing"},
    OutcomeRule{"clients-elsewhere", isolates_guest, kEither,
                kAny, "", Expect::destination,
                "the migration goes over a network of its own, and no word of it over the VM's"},
    OutcomeRule{"stranger-taken-for-the-source", takes_channel, kEither,
                kAny, "", Expect::source,
                "without TLS the first to connect is the source (channel.c, "
                "migration_channel_process_incoming): the real one is refused and keeps the VM"},
    OutcomeRule{"migration-refused", refuses_migration, kEither,
                kAny, "", Expect::source,
                "what cannot be loaded is refused before commitment: the source resumes (Clark "
                "et al., NSDI'05)"},
    // --- post-copy: each host has a part of the VM ---
    OutcomeRule{"source-lost-while-switching", loses_host, kSource,
                kSwitching, "", Expect::loss,
                "the original host must stay stable until commitment (Clark et al., NSDI'05, "
                "3.2): the package has not arrived"},
    OutcomeRule{"destination-lost-while-switching", loses_host, kDestination,
                kSwitching, "", Expect::at_most_one,
                "a source in postcopy-active cannot go back, though its image is current, before "
                "QEMU 10.2 (state postcopy-device)"},
    OutcomeRule{"channel-lost-while-switching", cuts_channel, kEither,
                kSwitching, "", Expect::at_most_one,
                "the package is lost with the channel, and a source in postcopy-active cannot go "
                "back before QEMU 10.2 (state postcopy-device)"},
    OutcomeRule{"return-path-lost-while-switching", cuts_return, kEither,
                kSwitching, "", Expect::at_most_one,
                "whether the package arrives is a race; a source in postcopy-active cannot go "
                "back before QEMU 10.2 (state postcopy-device)"},
    OutcomeRule{"cancelled-while-switching", cancels_migration, kEither,
                kSwitching, "", Expect::at_most_one,
                "the package may or may not have left; a source in postcopy-active cannot go back "
                "before QEMU 10.2 (state postcopy-device)"},
    OutcomeRule{"source-lost-in-postcopy", loses_host, kSource,
                kSwitched, "", Expect::loss,
                "each host has pages that the other lacks: post-copy loses the VM with either "
                "(Hines et al., VEE'09, 3; QEMU's docs/devel/migration/postcopy.rst)"},
    OutcomeRule{"source-lost-after-last-page", loses_host, kSource,
                kFollowed, "", Expect::destination,
                "the destination has every page and runs"},
    OutcomeRule{"destination-lost-in-postcopy", loses_host, kDestination,
                kSwitched | kFollowed, "", Expect::loss,
                "the destination alone has what changed since the switch: post-copy loses the VM "
                "with it (Hines et al., VEE'09, 3)"},
    OutcomeRule{"channel-lost-in-postcopy", cuts_channel, kEither,
                kSwitched | kFollowed, "", Expect::destination,
                "both hosts pause and go on over a new channel (QEMU's docs/devel/migration/"
                "postcopy.rst, recovery)"},
    OutcomeRule{"return-path-lost-in-postcopy", cuts_return, kEither,
                kSwitched | kFollowed, "", Expect::destination,
                "no page can be asked for: both hosts pause and go on over a new channel"},
    OutcomeRule{"cancelled-in-postcopy", cancels_migration, kEither,
                kSwitched | kFollowed, "", Expect::destination,
                "the destination runs: there is no way back (qapi/migration.json, "
                "migrate_cancel)"},
    // --- through a file: who has the VM is no matter of the channel ---
    OutcomeRule{"file-failed", fails_file, kEither,
                kIncomplete | kSaved, "", Expect::source,
                "a file that is not whole must not be run: the source has the image until the VM "
                "is handed over, and the destination refuses what ends before QEMU_VM_EOF"},
    OutcomeRule{"file-not-needed", fails_file, kEither,
                kAny, "", Expect::destination,
                "the destination has loaded the file: nobody reads it any more"},
    OutcomeRule{"source-lost-after-saving", loses_host, kSource,
                kSaved, "", Expect::destination,
                "the file has the whole image, whoever wrote it: a destination that loads it goes "
                "on"},
    OutcomeRule{"destination-lost-before-hand-over", loses_host, kDestination,
                kSaved, "", Expect::source,
                "a source that has completed keeps the image, and nobody has run what is in the "
                "file"},
    // --- a host is gone ---
    OutcomeRule{"source-lost-before-eof", loses_host, kSource,
                kIncomplete, "", Expect::loss,
                "the original host must stay stable until commitment (Clark et al., NSDI'05, "
                "3.2): before QEMU_VM_EOF the destination's image is incomplete"},
    OutcomeRule{"source-lost-with-side-channels", loses_host, kSource,
                kComplete, "", Expect::at_most_one,
                "the main channel's end says nothing of multifd's channels: what they have still "
                "to carry may be lost with the source", std::nullopt, true},
    OutcomeRule{"source-lost-after-eof", loses_host, kSource,
                kAny, "", Expect::destination,
                "from QEMU_VM_EOF on the destination has the complete image (savevm.c: the "
                "VMDESC behind it is not needed to run)"},
    OutcomeRule{"destination-lost-before-eof", loses_host, kDestination,
                kIncomplete, "", Expect::source,
                "the source owns the VM until commitment and resumes on any failure (Clark et "
                "al.)"},
    OutcomeRule{"destination-lost-after-eof", loses_host, kDestination,
                kComplete | kAcknowledged, kHandshake, Expect::source,
                "the destination was not told to run yet: the source's image is current"},
    OutcomeRule{"destination-lost-after-eof-autostart", loses_host, kDestination,
                kComplete, kAutostart, Expect::double_run,
                "the destination may run before it acknowledges, and its end looks like a "
                "failed migration to the source"},
    OutcomeRule{"destination-lost-after-it-ran", loses_host, kDestination,
                kAny, "", Expect::loss,
                "the destination owned the VM and may have run: the source's image is the past, "
                "and the loss of a VM's only host is no matter of the migration any more"},
    OutcomeRule{"healed-hang", pauses_host, kEither,
                kAny, "", Expect::one,
                "a host that comes back before it is fenced goes on; one that is fenced has "
                "lost"},
    // --- the channel fails ---
    OutcomeRule{"side-channel-lost-in-precopy", cuts_channel, kEither,
                kIncomplete, "", Expect::one,
                "QEMU keeps what little goes over the main channel back: the side channel may have "
                "carried all of its part by then", Phase::precopy},
    OutcomeRule{"side-channel-lost-in-stopcopy", cuts_channel, kEither,
                kIncomplete, "", Expect::one,
                "it runs ahead of the main channel: what it had to carry may have arrived, and "
                "then nobody misses it", Phase::stopcopy},
    OutcomeRule{"channel-lost-before-eof", cuts_channel, kEither,
                kIncomplete, "", Expect::source,
                "the destination cannot have acknowledged: the source resumes (migration.c, "
                "migration_iteration_finish)"},
    OutcomeRule{"acknowledgement-lost", cuts_channel, kEither,
                kComplete, kHandshake, Expect::one,
                "whether the acknowledgement passed is a race; fencing before resuming leaves "
                "one"},
    OutcomeRule{"acknowledgement-lost-autostart", cuts_channel, kEither,
                kComplete, kAutostart, Expect::double_run,
                "the destination runs before it acknowledges: the two generals' hazard of "
                "autostart"},
    OutcomeRule{"channel-lost-after-acknowledgement", cuts_channel, kEither,
                kAny, "", Expect::destination,
                "the source has the acknowledgement: nobody needs the channel any more"},
    OutcomeRule{"return-path-lost", cuts_return, kEither,
                kIncomplete | kComplete, kHandshake, Expect::one,
                "the image arrives, the acknowledgement does not: whether the source notices "
                "before the destination has said it is a race; fencing before resuming leaves one"},
    OutcomeRule{"return-path-lost-autostart", cuts_return, kEither,
                kIncomplete | kComplete, kAutostart, Expect::double_run,
                "the destination has the whole image and runs before it acknowledges: the two "
                "generals' hazard of autostart"},
    OutcomeRule{"return-path-lost-after-acknowledgement", cuts_return, kEither,
                kAny, "", Expect::destination,
                "the source has the acknowledgement: nobody needs the channel any more"},
    OutcomeRule{"healed-hole", silences_channel, kEither,
                kAny, "", Expect::destination,
                "TCP delivers every byte once a silent path is back; a hole shorter than the "
                "manager's patience costs time and nothing else"},
    OutcomeRule{"slow-channel", slows_channel, kEither,
                kAny, "", Expect::destination,
                "a slow channel delivers every byte: it costs time and nothing else"},
    // --- those who manage ---
    OutcomeRule{"cancelled-before-eof", cancels_migration, kEither,
                kIncomplete, "", Expect::source,
                "a cancelled migration leaves the VM where it was (qapi/migration.json, "
                "migrate_cancel)"},
    OutcomeRule{"cancelled-after-eof", cancels_migration, kEither,
                kComplete, kHandshake, Expect::one,
                "whether the cancel or the acknowledgement comes first is a race; fencing "
                "before resuming leaves one"},
    OutcomeRule{"cancelled-after-eof-autostart", cancels_migration, kEither,
                kComplete, kAutostart, Expect::double_run,
                "the destination may run before the cancel reaches the source"},
    OutcomeRule{"cancelled-too-late", cancels_migration, kEither,
                kAny, "", Expect::destination,
                "a migration that has completed cannot be cancelled"},
    OutcomeRule{"manager-blind", blinds_manager, kEither,
                kAny, "", Expect::destination,
                "QEMU migrates without its manager; a manager that sees again within its "
                "patience goes on"},
    OutcomeRule{"arbiter-away", stops_arbiter, kEither,
                kAny, "", Expect::destination,
                "what the arbiter decided is in its journal; QEMU waits for it before the "
                "switch-over and before it runs"},
    // --- the disk, where each host has its own ---
    OutcomeRule{"mirror-failed", fails_mirror, kEither,
                kIncomplete, "", Expect::source,
                "a disk that is not whole must never be run on: the source keeps VM and disk "
                "until the mirror has ended"},
    OutcomeRule{"mirror-not-needed", fails_mirror, kEither,
                kAny, "", Expect::destination,
                "the mirror has ended, both disks are equal: nobody needs it any more"},
    // --- the disk fails for a while ---
    OutcomeRule{"storage-failed", fails_storage, kEither,
                kAny, "", Expect::one,
                "a host that cannot flush or activate its images may give the migration up or "
                "be late; the VM stays with exactly one"},
};
// clang-format on

bool sends_by_multifd(const Plan& plan) {
  const auto channels = mode_from(plan.mode).side_channels();
  return std::find(channels.begin(), channels.end(), "multifd:0") != channels.end();
}

bool matches(const OutcomeRule& rule, const Plan& plan, const FaultSpec& fault, Effect effect,
             Reached reached) {
  return rule.effect == effect && (!rule.side || *rule.side == fault.side) &&
         (rule.reached & static_cast<unsigned>(reached)) != 0 &&
         (!rule.side_channel_in ||
          (!fault.channel.empty() && !on_side_channel(fault.trigger.point) &&
           fault.trigger.point.phase == *rule.side_channel_in)) &&
         (!rule.with_multifd || sends_by_multifd(plan)) &&
         (rule.protocol.empty() || rule.protocol == plan.protocol);
}

// What the plant `double-writer` must show; measured, docs/storage.md.
Expectation second_writer(std::string_view disk) {
  if (disk == "raw" || disk == "qcow2")
    return {Expect::destination, "image-lock",
            "QEMU locks a local image (block/file-posix.c): the second host must be refused"};
  return {Expect::double_run, "no-image-lock",
          "an NBD export and a VM without a disk have no image lock: nothing refuses a second "
          "host"};
}

}  // namespace

std::string_view to_string(Effect effect) {
  switch (effect) {
    case loses_host:
      return "loses-host";
    case pauses_host:
      return "pauses-host";
    case cuts_channel:
      return "cuts-channel";
    case cuts_return:
      return "cuts-return";
    case silences_channel:
      return "silences-channel";
    case slows_channel:
      return "slows-channel";
    case refuses_migration:
      return "refuses-migration";
    case cancels_migration:
      return "cancels-migration";
    case blinds_manager:
      return "blinds-manager";
    case fails_storage:
      return "fails-storage";
    case fails_file:
      return "fails-file";
    case fails_mirror:
      return "fails-mirror";
    case stops_arbiter:
      return "stops-arbiter";
    case damages_page:
      return "damages-page";
    case damages_frame:
      return "damages-frame";
    case damages_record:
      return "damages-record";
    case intrudes:
      return "intrudes";
    case takes_channel:
      return "takes-channel";
    case isolates_guest:
      return "isolates-guest";
  }
  return "?";
}

std::string_view to_string(Expect expect) {
  switch (expect) {
    case Expect::source:
      return "the source runs on";
    case Expect::destination:
      return "the destination runs";
    case Expect::one:
      return "exactly one host runs";
    case Expect::at_most_one:
      return "at most one host runs";
    case Expect::loss:
      return "the VM is lost, as expected";
    case Expect::seen:
      return "the damage is seen";
    case Expect::double_run:
      return "both may run: a hazard of the protocol";
  }
  return "?";
}

namespace {

// Behind the package the destination may run; inside it the source alone has the VM.
Reached reached_in_postcopy(const Point& point) {
  const auto& name = point.name;
  // A source whose last write of the package fails goes back, whatever has arrived
  // (migration.c, postcopy_start).
  bool told = point.phase == Phase::recover || name == "last-page";
  for (const auto* counted : {"page:", "request:", "answer:", "preempt-page:"})
    told = told || name.starts_with(counted);
  return told ? Reached::switched : Reached::switching;
}

}  // namespace

Reached reached_at(const Plan& plan, const Trigger& trigger, Side side, Effect effect) {
  const auto& [phase, name, plus_bytes] = trigger.point;
  if (phase == Phase::storage) {
    if (name == "switched") return Reached::acknowledged;
    return name == "job-gone" && effect == fails_mirror ? Reached::complete : Reached::incomplete;
  }
  if (phase == Phase::commit && at_file(trigger.point))
    return name == "file-loaded" && effect == fails_file ? Reached::acknowledged : Reached::saved;
  if (phase == Phase::postcopy || phase == Phase::recover)
    return reached_in_postcopy(trigger.point);
  if (mode_from(plan.mode).postcopy()) {
    if (phase == Phase::commit) return Reached::followed;
    if (phase == Phase::activate)
      return name == "before-discard" ? Reached::followed : Reached::switched;
  }
  if (phase == Phase::activate)
    return name == "before-cont" ? Reached::acknowledged : Reached::activated;
  // The end mark is one byte: behind it the image is complete.
  if (phase < Phase::commit)
    return name == "eof-begin" && plus_bytes > 0 ? Reached::complete : Reached::incomplete;
  // Until it says `completed`, a source that has the acknowledgement can still be cancelled: seen.
  if (name == "ack-end")
    return effect == cancels_migration ? Reached::complete : Reached::acknowledged;
  const bool said_it = name == "ack" && side == Side::destination &&
                       (effect == loses_host || effect == pauses_host);
  return said_it ? Reached::acknowledged : Reached::complete;
}

std::span<const OutcomeRule> outcome_table() { return kTable; }

// A hole that outlasts the manager's patience is given up before it is healed.
Effect as_it_ends(Effect effect, const FaultSpec& fault, const Plan& plan) {
  const bool in_time = fault.heal_after_ms > 0 && fault.heal_after_ms < plan.patience_ms;
  if (effect == loses_host && in_time) return pauses_host;
  if (effect == silences_channel && !in_time) return cuts_channel;
  if (effect == intrudes && before_migrate(fault.trigger.point) &&
      mode_from(plan.mode).credentials() == Credentials::none)
    return takes_channel;
  return effect;
}

namespace {

// The destination's image is the past as soon as it is there: whatever happens, it is not run.
Expectation with_snapshot(const FaultSpec& fault, Effect effect) {
  if (effect == loses_host && fault.side == Side::source)
    return {Expect::loss, "source-lost-with-snapshot",
            "a snapshot is what the VM was at its start: to run it would be a rollback"};
  return {Expect::source, "snapshot",
          "the source runs on whatever becomes of its snapshot (qapi/migration.json, "
          "background-snapshot)"};
}

}  // namespace

std::optional<Expectation> single_outcome(const Plan& plan, const FaultSpec& fault, Effect effect) {
  if (mode_from(plan.mode).snapshot() && effect != damages_page)
    return with_snapshot(fault, effect);
  const auto reached = reached_at(plan, fault.trigger, fault.side, effect);
  for (const auto& rule : kTable)
    if (matches(rule, plan, fault, effect, reached))
      return Expectation{rule.expect, rule.rule, rule.reason};
  return std::nullopt;
}

std::optional<Expectation> expected_outcome(const Plan& plan, std::span<const Effect> effects) {
  if (plan.faults.empty() && plan.plant == "double-writer") return second_writer(plan.disk);
  if (plan.faults.empty() && mode_from(plan.mode).snapshot())
    return with_snapshot({}, slows_channel);
  if (plan.faults.empty())
    return Expectation{Expect::destination, "no-fault", "nothing fails: the migration completes"};
  if (plan.faults.size() > 1) return combined_outcome(plan, effects);
  if (effects.size() != 1) return std::nullopt;
  const auto& fault = plan.faults.front();
  return single_outcome(plan, fault, as_it_ends(effects.front(), fault, plan));
}

}  // namespace migfuzz
