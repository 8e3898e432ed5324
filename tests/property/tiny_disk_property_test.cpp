// The claims about the journal of `tiny` that must hold for every seed, pace and moment.
//
// A run is a random mix of steps, records, issues and acknowledgements, as the guest may interleave
// them. Reproduce a failure with RC_PARAMS="reproduce=..." as rapidcheck prints it.
#include <rapidcheck/catch.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "guests/closed_form/journal.h"
#include "guests/closed_form/model.h"
#include "tests/fakes/tiny_simulation.h"

using namespace migfuzz;
using form::Shape;
using form::TinySimulation;

namespace {

std::uint64_t below(std::uint64_t end) { return *rc::gen::inRange<std::uint64_t>(0, end); }

TinySimulation any_run() {
  Shape shape;
  shape.place = tiny_place();
  shape.seed = *rc::gen::arbitrary<std::uint64_t>();
  shape.pages = std::uint64_t{1} << below(6);
  shape.rate_pages_per_s = 1 + below(20000);
  TinySimulation guest(shape);
  bool under_way = false;
  for (std::uint64_t turns = below(30); turns != 0; --turns) {
    guest.run(1 + below(form_record_steps_max(shape.rate_pages_per_s)));
    if (under_way && below(2) == 0) {
      guest.acknowledge();
      under_way = false;
    }
    if (!under_way && below(2) == 0) {
      guest.issue(below(2) == 0);
      under_way = true;
      // What the disk did not have at first it has when it is acknowledged.
      guest.put(guest.control().journal.issued, guest.control().journal.issued_step);
    }
    guest.record();
  }
  return guest;
}

DiskExam disk_of(const TinySimulation& guest, const std::string& text) {
  return form::examine_disk(guest.shape(), guest.disk(), text,
                            form::examine(guest.shape(), guest.ram()));
}

std::uint64_t bad(const DiskExam& exam) {
  return exam.missing + exam.newer + exam.foreign + exam.torn;
}

}  // namespace

TEST_CASE("tiny: any journal is accepted, with the image and without it", "[tiny-disk]") {
  rc::prop("every acknowledged record is found, and at most one more", [] {
    const TinySimulation guest = any_run();
    const DiskExam exam = disk_of(guest, guest.text());
    RC_ASSERT(exam.readable);
    RC_ASSERT(bad(exam) == 0u);
    RC_ASSERT(exam.found == exam.acknowledged || exam.found == exam.acknowledged + 1);
    RC_ASSERT(form::examine_disk(guest.shape(), guest.disk(), guest.text(), {}) == exam);
  });
}

TEST_CASE("tiny: any one bad sector is found and named once", "[tiny-disk]") {
  rc::prop("lost, of another life, torn, or from the future", [] {
    TinySimulation guest = any_run();
    const std::uint64_t count = guest.control().journal.ack_count;
    RC_PRE(count != 0u);
    const std::uint64_t number = 1 + below(count);
    std::byte* const sector = guest.sector(number - 1);
    std::uint64_t step = 0;
    std::memcpy(&step, sector + FORM_SECTOR_STEP * 8, sizeof step);
    const std::uint64_t way = below(4);
    if (way == 0) std::memset(sector, 0, FORM_SECTOR_BYTES);
    if (way == 1) guest.put(number, step ^ (1 + below(~0ull)));
    if (way == 2) sector[below(FORM_SECTOR_BYTES)] ^= std::byte{1} << static_cast<int>(below(8));
    if (way == 3) guest.put(count + 2 + below(100), step);
    const DiskExam exam = disk_of(guest, guest.text());
    RC_ASSERT(bad(exam) == 1u);
    RC_ASSERT((way == 0   ? exam.missing
               : way == 1 ? exam.foreign
               : way == 2 ? exam.torn
                          : exam.newer) == 1u);
    RC_ASSERT(!exam.first.empty());
  });
}

TEST_CASE("tiny: evidence with a journal parses whole or split, and no line of it can go",
          "[tiny-disk]") {
  rc::prop("the end may be missing, nothing else", [] {
    const TinySimulation guest = any_run();
    const std::string& text = guest.text();
    const auto exam = form::examine(guest.shape(), guest.ram());
    RC_ASSERT(!form::tail_disagrees(guest.shape(), exam, text).has_value());
    RC_ASSERT(!form::parse(guest.shape(), text.substr(0, below(text.size()))).broken.has_value());
    std::vector<std::size_t> starts;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) starts.push_back(at);
    RC_PRE(starts.size() > 1);
    const std::size_t at = starts[below(starts.size() - 1)];
    const std::string without = text.substr(0, at) + text.substr(text.find('\n', at) + 1);
    RC_ASSERT(form::parse(guest.shape(), without).broken.has_value());
  });
}

TEST_CASE("tiny: no bytes crash the examiner of disks", "[tiny-disk]") {
  rc::prop("arbitrary text and arbitrary words in any sector", [] {
    TinySimulation guest = any_run();
    for (std::uint64_t i = below(8); i != 0; --i) {
      const std::uint64_t word = *rc::gen::arbitrary<std::uint64_t>();
      std::memcpy(guest.sector(below(40)) + 8 * below(FORM_SECTOR_WORDS), &word, sizeof word);
    }
    (void)disk_of(guest, guest.text());
    (void)disk_of(guest, *rc::gen::arbitrary<std::string>());
  });
}
