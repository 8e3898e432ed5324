// The model of the guest `tiny` against a simulation of the guest that knows no shortcut.
//
// The simulation writes every page of every step in order, as the payload does, so it is the oracle
// for the closed form: small areas are compared exhaustively. Then each thing the examiner and the
// parser must name is made on purpose. Random variants: tests/property/tiny_property_test.cpp.
// Run alone: unit-tests "[tiny]".
#include "guests/tiny/tiny.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <set>

#include "guests/catalog.h"
#include "guests/tiny/layout.h"
#include "guests/closed_form/model.h"
#include "harness/core/error.h"
#include "tests/fakes/tiny_simulation.h"

using namespace migfuzz;
using form::Shape;
using form::TinySimulation;

namespace {

constexpr std::uint64_t kMiB = 1 << 20;

std::string evidence(const Shape& shape, int records, std::uint64_t steps_each) {
  TinySimulation guest(shape);
  for (int i = 0; i < records; ++i) {
    guest.run(steps_each);
    guest.record();
  }
  return guest.text();
}

/// The text without its `index`-th line.
std::string without_line(const std::string& text, int index) {
  std::size_t at = 0;
  for (int i = 0; i < index; ++i) at = text.find('\n', at) + 1;
  return text.substr(0, at) + text.substr(text.find('\n', at) + 1);
}

}  // namespace

TEST_CASE("tiny: every epoch writes every page once, and the inverse finds the last writer",
          "[tiny]") {
  for (const std::uint64_t pages : {1, 2, 4, 8, 32}) {
    for (const std::uint64_t seed : {0ull, 1ull, 42ull, ~0ull}) {
      std::vector<std::uint64_t> last(pages, 0);
      std::set<std::uint64_t> in_epoch;
      for (std::uint64_t n = 1; n <= 5 * pages + 3; ++n) {
        if ((n - 1) % pages == 0) in_epoch.clear();
        const std::uint64_t page = form_page_of(seed, pages, n);
        REQUIRE(page < pages);
        REQUIRE(in_epoch.insert(page).second);
        REQUIRE(form_last_step(seed, pages, n - 1, page) == last[page]);
        last[page] = n;
        for (std::uint64_t p = 0; p < pages; ++p) {
          REQUIRE(form_last_step(seed, pages, n, p) == last[p]);
        }
      }
    }
  }
}

TEST_CASE("tiny: the inverse of an odd number is right", "[tiny]") {
  for (std::uint64_t odd = 1; odd < 2000; odd += 2) REQUIRE(form_inverse(odd) * odd == 1);
  REQUIRE(form_inverse(FORM_PAGE_STRIDE) * FORM_PAGE_STRIDE == 1);
  REQUIRE(form_inverse(~0ull) * ~0ull == 1);
}

TEST_CASE("tiny: the number of owned pages is the largest power of two that fits", "[tiny]") {
  CHECK(tiny_pages_for(0, 2048) == 0);
  CHECK(tiny_pages_for(4 * kMiB, 2048) == 0);
  CHECK(tiny_pages_for(8 * kMiB, 2048) == 512);
  CHECK(tiny_pages_for(16 * kMiB, 2048) == 2048);
  CHECK(tiny_pages_for(16392ull << 10, 2048) == 2048);
  CHECK(tiny_pages_for(64 * kMiB, 2048) == 2048);
  CHECK(tiny_pages_for(64 * kMiB, 1 << 20) == 8192);
  CHECK(tiny_pages_for(64 * kMiB, 100) == 64);
  CHECK(tiny_pages_for(~0ull, ~0ull) == FORM_MAX_PAGES);
}

TEST_CASE("tiny: contents of different steps, pages or seeds differ in every word", "[tiny]") {
  const std::uint64_t base = form_base_of(7, 3, 100);
  for (const std::uint64_t other :
       {form_base_of(7, 3, 101), form_base_of(7, 4, 100), form_base_of(8, 3, 100)}) {
    for (std::uint64_t i = 1; i < FORM_PAGE_WORDS; ++i) {
      REQUIRE(form_word_of(base, 100, i) != form_word_of(other, 100, i));
    }
  }
}

