// What a guest says: read from an image of its RAM, or from the lines of its evidence channel.
//
// Plain data, filled in by a Guest (guest.h) and judged by the checkers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/core/journal.h"
#include "harness/core/types.h"

namespace migfuzz {

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
  enum class Kind { boot, step, self_check_failed, disk_written, disk_error, noticed };
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

}  // namespace migfuzz
