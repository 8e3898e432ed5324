// A guest of eight pages for tests of the harness: one page and one record ("step N") per step.
//
// The same idea as `tiny` in the smallest form that every checker can work with: closed-form pages,
// contiguous records, a self-check before each write. Page 0 holds the step; step n rewrites owned
// page n mod 8. boot(), step() and journal() are what the CPU would do; the rest is the Guest
// interface. Its disk has one sector for each journal record, acknowledged as "wrote N at STEP".
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/guest.h"

namespace migfuzz::fakes {

class FakeGuest final : public Guest {
 public:
  static constexpr std::uint64_t kPages = 8, kPageBytes = 4096, kWords = kPageBytes / 8;
  static constexpr std::uint64_t kSectors = 64, kSectorWords = 64;
  static constexpr std::uint64_t kMagic = 0x66616b6567756573;  // "fakegues"
  using Ram = std::vector<std::byte>;

  static std::uint64_t gpa_of(std::uint64_t page) { return (1 + page) * kPageBytes; }
  static std::uint64_t step_of(Bytes ram) { return word(ram, 1); }

  void boot(const GuestShape& shape, Ram& ram) const {
    put(ram, 0, kMagic);
    put(ram, 1, 0);
    for (std::uint64_t page = 0; page < kPages; ++page) write(shape, ram, page, 0);
  }

  /// Makes one step and returns what it says on the evidence channel.
  std::string step(const GuestShape& shape, Ram& ram) const {
    const auto n = step_of(ram) + 1, page = n % kPages;
    std::string text;
    if (wrong_bytes(shape, ram, page, last_written(page, n - 1)) != 0)
      text = "wrong " + std::to_string(page) + "\n";
    write(shape, ram, page, n);
    put(ram, 1, n);
    return text + "step " + std::to_string(n) + "\n";
  }

  /// Writes journal record `number` and returns its acknowledgement.
  std::string journal(const GuestShape& shape, Ram& disk, std::uint64_t number,
                      std::uint64_t step) const {
    const auto at = (number - 1) * kSectorWords;
    put(disk, at, shape.seed);
    put(disk, at + 1, step);
    put(disk, at + 2, shape.seed ^ step ^ kMagic);
    return "wrote " + std::to_string(number) + " at " + std::to_string(step) + "\n";
  }

  std::string_view name() const override { return "fake"; }
  std::string_view summary() const override { return "eight pages, one record per step"; }
  std::uint64_t least_memory_bytes() const override { return (1 + kPages) * kPageBytes; }
  std::vector<std::string> arguments(const GuestShape&, const std::string&) const override {
    return {};
  }
  Bytes payload() const override { return {}; }

  ImageExam examine(const GuestShape& shape, Bytes ram,
                    std::uint64_t recorded_step = 0) const override {
    ImageExam exam;
    exam.readable = ram.size() >= least_memory_bytes() && word(ram, 0) == kMagic;
    if (!exam.readable) {
      exam.why = "no control block";
      return exam;
    }
    exam.step = exam.recorded_step = step_of(ram);
    exam.pages_checked = kPages;
    const auto true_step = std::max(exam.step, recorded_step);
    for (std::uint64_t page = 0; page < kPages; ++page) {
      const auto expected = last_written(page, true_step);
      const auto bad = wrong_bytes(shape, ram, page, expected);
      if (bad == 0) continue;
      ++exam.wrong_pages;
      PageFault fault{page, gpa_of(page), expected, {}, 0, bad};
      for (auto old = expected; old != 0 && !fault.stale_step;) {
        old = old > kPages ? old - kPages : 0;
        if (wrong_bytes(shape, ram, page, old) == 0) fault.stale_step = old;
      }
      exam.wrong.push_back(fault);
    }
    return exam;
  }

