// The guest `tiny` as the harness sees it: the command line that starts it, the embedded payload,
// and the pure functions of closed_form/model.h applied to a plan's shape.
//
// The number of owned pages follows from the RAM size alone and is passed to the guest explicitly,
// so that guest and harness agree even if the guest's own view of RAM should differ. The payload's
// bytes come from payload/embed.S (see payload.cmake). By hand: payload/boot.S has the run line.
#include "guests/tiny/tiny.h"

#include <cinttypes>
#include <cstdio>

#include "harness/core/error.h"

extern "C" {
extern const std::byte migfuzz_tiny_elf_begin[];  // defined in payload/embed.S
extern const std::byte migfuzz_tiny_elf_end[];
}

namespace migfuzz {

std::string_view Tiny::summary() const {
  return "bare-metal closed-form page writer: boots in 50-120 ms, checks itself, journals to disk";
}

std::uint64_t Tiny::pages(const GuestShape& shape) const {
  return tiny_pages_for(shape.memory_bytes, pages_max_);
}

form::Shape Tiny::model_shape(const GuestShape& shape) const {
  return {shape.seed, pages(shape), shape.dirty_pages_per_s, shape.disk_writes_per_s,
          tiny_place()};
}

std::vector<std::string> Tiny::arguments(const GuestShape& shape,
                                         const std::string& payload) const {
  if (shape.memory_bytes < least_memory_bytes()) {
    throw UsageError("guest tiny: " + std::to_string(shape.memory_bytes) +
                     " bytes of RAM are too few, it needs " + std::to_string(least_memory_bytes()));
  }
  char line[128];
  std::snprintf(line, sizeof line,
                "seed=0x%016" PRIx64 " rate=%" PRIu32 " pages=%" PRIu64 " disk=%" PRIu32,
                shape.seed, shape.dirty_pages_per_s, pages(shape), shape.disk_writes_per_s);
  return {"-kernel", payload, "-append", line};
}

ImageExam Tiny::examine(const GuestShape& shape, Bytes ram, std::uint64_t recorded_step) const {
  return form::examine(model_shape(shape), ram, recorded_step);
}

std::optional<GuestClock> Tiny::clock(const GuestShape&, Bytes ram) const {
  return form::clock(tiny_place(), ram);
}

std::optional<Guest::StalePage> Tiny::stale_page(const GuestShape& shape, Bytes ram) const {
  return form::stale_page(model_shape(shape), ram);
}

bool Tiny::owns(const GuestShape& shape, Bytes, std::uint64_t gpa) const {
  return gpa >= TINY_BASE_GPA && (gpa - TINY_BASE_GPA) / FORM_PAGE_BYTES < pages(shape);
}

std::optional<Guest::RamWrite> Tiny::notice(const GuestShape&) const {
  return form::notice(tiny_place());
}

GuestRecords Tiny::parse(const GuestShape& shape, std::string_view text) const {
  return form::parse(model_shape(shape), text);
}

std::optional<std::string> Tiny::disagreement(const GuestShape& shape, const ImageExam& exam,
                                              std::string_view text) const {
  return form::tail_disagrees(model_shape(shape), exam, text);
}

DiskExam Tiny::examine_disk(const GuestShape& shape, Bytes disk, std::string_view text,
                            const std::optional<ImageExam>& exam) const {
  return form::examine_disk(model_shape(shape), disk, text, exam);
}

std::optional<std::uint64_t> Tiny::last_step(std::string_view tail) const {
  return form::last_step(tail);
}

Bytes Tiny::payload() const {
  return {migfuzz_tiny_elf_begin, migfuzz_tiny_elf_end};
}

form::Place tiny_place() { return {TINY_CONTROL_GPA, TINY_BASE_GPA, nullptr}; }

std::unique_ptr<Guest> make_tiny() { return std::make_unique<Tiny>(); }

}  // namespace migfuzz
