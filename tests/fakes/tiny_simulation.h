// The guest `tiny` in plain C++ for tests: the same memory and the same lines, without QEMU.
//
// It remembers what it wrote last to each page instead of inverting the closed form, so it is an
// oracle for the model. Memory is sized so that the owned pages just fit. It can stop in the middle
// of a step; a stop in the middle of a line is a cut of text(), made by the test.
#pragma once

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "guests/closed_form/model.h"
#include "guests/tiny/layout.h"
#include "guests/tiny/tiny.h"

namespace migfuzz::form {

class TinySimulation {
 public:
  explicit TinySimulation(const Shape& shape)
      : shape_(shape),
        ram_(TINY_BASE_GPA + shape.pages * FORM_PAGE_BYTES),
        disk_(FORM_JOURNAL_SLOTS * FORM_SECTOR_BYTES),
        last_(shape.pages, 0) {
    shape_.place = tiny_place();
    form_control c{};
    c.magic = FORM_MAGIC;
    c.version = FORM_VERSION;
    c.seed = shape.seed;
    c.base_gpa = TINY_BASE_GPA;
    c.pages = shape.pages;
    c.rate_pages_per_s = shape.rate_pages_per_s;
    c.range_count = 1;
    c.range[0] = {TINY_BASE_GPA, shape.pages};
    c.record[0].chain = form_first_chain(shape.seed, shape.pages);
    c.journal.writes_per_s = shape.disk_writes_per_s;
    control() = c;
    for (std::uint64_t p = 0; p < shape.pages; ++p) write(p, 0, FORM_PAGE_WORDS);
    char line[FORM_LINE_BYTES_MAX];
    std::snprintf(line, sizeof line, "B %" PRIx64 " %016" PRIx64 " %x\n", shape.pages, shape.seed,
                  static_cast<unsigned>(TINY_BASE_GPA));
    text_ = line;
  }

  const Shape& shape() const { return shape_; }
  Bytes ram() const { return ram_; }
  const std::string& text() const { return text_; }
  Bytes disk() const { return disk_; }
  std::byte* sector(std::uint64_t slot) { return disk_.data() + slot * FORM_SECTOR_BYTES; }
  form_control& control() {
    return *reinterpret_cast<form_control*>(ram_.data() + TINY_CONTROL_GPA);
  }
  std::byte* page(std::uint64_t p) { return ram_.data() + TINY_BASE_GPA + p * FORM_PAGE_BYTES; }
  std::vector<std::byte> copy_of(std::uint64_t p) { return {page(p), page(p) + FORM_PAGE_BYTES}; }

  /// Makes `steps` whole steps.
  void run(std::uint64_t steps) {
    for (; steps != 0; --steps) {
      begin_step(FORM_PAGE_WORDS);
      control().step_done += 1;
    }
  }

  /// Checks the next step's page and writes its first `words` words; the step stays in flight.
  void begin_step(std::size_t words) {
    const std::uint64_t n = control().step_done + 1;
    const std::uint64_t p = form_page_of(shape_.seed, shape_.pages, n);
    check(p, n);
    control().step_started = n;
    write(p, n, words);
    last_[p] = n;
  }

  /// Commits and emits a record of all steps since the last one.
  void record() {
    form_control& c = control();
    const form_record& before = c.record[c.record_count & 1];
    form_record& after = c.record[(c.record_count + 1) & 1];
    after.chain = form_next_chain(shape_.seed, shape_.pages, before.chain, before.step, c.step_done,
                                  c.journal.ack[c.journal.ack_count & 1].link);
    after.step = c.step_done;
    c.record_count += 1;
    c.records_emitted += 1;
    char line[FORM_LINE_BYTES_MAX];
    std::snprintf(line, sizeof line, "S %016" PRIx64 " %016" PRIx64 "\n", after.step, after.chain);
    text_ += line;
  }

  /// Issues the next journal record; it may or may not reach the disk before a stop.
  void issue(bool reaches_disk = true) {
    form_journal& j = control().journal;
    j.issued_step = control().step_done;
    j.issued = j.ack_count + 1;
    if (reaches_disk) put(j.issued, j.issued_step);
  }

  /// Acknowledges the record that was issued.
  void acknowledge() {
    form_journal& j = control().journal;
    const form_ack before = j.ack[j.ack_count & 1];
    std::uint64_t words[FORM_SECTOR_WORDS];
    const std::uint64_t hash = form_fill_sector(words, shape_.seed, j.ack_count + 1, j.issued_step);
    j.ack_count += 1;
    j.acks_emitted += 1;
    j.ack[j.ack_count & 1] = {j.issued_step, form_next_link(before.link, hash)};
    char line[FORM_LINE_BYTES_MAX];
    std::snprintf(line, sizeof line, "D %" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", j.ack_count,
                  j.issued_step, j.ack[j.ack_count & 1].link);
    text_ += line;
  }

  /// Puts a whole record on the disk, whoever wrote it.
  void put(std::uint64_t number, std::uint64_t step, std::optional<std::uint64_t> seed = {}) {
    std::uint64_t words[FORM_SECTOR_WORDS];
    form_fill_sector(words, seed.value_or(shape_.seed), number, step);
    std::memcpy(sector(form_slot_of(number)), words, sizeof words);
  }

 private:
  void write(std::uint64_t p, std::uint64_t step, std::size_t words) {
    const std::uint64_t base = form_base_of(shape_.seed, p, step);
    for (std::size_t i = 0; i < words; ++i) {
      const std::uint64_t word = form_word_of(base, step, i);
      std::memcpy(page(p) + i * sizeof word, &word, sizeof word);
    }
  }

  void check(std::uint64_t p, std::uint64_t at) {
    const std::uint64_t base = form_base_of(shape_.seed, p, last_[p]);
    for (std::size_t i = 0; i < FORM_PAGE_WORDS; ++i) {
      const std::uint64_t word = form_word_of(base, last_[p], i);
      if (std::memcmp(page(p) + i * sizeof word, &word, sizeof word) == 0) continue;
      char line[FORM_LINE_BYTES_MAX];
      std::snprintf(line, sizeof line, "E %" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", p, last_[p],
                    at);
      text_ += line;
      return;
    }
  }

  Shape shape_;
  std::vector<std::byte> ram_;
  std::vector<std::byte> disk_;
  std::vector<std::uint64_t> last_;
  std::string text_;
};

}  // namespace migfuzz::form