TEST_CASE("tiny: an untouched image has no wrong page at any step", "[tiny]") {
  TinySimulation guest({.seed = 9, .pages = 8, .rate_pages_per_s = 4000});
  for (std::uint64_t n = 0; n < 40; ++n) {
    const ImageExam exam = form::examine(guest.shape(), guest.ram());
    REQUIRE(exam.readable);
    REQUIRE(exam.step == n);
    REQUIRE(exam.pages_checked == 8);
    REQUIRE(exam.wrong_pages == 0);
    guest.run(1);
    if (n % 3 == 0) guest.record();
  }
}

TEST_CASE("tiny: a damaged page is named with its first bad byte and their number", "[tiny]") {
  TinySimulation guest({.seed = 9, .pages = 8, .rate_pages_per_s = 4000});
  guest.run(20);
  guest.page(5)[100] ^= std::byte{0x10};
  guest.page(5)[4095] ^= std::byte{0xff};
  const ImageExam exam = form::examine(guest.shape(), guest.ram());
  REQUIRE(exam.wrong_pages == 1);
  const PageFault& fault = exam.wrong.at(0);
  CHECK(fault.page == 5);
  CHECK(fault.gpa == TINY_BASE_GPA + 5 * 4096);
  CHECK(fault.expected_step == form_last_step(9, 8, 20, 5));
  CHECK(fault.first_bad_byte == 100);
  CHECK(fault.bad_bytes == 2);
  CHECK_FALSE(fault.stale_step.has_value());
}

TEST_CASE("tiny: a stale page is recognised with the step it stands at", "[tiny]") {
  TinySimulation guest({.seed = 3, .pages = 8, .rate_pages_per_s = 4000});
  guest.run(10);
  const std::uint64_t before = form_last_step(3, 8, 10, 2);
  const auto old_page = guest.copy_of(2);
  guest.run(8);
  std::memcpy(guest.page(2), old_page.data(), old_page.size());
  const ImageExam exam = form::examine(guest.shape(), guest.ram());
  REQUIRE(exam.wrong_pages == 1);
  CHECK(exam.wrong[0].page == 2);
  CHECK(exam.wrong[0].stale_step == before);
  CHECK(exam.wrong[0].expected_step > before);
}

TEST_CASE("tiny: a page of another page's content is wrong and not stale", "[tiny]") {
  TinySimulation guest({.seed = 3, .pages = 8, .rate_pages_per_s = 4000});
  guest.run(16);
  const auto other = guest.copy_of(form_page_of(3, 8, 9));
  const std::uint64_t victim = form_page_of(3, 8, 16);
  std::memcpy(guest.page(victim), other.data(), other.size());
  const ImageExam exam = form::examine(guest.shape(), guest.ram());
  REQUIRE(exam.wrong_pages == 1);
  CHECK(exam.wrong[0].page == victim);
  CHECK_FALSE(exam.wrong[0].stale_step.has_value());
}

TEST_CASE("tiny: a stale control block shows as pages that are newer than it", "[tiny]") {
  TinySimulation guest({.seed = 3, .pages = 8, .rate_pages_per_s = 4000});
  guest.run(10);
  const form_control old_control = guest.control();
  guest.run(3);
  guest.control() = old_control;
  const ImageExam exam = form::examine(guest.shape(), guest.ram());
  CHECK(exam.readable);
  CHECK(exam.wrong_pages == 3);
}

