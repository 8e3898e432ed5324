// The guest `tiny`: our own bare-metal payload that rewrites RAM by a closed form at a steady rate.
//
// It starts in about 50 ms with qboot and 120 ms with SeaBIOS (TCG), owns up to 8 MiB from 4 MiB
// up, and tells each 4 ms on the debug console how far it has come. What it keeps in memory, and in
// which order it writes, is in layout.h, which the payload shares with this class.
//
// RAM may have any size of at least 8 MiB, odd ones too. `dirty_pages_per_s` is honoured up to what
// the accelerator can do (TCG: about 10^5); above, the guest forgets ticks and is only slower. The
// records come every max(4 ms, 1/rate): with rate 0 the guest boots, says so, and is silent
// but for its journal.
//
// On a virtio-blk disk of disk_bytes() it journals `disk_writes_per_s` records a second
// (journal.h), at most 500: a write and a flush take a tick each at least. Without such a disk, or
// with rate 0, it runs without a journal. A disk that fails is reported and tried again; one that
// hangs stops the journal and nothing else.
//
// The caller adds the debug console (`isa-debugcon`, port 0xe9, a chardev of type file) and may add
// `-bios qboot.rom` and the disk (transitional, on PCI bus 0). Errors: arguments() throws
// UsageError when the RAM is too small; everything else reports in its result and never throws,
// whatever the bytes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guests/closed_form/model.h"
#include "guests/tiny/layout.h"
#include "harness/core/guest.h"

namespace migfuzz {

class Tiny : public Guest {
 public:
  /// `pages_max` caps the owned area (4 KiB pages; at most FORM_MAX_PAGES). It must be the same for
  /// every call about one VM, for it decides the number of pages together with the RAM size.
  explicit Tiny(std::uint64_t pages_max = FORM_DEFAULT_PAGES) : pages_max_(pages_max) {}

  std::string_view name() const override { return "tiny"; }
  std::string_view summary() const override;
  std::uint64_t least_memory_bytes() const override { return std::uint64_t{8} << 20; }
  std::vector<std::string> arguments(const GuestShape& shape,
                                     const std::string& payload) const override;
  ImageExam examine(const GuestShape& shape, Bytes ram,
                    std::uint64_t recorded_step = 0) const override;
  std::optional<GuestClock> clock(const GuestShape& shape, Bytes ram) const override;
  std::optional<StalePage> stale_page(const GuestShape& shape, Bytes ram) const override;
  std::optional<RamWrite> notice(const GuestShape& shape) const override;
  bool owns(const GuestShape& shape, Bytes ram, std::uint64_t gpa) const override;
  GuestRecords parse(const GuestShape& shape, std::string_view text) const override;
  std::optional<std::string> disagreement(const GuestShape& shape, const ImageExam& exam,
                                          std::string_view text) const override;
  std::uint64_t disk_bytes() const override {
    return std::uint64_t{FORM_JOURNAL_SLOTS} * FORM_SECTOR_BYTES;
  }
  DiskExam examine_disk(const GuestShape& shape, Bytes disk, std::string_view text,
                        const std::optional<ImageExam>& exam) const override;
  std::optional<std::uint64_t> last_step(std::string_view tail) const override;
  Bytes payload() const override;

 private:
  std::uint64_t pages(const GuestShape& shape) const;
  form::Shape model_shape(const GuestShape& shape) const;

  std::uint64_t pages_max_;
};

/// Where it keeps everything: layout.h as the model wants it.
form::Place tiny_place();

std::unique_ptr<Guest> make_tiny();

}  // namespace migfuzz