  /// One step lasts 4 ms; one second had passed at its boot. Word 2 of page 0 is added to it, for
  /// worlds that break the clock.
  std::optional<GuestClock> clock(const GuestShape&, Bytes ram) const override {
    return GuestClock{1'000'000'000 + step_of(ram) * 4'000'000 + word(ram, 2), 0};
  }
  static void set_clock_ahead(Ram& ram, std::uint64_t ns) { put(ram, 2, ns); }

  std::optional<StalePage> stale_page(const GuestShape& shape, Bytes ram) const override {
    const auto step = step_of(ram);
    if (step <= kPages) return std::nullopt;
    // The page that is rewritten last from now on: the longest time to be seen.
    Ram older(ram.size());
    write(shape, older, step % kPages, step - kPages);
    const auto gpa = gpa_of(step % kPages);
    const auto from = older.begin() + static_cast<std::ptrdiff_t>(gpa);
    return StalePage{gpa, {from, from + static_cast<std::ptrdiff_t>(kPageBytes)}};
  }

  bool owns(const GuestShape&, Bytes, std::uint64_t gpa) const override {
    return gpa >= kPageBytes && gpa < (1 + kPages) * kPageBytes;
  }

  GuestRecords parse(const GuestShape&, std::string_view text) const override {
    GuestRecords all;
    std::uint64_t last = 0;
    for (std::size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) {
      const auto line = text.substr(0, end);
      GuestRecord record;
      if (line.starts_with("wrote ")) {
        record.kind = GuestRecord::Kind::disk_written;
        record.number = number(line.substr(6));
        record.step = number(line.substr(line.rfind(' ') + 1));
      } else if (line.starts_with("wrong ")) {
        record.kind = GuestRecord::Kind::self_check_failed;
        record.page = number(line.substr(6));
        record.gpa = gpa_of(record.page);
      } else if (line.starts_with("step ")) {
        record.step = number(line.substr(5));
        if (record.step != last + 1) {
          all.broken = "step " + std::to_string(record.step) + " follows " + std::to_string(last);
          return all;
        }
        last = record.step;
      }
      all.records.push_back(record);
    }
    return all;
  }

  std::optional<std::string> disagreement(const GuestShape&, const ImageExam& exam,
                                          std::string_view text) const override {
    const auto last = last_step(text).value_or(0);
    if (last == exam.step) return std::nullopt;
    return "records end at step " + std::to_string(last) + ", the image at " +
           std::to_string(exam.step);
  }

  std::uint64_t disk_bytes() const override { return kSectors * kSectorWords * 8; }

  DiskExam examine_disk(const GuestShape& shape, Bytes disk, std::string_view text,
                        const std::optional<ImageExam>& exam) const override {
    DiskExam found;
    const auto parsed = parse(shape, text);
    found.readable = !parsed.broken && disk.size() >= disk_bytes();
    found.why = found.readable ? "" : parsed.broken.value_or("the disk is too small");
    if (!found.readable) return found;
    std::vector<std::uint64_t> steps;
    for (const auto& record : parsed.records)
      if (record.kind == GuestRecord::Kind::disk_written) steps.push_back(record.step);
    found.acknowledged = steps.size();
    for (std::uint64_t i = 0; i < kSectors; ++i) {
      const auto seed = word(disk, i * kSectorWords), step = word(disk, i * kSectorWords + 1);
      const auto check = word(disk, i * kSectorWords + 2);
      auto* kind = &found.found;
      if (seed == 0 && step == 0 && check == 0) {
        if (i >= steps.size()) continue;
        kind = &found.missing;
      } else if (check != (seed ^ step ^ kMagic)) {
        kind = &found.torn;
      } else if (seed != shape.seed || (i < steps.size() && step != steps[i])) {
        kind = &found.foreign;
      } else if (i > steps.size() || (exam && step > exam->step)) {
        kind = &found.newer;
      }
      if (kind != &found.found && found.first.empty())
        found.first = "record " + std::to_string(i + 1);
      ++*kind;
    }
    return found;
  }

  std::optional<std::uint64_t> last_step(std::string_view tail) const override {
    const auto at = tail.rfind("step ");
    if (at == tail.npos) return std::nullopt;
    return number(tail.substr(at + 5));
  }

 private:
  static std::uint64_t word(Bytes ram, std::size_t index) {
    std::uint64_t value = 0;
    std::memcpy(&value, ram.data() + index * 8, 8);
    return value;
  }
  static void put(Ram& ram, std::size_t index, std::uint64_t value) {
    std::memcpy(ram.data() + index * 8, &value, 8);
  }
  static std::uint64_t number(std::string_view digits) {
    std::uint64_t value = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') break;
      value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
  }
  static std::uint64_t last_written(std::uint64_t page, std::uint64_t step) {
    const auto back = (step + kPages - page) % kPages;
    return step > back ? step - back : 0;
  }
  static std::uint64_t base(const GuestShape& shape, std::uint64_t page, std::uint64_t step) {
    return (shape.seed + page * 0x9e3779b97f4a7c15) ^ (step * 0xbf58476d1ce4e5b9);
  }
  static void write(const GuestShape& shape, Ram& ram, std::uint64_t page, std::uint64_t step) {
    const auto first = base(shape, page, step);
    for (std::uint64_t i = 0; i < kWords; ++i) put(ram, gpa_of(page) / 8 + i, first + i);
  }
  static std::uint32_t wrong_bytes(const GuestShape& shape, Bytes ram, std::uint64_t page,
                                   std::uint64_t step) {
    const auto first = base(shape, page, step);
    std::uint32_t wrong = 0;
    for (std::uint64_t i = 0; i < kWords; ++i) {
      auto difference = word(ram, gpa_of(page) / 8 + i) ^ (first + i);
      for (; difference != 0; difference >>= 8) wrong += (difference & 0xff) != 0 ? 1 : 0;
    }
    return wrong;
  }
};

}  // namespace migfuzz::fakes
