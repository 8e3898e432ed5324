// What can be known of the journal that a guest keeps on its disk: by its RAM image, and by the
// disk.
//
// The guest writes one numbered record after the other, and acknowledges a record on its evidence
// channel only when the disk has said that it is safe. So after any failure the survivor's disk
// must hold what was acknowledged, and nothing that the survivor cannot have written.
#pragma once

#include <cstdint>
#include <string>

namespace migfuzz {

/// What an image says of the guest's journal on disk. At most one record is under way: `issued` is
/// `acknowledged` or one more.
struct JournalState {
  std::uint64_t issued = 0, issued_step = 0;
  std::uint64_t acknowledged = 0, link = 0;  // last acknowledged record, and the hash after it
  bool operator==(const JournalState&) const = default;
};

/// What a disk holds of the journal that the guest acknowledged. Each bad sector counts once.
struct DiskExam {
  bool readable = false;           // the text and the disk can be judged at all
  std::string why;                 // if not readable: the reason, one line
  std::uint64_t acknowledged = 0;  // records that the guest acknowledged
  std::uint64_t found = 0;         // records that are there as they should be, in flight included
  std::uint64_t missing = 0;       // acknowledged, but the sector is empty or holds an older record
  std::uint64_t newer = 0;         // beyond what the survivor can have issued
  std::uint64_t foreign = 0;       // a whole record of another life than the survivor's
  std::uint64_t torn = 0;          // neither empty nor a whole record
  std::string first;               // the first bad sector in words
  bool operator==(const DiskExam&) const = default;
};

}  // namespace migfuzz
