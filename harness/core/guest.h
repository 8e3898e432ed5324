// What the harness asks of a guest: how to start it, and how to prove from outside what it holds.
//
// A guest computes memory content from a closed form, so that an outside checker that knows only
// the seed can say, for any image, which step it stands at and whether every owned page is right.
// Examination is pure: bytes in, findings out. Adding a guest: one folder and one catalog line.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/guest_evidence.h"
#include "harness/core/types.h"

namespace migfuzz {

/// The numbers a plan draws for a guest. Sizes are in bytes or pages, rates per second.
struct GuestShape {
  std::string name = "tiny";
  std::uint64_t memory_bytes = 0;  // RAM of the VM; 0: chosen by the harness for the accelerator
  std::uint64_t seed = 1;
  std::uint32_t dirty_pages_per_s = 4000;
  std::uint32_t disk_writes_per_s = 200;  // journal records on the disk; 0: none
  bool operator==(const GuestShape&) const = default;
};

/// Where a guest is found on the network on which clients see it.
struct GuestAddress {
  std::string ip;                        // IPv4, in a network of 24 bits whose .1 is the client's
  std::array<std::uint8_t, 6> hardware{};
  std::uint16_t echo_port = 0;           // TCP: sends back what comes
};

class Guest {
 public:
  virtual ~Guest() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view summary() const = 0;
  /// Why it cannot be started on this machine, with the mend, one line; empty when it can.
  virtual std::string unavailable() const { return ""; }
  /// Smallest RAM, in bytes, in which the guest runs.
  virtual std::uint64_t least_memory_bytes() const = 0;
  /// QEMU arguments that load it, given the path of its payload.
  virtual std::vector<std::string> arguments(const GuestShape& shape,
                                             const std::string& payload) const = 0;
  /// Examines a whole RAM image (offset == guest-physical address). `recorded_step` is the last
  /// step that the guest is known to have recorded before the image stood still, 0: unknown. An
  /// image whose own step counter lies behind it is itself stale there, and is judged at the true
  /// step.
  virtual ImageExam examine(const GuestShape& shape, Bytes ram,
                            std::uint64_t recorded_step = 0) const = 0;
  /// The guest's clock at its last record, from an image that may belong to a running guest.
  virtual std::optional<GuestClock> clock(const GuestShape& shape, Bytes ram) const = 0;
  /// For the canary: an owned page together with its content of one epoch before, as a lost dirty
  /// page would leave it. Nothing when no page has been written twice yet.
  struct StalePage {
    std::uint64_t gpa = 0;
    std::vector<std::byte> content;
  };
  virtual std::optional<StalePage> stale_page(const GuestShape& shape, Bytes ram) const = 0;
  /// True when the 4 KiB page at `gpa` is owned; `ram` is an image of the guest once it has begun.
  virtual bool owns(const GuestShape& shape, Bytes ram, std::uint64_t gpa) const = 0;
  /// Parses evidence text and verifies the hash chain. `text` is the concatenation of the files
  /// of the hosts in the order in which they ran: a line may be split between them.
  virtual GuestRecords parse(const GuestShape& shape, std::string_view text) const = 0;
  /// Why the evidence, complete up to the stop at which the image was examined, cannot belong to
  /// that image; nothing when it can. Text ahead of its image proves a rollback.
  virtual std::optional<std::string> disagreement(const GuestShape& shape, const ImageExam& exam,
                                                  std::string_view text) const = 0;
  /// Size of the disk that the guest wants, in bytes; 0: it keeps no journal.
  virtual std::uint64_t disk_bytes() const = 0;
  /// Judges a whole disk by the acknowledgements in `text` (as for parse(); of a guest that stands
  /// still or is dead) and by the survivor's image, where there is one. Only the one record after
  /// the last acknowledged one may be there unacknowledged, from no later step than the image's.
  virtual DiskExam examine_disk(const GuestShape& shape, Bytes disk, std::string_view text,
                                const std::optional<ImageExam>& exam) const = 0;
  /// The step of the last complete record in a piece of evidence text; nothing when it has none.
  virtual std::optional<std::uint64_t> last_step(std::string_view tail) const = 0;
  /// What is loaded: bytes for the file whose path arguments() get, the same ones every time, valid
  /// as long as the guest lives. Throws CannotRun.
  virtual Bytes payload() const = 0;
  /// Tells payloads apart; asked for in every case, so one that is large is hashed once.
  virtual std::uint64_t payload_hash() const {
    const auto bytes = payload();
    return stable_hash({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }

  /// The two for a VM that never boots, because it is restored or migrated to: the same devices,
  /// while what is loaded may be short (QEMU reads all of it at every start).
  virtual std::vector<std::string> restored_arguments(const GuestShape& shape,
                                                      const std::string& payload) const {
    return arguments(shape, payload);
  }
  virtual Bytes restored_payload() const { return payload(); }

  /// Bytes for the RAM of a VM that stands still.
  struct RamWrite {
    std::uint64_t gpa = 0;
    std::vector<std::byte> bytes;
  };
  /// A guest that takes seconds to boot is booted once, saved while it waits, and restored for
  /// every VM: what makes a restored one begin with that shape. Nothing: it boots by itself.
  virtual std::optional<RamWrite> wake(const GuestShape&) const { return std::nullopt; }
  /// Its QEMU arguments ask for so many.
  virtual int vcpus() const { return 1; }
  /// What tells a running guest that it will be migrated; it answers with a record of its own.
  virtual std::optional<RamWrite> notice(const GuestShape&) const { return std::nullopt; }
  /// Nothing: it does not speak on the network.
  virtual std::optional<GuestAddress> address() const { return std::nullopt; }
  /// By the evidence of a boot: it waits to be saved. Throws InfraError with the guest's words when
  /// it has given up.
  virtual bool waits(std::string_view) const { return false; }
};

}  // namespace migfuzz
