// One QEMU process with everything that belongs to it: two monitors, its RAM file, its evidence.
//
// Used by the world of a case (two of them) and by the accelerator trial (one). It records what
// QEMU says into a Sight and a History and decides nothing. All descriptors are inherited anonymous
// files and sockets: no path, no port and no file to collide with or to clean up.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "harness/core/guest.h"
#include "harness/core/world.h"
#include "harness/hypervisors/storage.h"
#include "harness/hypervisors/management.h"
#include "harness/io/child.h"
#include "harness/io/ram_file.h"

namespace migfuzz {

struct QemuHostSpec {
  Side side = Side::source;
  std::string actor;   // its name in the history; empty: that of its side
  std::string binary;  // empty: qemu-system-x86_64 of PATH
  std::string accel = "tcg";
  std::string machine = "pc";
  GuestShape shape;
  DiskAttachment disk = null_disk(1 << 20);
  const Guest* guest = nullptr;
  int network_namespace_fd = -1;
  std::shared_ptr<io::MemoryFile> ram{};  // of another host that it shares; empty: its own
  io::RamPages ram_pages = io::RamPages::small;
  std::shared_ptr<io::MemoryFile> payload{};  // the guest's, where hosts share one file of it
  bool restored = false;  // it never boots: what the guest is loaded from may be short
  bool incoming = false;  // -incoming defer
  bool paused = false;    // -S
  bool network_device = true;
  int tap_fd = -1;  // to which that device is connected, to be inherited; -1: to nothing
  bool trace = false;  // its trace events about migration; see trace()
  std::vector<std::string> more_arguments;
  std::vector<std::string> tls_objects;  // values of -object; see io/credentials.h
  int tls_folders_fd = -1;               // what they name, to be inherited
  int migration_file_fd = -1;            // through which it migrates, to be inherited
  /// Also told of every event; may be empty.
  std::function<void(const std::string&, const nlohmann::json&)> event;
};

/// Makes `spec` unlike what the plan says: one that a source of that plan cannot migrate to, as far
/// as QEMU notices (docs/faults.md says of what it does not).
void misconfigure(QemuHostSpec& spec, Mismatch what, bool more);

/// What the guest is loaded from. Throws CannotRun.
std::shared_ptr<io::MemoryFile> payload_of(const Guest& guest, bool restored);

class QemuHost {
 public:
  /// Starts the process. `changed` is called when anything about sight() moved.
  QemuHost(io::Loop& loop, const QemuHostSpec& spec, History& history,
           std::function<void()> changed);
  ~QemuHost();
  QemuHost(const QemuHost&) = delete;
  QemuHost& operator=(const QemuHost&) = delete;

  /// Greeting and capabilities on both monitors; returns the version. Throws InfraError with what
  /// QEMU printed when it ends first.
  std::string connect(Clock::time_point deadline);
  /// Goes on from a saved VM: of one that was started with `incoming` and `paused`, whose RAM and
  /// disk hold what was saved. It then stands still, and whoever asks sees a VM that has never
  /// migrated. Throws InfraError with QEMU's words.
  void restore(int devices_fd, Clock::time_point deadline);
  io::Qmp& monitor();
  io::Qmp& out_of_band();
  Management& management();
  io::Child& process();
  Sight sight(Milliseconds patience) const;
  /// Sends query-status and query-migrate unless they are still open.
  void ask();
  /// It was told to quit: nothing is asked of it any more. QEMU 10.0 may crash on a command that
  /// comes while it shuts down (docs/findings/qemu-10.0-source-sigsegv-on-quit.md).
  void leave();
  /// When the newest answered query-status was sent.
  Clock::time_point last_answer() const;
  std::string guest_text() const;
  /// The step of the last record so far, 0 before the first.
  std::uint64_t last_step();
  Bytes ram() const;
  std::shared_ptr<io::MemoryFile> ram_file() const;
  void poke(std::uint64_t gpa, Bytes bytes);
  std::string messages() const;    // stdout and stderr
  HostTrace trace() const;
  std::string transcript() const;  // both monitors, one line a message
  /// Where its threads stand (io/stacks.h), under a heading; nothing once it is dead.
  void keep_stacks(std::string_view heading);
  std::string stacks() const;
  /// MIGRATION_PASS events seen.
  std::uint32_t passes() const;
  /// BLOCK_IO_ERROR events seen.
  std::uint64_t disk_errors() const;
  /// A word from QEMU that this harness does not know; empty when all were known.
  std::string unknown_word() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// The capability x-ignore-shared: shared RAM is not in the stream.
void ignore_shared(io::Qmp& monitor, bool on, Clock::time_point deadline);
/// Waits for the end of a migration, in or out. Throws InfraError when it failed, or is not done.
void wait_for_migration(io::Loop& loop, QemuHost& host, Clock::time_point deadline);

/// What is started where a plan names no binary: looked up on PATH.
std::string default_qemu_binary();

}  // namespace migfuzz