TEST_CASE("tiny: only the page in flight may be torn, and only where it may be", "[tiny]") {
  const Shape shape{.seed = 11, .pages = 8, .rate_pages_per_s = 4000, .place = tiny_place()};
  for (const std::size_t words : {0u, 1u, 2u, 255u, 511u, 512u}) {
    TinySimulation guest(shape);
    guest.run(21);
    guest.begin_step(words);
    CHECK(form::examine(shape, guest.ram()).wrong_pages == 0);
    const bool page_changed = words > 0;
    guest.control().step_started = 21;  // now nothing is in flight
    CHECK(form::examine(shape, guest.ram()).wrong_pages == (page_changed ? 1 : 0));
  }
  TinySimulation guest(shape);
  guest.run(21);
  guest.begin_step(200);
  // Neither old nor new, then new after old: both impossible for a guest that writes upwards.
  std::byte* const page = guest.page(form_page_of(11, 8, 22));
  page[300 * 8] ^= std::byte{1};
  CHECK(form::examine(shape, guest.ram()).wrong_pages == 1);
  page[300 * 8] ^= std::byte{1};
  const std::uint64_t word = form_word_of(form_base_of(11, form_page_of(11, 8, 22), 22), 22, 400);
  std::memcpy(page + 400 * 8, &word, 8);
  CHECK(form::examine(shape, guest.ram()).wrong_pages == 1);
}

TEST_CASE("tiny: a control block that contradicts the plan or itself is not readable", "[tiny]") {
  const Shape shape{.seed = 11, .pages = 8, .rate_pages_per_s = 4000, .place = tiny_place()};
  TinySimulation guest(shape);
  guest.run(30);
  guest.record();
  const form_control good = guest.control();
  const auto unreadable = [&] {
    const ImageExam exam = form::examine(shape, guest.ram());
    guest.control() = good;
    return !exam.readable && !exam.why.empty() && exam.pages_checked == 0;
  };
  CHECK(form::examine(shape, guest.ram()).readable);
  guest.control().magic = 0;
  CHECK(unreadable());
  guest.control().magic ^= 1;
  CHECK(unreadable());
  guest.control().version += 1;
  CHECK(unreadable());
  guest.control().seed = 12;
  CHECK(unreadable());
  guest.control().pages = 16;
  CHECK(unreadable());
  guest.control().base_gpa = 0;
  CHECK(unreadable());
  guest.control().range_count = 0;
  CHECK(unreadable());
  guest.control().range[0].pages = 7;
  CHECK(unreadable());
  guest.control().step_started = 29;
  CHECK(unreadable());
  guest.control().step_started = 32;
  CHECK(unreadable());
  guest.control().records_emitted += 1;
  CHECK(unreadable());
  guest.control().record[1].step = 31;
  CHECK(unreadable());
  CHECK_FALSE(form::examine(shape, {}).readable);
  CHECK_FALSE(form::examine(shape, guest.ram().first(guest.ram().size() - 1)).readable);
  CHECK_FALSE(form::examine({.seed = 11, .pages = 0}, guest.ram()).readable);
  CHECK_FALSE(form::examine({.seed = 11, .pages = 3}, guest.ram()).readable);
}

TEST_CASE("tiny: at most 64 wrong pages are kept, all are counted", "[tiny]") {
  TinySimulation guest({.seed = 1, .pages = 256, .rate_pages_per_s = 4000});
  for (std::uint64_t p = 0; p < 100; ++p) guest.page(p)[0] ^= std::byte{1};
  const ImageExam exam = form::examine(guest.shape(), guest.ram());
  CHECK(exam.wrong.size() == 64);
  CHECK(exam.wrong_pages == 100);
}

TEST_CASE("tiny: 2048 pages are examined in milliseconds", "[tiny]") {
  TinySimulation guest({.seed = 1, .pages = 2048, .rate_pages_per_s = 4000});
  guest.run(3000);
  const auto start = Clock::now();
  const ImageExam exam = form::examine(guest.shape(), guest.ram());
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
  CHECK(exam.wrong_pages == 0);
  CHECK(exam.pages_checked == 2048);
  CHECK(took < Milliseconds(500));  // 3 ms when optimised; this bound is for sanitizers
}

