// What the harness knows of a guest from outside: pure functions from bytes to findings.
//
// The closed form itself is in form.h; here it is applied. An image is examined against the step
// in its own control block, so the control block is checked first and distrusted: every number in
// it is compared with the plan's or bounded by the image before it is used. Nothing here throws or
// reads outside its arguments, for the bytes may come from a migration that was damaged on purpose.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guests/closed_form/form.h"
#include "harness/core/guest.h"

namespace migfuzz::form {

/// Where a guest keeps its control block and its pages: guest-physical addresses, in bytes.
struct Place {
  std::uint64_t control_gpa = 0;
  /// Of page 0, the others follow; what the guest says in its boot record and its control block.
  std::uint64_t base_gpa = 0;
  /// Of every page, where they are scattered (then base_gpa is 0); as long as whoever uses it.
  const std::vector<std::uint64_t>* pages = nullptr;

  /// 0: unknown, for they are scattered and it is not at hand where.
  std::uint64_t gpa_of(std::uint64_t page) const {
    if (pages != nullptr) return (*pages)[page];
    return base_gpa == 0 ? 0 : base_gpa + page * FORM_PAGE_BYTES;
  }
  bool operator==(const Place&) const = default;
};

/// The owned area and its pace, as the plan fixed them; `pages` is a power of two.
struct Shape {
  std::uint64_t seed = 1;
  std::uint64_t pages = 0;
  std::uint64_t rate_pages_per_s = 0;
  std::uint64_t disk_writes_per_s = 200;
  Place place{};
  bool operator==(const Shape&) const = default;
};

/// Examines an image whose byte 0 is guest-physical address 0. Every owned page must have exactly
/// the content of its last step. One exception: while the control block says that step_done + 1 has
/// begun, that step's page may be new up to some word and old from there on (the guest writes
/// upwards). Costs about 3 ms for 2048 pages.
/// A control block that lies behind `recorded_step` by more than the record in flight is a lost
/// dirty page itself: it is reported as one, and the pages are judged at the step they show.
ImageExam examine(const Shape& shape, Bytes ram, std::uint64_t recorded_step = 0);

/// What the guest's clock showed at its last record; nothing before the first one.
std::optional<GuestClock> clock(const Place& place, Bytes ram);
/// Tells the guest that it will be migrated.
Guest::RamWrite notice(const Place& place);

/// The page that was written longest ago among those written twice, with the content it had before
/// its last write: what an image looks like whose dirty page was lost. For the canary.
std::optional<Guest::StalePage> stale_page(const Shape& shape, Bytes ram);

/// Parses evidence and verifies every link of the chain. A last line without its newline is the
/// normal state of a cut file and is left out, if it can be the beginning of a line. Anything else
/// that is wrong ends the parse with `broken`, which names the line and, for order, both steps.
/// Acknowledged journal records are a chain of their own, and every record of steps vouches for the
/// last one before it: one that is lost, repeated or rewritten breaks the evidence too.
GuestRecords parse(const Shape& shape, std::string_view text);

/// The step of the last complete S line in `tail`; 0 when only a boot line is complete. `tail` may
/// begin in the middle of a line: no line contains a capital but as its first byte, so half a line
/// is never taken for a record. Looks at the end only and checks no chain: a heartbeat, not a
/// proof.
std::optional<std::uint64_t> last_step(std::string_view tail);

/// Whether evidence `text`, complete up to the stop of the guest, can belong to an image that
/// `exam` describes; if not, the reason. The guest commits a record to memory before it emits the
/// line, so the last complete S line is exactly the committed record, or the one before it, and the
/// unfinished line must then be a beginning of the committed record's. Text ahead of the image
/// means that the image is older than what the guest has already shown the world: a rollback. The
/// same holds for acknowledgements of the journal; only one line can be under way, of either kind.
std::optional<std::string> tail_disagrees(const Shape& shape, const ImageExam& exam,
                                          std::string_view text);

/// Judges a whole disk; see Guest::examine_disk(). Expects a disk that was zero when the guest
/// booted. Evidence that is broken gives an unreadable exam: of two lives at once nobody can say
/// what the disk should hold. With an image, the record in flight must be exactly the one that the
/// image has issued; without one, it may come from no step later than the text allows.
DiskExam examine_disk(const Shape& shape, Bytes disk, std::string_view text,
                      const std::optional<ImageExam>& exam);

}  // namespace migfuzz::form
