// What the harness asks of a guest: how to start it, and how to prove from outside what it holds.
//
// A guest computes memory content from a closed form, so that an outside checker that knows only
// the seed can say, for any image, which step it stands at and whether every owned page is right.
// Examination is pure: bytes in, findings out. Adding a guest: one folder and one catalog line.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/core/journal.h"
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

/// One owned page whose content is not what the closed form says.
struct PageFault {
  std::uint64_t page = 0;           // index in the owned area
  std::uint64_t gpa = 0;            // guest-physical address, bytes
  std::uint64_t expected_step = 0;  // the step that last wrote the page
  /// Set when the content is exactly that of an older step: a stale page, not a damaged one.
  std::optional<std::uint64_t> stale_step;
  std::uint32_t first_bad_byte = 0;  // offset in the page
  std::uint32_t bad_bytes = 0;
  bool operator==(const PageFault&) const = default;
};

/// What one RAM image says about itself.
struct ImageExam {
  bool readable = false;            // the control block was found and is sane
  std::string why;                  // if not readable: the reason, one line
  std::uint64_t step = 0;           // last completed step according to the image
  std::uint64_t chain = 0;          // hash chain value after the last emitted record
  std::uint64_t recorded_step = 0;  // step of the last emitted record according to the image
  std::uint64_t pages_checked = 0;
  std::vector<PageFault> wrong;         // at most 64 are kept
  std::uint64_t wrong_pages = 0;        // all of them, counted
  std::optional<JournalState> journal;  // nothing: the guest keeps none, or its state is stale
  bool operator==(const ImageExam&) const = default;
};

/// What a guest's own clock showed when it last looked.
struct GuestClock {
  std::uint64_t ns = 0;         // since some moment before its boot
  std::uint64_t went_back = 0;  // how often the guest itself saw one of its clocks go back
  bool operator==(const GuestClock&) const = default;
};

/// One line of the guest's evidence channel.
struct GuestRecord {
  enum class Kind { boot, step, self_check_failed, disk_written, disk_error };
  Kind kind = Kind::step;
  /// step: last step covered. self_check_failed: at which it was seen. disk_*: of the record's
  /// issue
  std::uint64_t step = 0;
  std::uint64_t chain = 0;          // step, disk_written: hash chain after this record
  std::uint64_t page = 0;           // self_check_failed: page index
  std::uint64_t expected_step = 0;  // self_check_failed
  std::uint64_t gpa = 0;            // self_check_failed: guest-physical address of the page
  std::uint64_t number = 0;         // disk_*: number of the journal record, from 1
  bool operator==(const GuestRecord&) const = default;
};

/// A parsed evidence file; `broken` says where and why parsing or the hash chain stopped.
struct GuestRecords {
  std::vector<GuestRecord> records;
  std::optional<std::string> broken;
};

class Guest {
 public:
  virtual ~Guest() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view summary() const = 0;
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
  /// True when the 4 KiB page at `gpa` is owned.
  virtual bool owns(const GuestShape& shape, std::uint64_t gpa) const = 0;
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
  /// The payload: an ELF image built with the harness, embedded in it.
  virtual Bytes payload() const = 0;
};

}  // namespace migfuzz