TEST_CASE("tiny: records of an undisturbed run parse with their steps", "[tiny]") {
  const Shape shape{.seed = 5, .pages = 64, .rate_pages_per_s = 4000, .place = tiny_place()};
  const GuestRecords parsed = form::parse(shape, evidence(shape, 10, 16));
  CHECK_FALSE(parsed.broken);
  REQUIRE(parsed.records.size() == 11);
  CHECK(parsed.records[0].kind == GuestRecord::Kind::boot);
  for (std::size_t i = 1; i < parsed.records.size(); ++i) {
    CHECK(parsed.records[i].kind == GuestRecord::Kind::step);
    CHECK(parsed.records[i].step == 16 * i);
  }
}

TEST_CASE("tiny: evidence that is cut anywhere is whole up to its last newline", "[tiny]") {
  const Shape shape{.seed = 5, .pages = 64, .rate_pages_per_s = 4000, .place = tiny_place()};
  const std::string text = evidence(shape, 4, 16);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const GuestRecords parsed = form::parse(shape, text.substr(0, cut));
    CHECK_FALSE(parsed.broken);
    const auto lines = std::count(text.begin(), text.begin() + static_cast<long>(cut), '\n');
    CHECK(parsed.records.size() == static_cast<std::size_t>(lines));
  }
}

TEST_CASE("tiny: lost, repeated, older, altered and second-boot records are all broken", "[tiny]") {
  const Shape shape{.seed = 5, .pages = 64, .rate_pages_per_s = 4000, .place = tiny_place()};
  const std::string text = evidence(shape, 6, 16);
  const auto broken = [&](const std::string& t) {
    return form::parse(shape, t).broken.value_or("");
  };
  const std::string last_line = text.substr(text.size() - 36);
  CHECK(last_line.front() == 'S');

  CHECK_THAT(broken(text + last_line), Catch::Contains("repeated: step 0x60 after step 0x60"));
  CHECK_THAT(broken(text + text.substr(text.size() - 72, 36)),
             Catch::Contains("went back: step 0x50 after step 0x60"));
  CHECK_THAT(broken(without_line(text, 3)),
             Catch::Contains("chain broken: step 0x40 after step 0x20"));
  CHECK_THAT(broken(without_line(without_line(text, 3), 3)),
             Catch::Contains("skipped: step 0x50 after step 0x20"));
  CHECK_THAT(broken(without_line(text, 0)), Catch::Contains("before the boot record"));
  CHECK_THAT(broken(text + text), Catch::Contains("booted again after step 0x60"));
  std::string altered = text;
  altered[altered.size() - 2] = altered[altered.size() - 2] == '0' ? '1' : '0';
  CHECK_THAT(broken(altered), Catch::Contains("chain broken"));
  CHECK_THAT(broken(text), Catch::Equals(""));
}

TEST_CASE("tiny: records before the break are kept, and the line is named", "[tiny]") {
  const Shape shape{.seed = 5, .pages = 64, .rate_pages_per_s = 4000, .place = tiny_place()};
  const GuestRecords parsed = form::parse(shape, evidence(shape, 3, 16) + "nonsense\n");
  REQUIRE(parsed.broken);
  CHECK_THAT(*parsed.broken, Catch::StartsWith("line 5: "));
  CHECK(parsed.records.size() == 4);
}

TEST_CASE("tiny: hostile lines break the evidence and nothing else", "[tiny]") {
  const Shape shape{.seed = 5, .pages = 64, .rate_pages_per_s = 4000, .place = tiny_place()};
  const std::string good = evidence(shape, 1, 16);
  for (const std::string bad :
       {"\n",
        "S\n",
        "S \n",
        "S 1 2\n",
        "S ffffffffffffffff ffffffffffffffff\n",
        "S 0000000000000011  0000000000000000\n",
        "S 0000000000000011 000000000000000G\n",
        "S 0000000000000011 000000000000000A\n",
        "S 0000000000000011 0000000000000000 \n",
        "S 00000000000000110 000000000000000\n",
        "E 0 0000000000000000 0000000000000000\n",
        "E 40 0000000000000000 0000000000000001\n",
        "E 00 0000000000000000 0000000000000001\n",
        "X d 0000000000000000 0000000000100000\n",
        "B 40\n",
        "\xff\xfe\n",
        "\xff",
        "Sx",
        "T",
        "S 0000000000000011 00000000000000000000000000000000000000000000000000000000000"}) {
    INFO(bad);
    CHECK(form::parse(shape, good + bad).broken.has_value());
  }
  CHECK(form::parse({.seed = 6, .pages = 64, .rate_pages_per_s = 4000}, good).broken);
  CHECK(form::parse({.seed = 5, .pages = 32, .rate_pages_per_s = 4000}, good).broken);
}

TEST_CASE("tiny: the last step of a piece of evidence is that of its last whole record", "[tiny]") {
  const Shape shape{.seed = 5, .pages = 64, .rate_pages_per_s = 4000, .place = tiny_place()};
  const std::string text = evidence(shape, 3, 16);
  const std::size_t boot = text.find('\n') + 1;
  CHECK(form::last_step(text) == 48u);
  CHECK(form::last_step(text.substr(0, text.size() - 1)) == 32u);
  CHECK(form::last_step(text.substr(0, boot)) == 0u);
  CHECK_FALSE(form::last_step(text.substr(0, boot - 1)));
  CHECK_FALSE(form::last_step(""));
  CHECK_FALSE(form::last_step("\n\n"));
  CHECK(form::last_step(text + "E 1 0000000000000001 0000000000000002\nS 00") == 48u);
  for (std::size_t from = text.size() - 35; from <= text.size(); ++from) {
    CHECK_FALSE(form::last_step(text.substr(from)));
  }
}

TEST_CASE("tiny: a failed self-check is a record and leaves the chain whole", "[tiny]") {
  const Shape shape{.seed = 5, .pages = 8, .rate_pages_per_s = 4000, .place = tiny_place()};
  TinySimulation guest(shape);
  guest.run(3);
  guest.record();
  const std::uint64_t victim = form_page_of(5, 8, 5);
  guest.page(victim)[7] ^= std::byte{1};
  guest.run(4);
  guest.record();
  const GuestRecords parsed = form::parse(shape, guest.text());
  CHECK_FALSE(parsed.broken);
  REQUIRE(parsed.records.size() == 4);
  CHECK(parsed.records[2].kind == GuestRecord::Kind::self_check_failed);
  CHECK(parsed.records[2].page == victim);
  CHECK(parsed.records[2].step == 5);
  CHECK(parsed.records[2].expected_step == 0);
  CHECK(parsed.records[3].step == 7);
}

TEST_CASE("tiny: the answer to a notice is a record and leaves the chain whole", "[tiny]") {
  const Shape shape{.seed = 5, .pages = 8, .rate_pages_per_s = 4000, .place = tiny_place()};
  TinySimulation guest(shape);
  guest.run(3);
  guest.record();
  const auto before = guest.text();
  guest.run(4);
  guest.record();
  const auto after = guest.text().substr(before.size());
  const auto parsed = form::parse(shape, before + "N 1 0000000000000003\n" + after);
  CHECK_FALSE(parsed.broken);
  REQUIRE(parsed.records.size() == 4);
  CHECK(parsed.records[2].kind == GuestRecord::Kind::noticed);
  CHECK(parsed.records[2].number == 1);
  CHECK(form::parse(shape, before + "N 1\n" + after).broken);
}

TEST_CASE("tiny: the evidence's end agrees with an image stopped anywhere in a record", "[tiny]") {
  const Shape shape{.seed = 5, .pages = 8, .rate_pages_per_s = 4000, .place = tiny_place()};
  TinySimulation guest(shape);
  guest.run(3);
  guest.record();
  const std::string one = guest.text();
  const ImageExam after_one = form::examine(shape, guest.ram());
  guest.run(4);
  guest.record();
  const std::string two = guest.text();
  const ImageExam after_two = form::examine(shape, guest.ram());

  for (std::size_t cut = one.size(); cut <= two.size(); ++cut) {
    CHECK_FALSE(form::tail_disagrees(shape, after_two, two.substr(0, cut)));
  }
  CHECK_FALSE(form::tail_disagrees(shape, after_one, one));
  CHECK_THAT(form::tail_disagrees(shape, after_one, two).value_or(""),
             Catch::Contains("image older than the evidence"));
  CHECK(form::tail_disagrees(shape, after_one, one + "S 00"));
  CHECK(form::tail_disagrees(shape, after_two, one + "S 1"));
  CHECK(form::tail_disagrees(shape, after_two, one + "E"));
  guest.run(4);
  guest.record();
  CHECK_THAT(form::tail_disagrees(shape, form::examine(shape, guest.ram()), one).value_or(""),
             Catch::Contains("evidence lost"));
}

TEST_CASE("tiny: the class fixes the owned pages from the shape alone", "[tiny]") {
  const auto guest = make_tiny();
  GuestShape shape;
  shape.memory_bytes = 16392ull << 10;
  shape.seed = 0xabc;
  shape.dirty_pages_per_s = 20000;
  CHECK(guest->arguments(shape, "/x/tiny.elf") ==
        std::vector<std::string>{"-kernel", "/x/tiny.elf", "-append",
                                 "seed=0x0000000000000abc rate=20000 pages=2048 disk=200"});
  CHECK_FALSE(guest->owns(shape, {}, TINY_BASE_GPA - 1));
  CHECK(guest->owns(shape, {}, TINY_BASE_GPA));
  CHECK(guest->owns(shape, {}, TINY_BASE_GPA + 2048 * 4096 - 1));
  CHECK_FALSE(guest->owns(shape, {}, TINY_BASE_GPA + 2048 * 4096));
  CHECK_FALSE(guest->owns(shape, {}, ~0ull));
  CHECK_FALSE(guest->owns(GuestShape{}, {}, TINY_BASE_GPA));
  CHECK_FALSE(guest->examine(GuestShape{}, {}).readable);
  CHECK_THROWS_AS(guest->arguments(GuestShape{}, "x"), UsageError);
}

TEST_CASE("tiny: the clock is read from an image, and only from a sane one", "[tiny]") {
  std::vector<std::byte> ram(TINY_CONTROL_GPA + FORM_PAGE_BYTES);
  auto* const control = reinterpret_cast<form_control*>(ram.data() + TINY_CONTROL_GPA);
  control->magic = FORM_MAGIC;
  control->clock_ns = 1234;
  control->clock_went_back = 1;
  CHECK_FALSE(form::clock(tiny_place(), ram));  // no record, so it has never looked
  control->record_count = 1;
  CHECK(form::clock(tiny_place(), ram) == GuestClock{1234, 1});
  CHECK_FALSE(form::clock(tiny_place(), Bytes(ram).first(TINY_CONTROL_GPA + 8)));
  control->magic = 0;
  CHECK_FALSE(form::clock(tiny_place(), ram));
}

TEST_CASE("tiny: the embedded payload is an ELF image", "[tiny]") {
  const auto elf = make_tiny()->payload();
  REQUIRE(elf.size() > 4096);
  CHECK(std::memcmp(elf.data(), "\177ELF\2", 5) == 0);
}

TEST_CASE("guests: every guest in the catalog has a name of its own", "[tiny]") {
  std::set<std::string_view> names;
  const auto guests = all_guests();
  for (const auto& guest : guests) {
    CHECK(names.insert(guest->name()).second);
    CHECK_FALSE(guest->summary().empty());
  }
  CHECK(names.count("tiny") == 1);
}
