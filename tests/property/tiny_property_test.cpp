// The claims about the guest `tiny` that must hold for every seed, size and moment.
//
// Images are small (up to 64 pages) so that a hundred of them cost well under a second. Reproduce a
// failure with RC_PARAMS="reproduce=..." as rapidcheck prints it.
#include <rapidcheck/catch.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>

#include "guests/tiny/layout.h"
#include "guests/closed_form/model.h"
#include "tests/fakes/tiny_simulation.h"

using namespace migfuzz;
using form::Shape;
using form::TinySimulation;

namespace {

Shape any_shape() {
  Shape shape;
  shape.place = tiny_place();
  shape.seed = *rc::gen::arbitrary<std::uint64_t>();
  shape.pages = std::uint64_t{1} << *rc::gen::inRange(0, 7);
  shape.rate_pages_per_s = *rc::gen::inRange<std::uint64_t>(1, 20000);
  return shape;
}

std::uint64_t below(std::uint64_t end) { return *rc::gen::inRange<std::uint64_t>(0, end); }

/// A run of random records; every one covers no more than the guest could.
TinySimulation any_run(const Shape& shape) {
  TinySimulation guest(shape);
  const std::uint64_t records = below(12);
  for (std::uint64_t i = 0; i < records; ++i) {
    guest.run(1 + below(form_record_steps_max(shape.rate_pages_per_s)));
    guest.record();
  }
  guest.run(below(8));
  return guest;
}

}  // namespace

TEST_CASE("tiny: the last writer of a page is the last step that names it", "[tiny]") {
  rc::prop("brute force over small areas, any step", [] {
    const Shape shape = any_shape();
    const std::uint64_t done = below(std::uint64_t{1} << 40);
    const std::uint64_t page = below(shape.pages);
    std::uint64_t last = done;
    while (last != 0 && form_page_of(shape.seed, shape.pages, last) != page) --last;
    RC_ASSERT(form_last_step(shape.seed, shape.pages, done, page) == last);
  });
}

TEST_CASE("tiny: any single bit flip in an owned page is found", "[tiny]") {
  rc::prop("the right page and byte, and no other", [] {
    const Shape shape = any_shape();
    TinySimulation guest = any_run(shape);
    const std::uint64_t page = below(shape.pages);
    const auto byte = static_cast<std::uint32_t>(below(FORM_PAGE_BYTES));
    guest.page(page)[byte] ^= std::byte{1} << static_cast<int>(below(8));
    const ImageExam exam = form::examine(shape, guest.ram());
    RC_ASSERT(exam.wrong_pages == 1u);
    RC_ASSERT(exam.wrong.at(0).page == page);
    RC_ASSERT(exam.wrong.at(0).first_bad_byte == byte);
    RC_ASSERT(exam.wrong.at(0).bad_bytes == 1u);
    RC_ASSERT(!exam.wrong.at(0).stale_step.has_value());
  });
}

TEST_CASE("tiny: any page taken from an earlier moment is stale with its step", "[tiny]") {
  rc::prop("every page rewritten since, and only those", [] {
    const Shape shape = any_shape();
    TinySimulation guest(shape);
    guest.run(below(3 * shape.pages));
    const std::uint64_t then = guest.control().step_done;
    const std::uint64_t page = below(shape.pages);
    const auto old_page = guest.copy_of(page);
    guest.run(below(3 * shape.pages));
    const std::uint64_t old_step = form_last_step(shape.seed, shape.pages, then, page);
    const bool rewritten =
        form_last_step(shape.seed, shape.pages, guest.control().step_done, page) != old_step;
    std::memcpy(guest.page(page), old_page.data(), old_page.size());
    const ImageExam exam = form::examine(shape, guest.ram());
    RC_ASSERT(exam.wrong_pages == (rewritten ? 1u : 0u));
    if (rewritten) {
      RC_ASSERT(exam.wrong.at(0).page == page);
      RC_ASSERT(exam.wrong.at(0).stale_step == old_step);
    }
  });
}

TEST_CASE("tiny: an image stopped within a step is right, and no other page may be torn",
          "[tiny]") {
  rc::prop("any prefix of the step's page; a torn page elsewhere is wrong", [] {
    const Shape shape = any_shape();
    TinySimulation guest = any_run(shape);
    guest.begin_step(below(FORM_PAGE_WORDS + 1));
    RC_ASSERT(form::examine(shape, guest.ram()).wrong_pages == 0u);

    const std::uint64_t in_flight =
        form_page_of(shape.seed, shape.pages, guest.control().step_started);
    const std::uint64_t other = below(shape.pages);
    RC_PRE(other != in_flight);
    const std::uint64_t step = guest.control().step_started;
    const std::uint64_t base = form_base_of(shape.seed, other, step);
    for (std::uint64_t i = 0, n = 1 + below(FORM_PAGE_WORDS); i < n; ++i) {
      const std::uint64_t word = form_word_of(base, step, i);
      std::memcpy(guest.page(other) + i * 8, &word, 8);
    }
    const ImageExam exam = form::examine(shape, guest.ram());
    RC_ASSERT(exam.wrong_pages == 1u);
    RC_ASSERT(exam.wrong.at(0).page == other);
  });
}

TEST_CASE("tiny: any run parses whole, cut or split anywhere", "[tiny]") {
  rc::prop("the steps are those of the run", [] {
    const Shape shape = any_shape();
    const TinySimulation guest = any_run(shape);
    const std::string& text = guest.text();
    const std::size_t cut = below(text.size() + 1);
    const std::string source = text.substr(0, cut);
    const std::string destination = text.substr(cut);

    const GuestRecords of_source = form::parse(shape, source);
    const GuestRecords whole = form::parse(shape, source + destination);
    RC_ASSERT(!of_source.broken.has_value());
    RC_ASSERT(!whole.broken.has_value());
    RC_ASSERT(of_source.records.size() <= whole.records.size());
    RC_ASSERT(
        std::equal(of_source.records.begin(), of_source.records.end(), whole.records.begin()));
    RC_ASSERT(!form::tail_disagrees(shape, form::examine(shape, guest.ram()), text).has_value());
  });
}

TEST_CASE("tiny: a run with one line removed, doubled or altered is broken", "[tiny]") {
  rc::prop("unless only its end is missing", [] {
    const Shape shape = any_shape();
    const TinySimulation guest = any_run(shape);
    std::vector<std::string> lines;
    std::string_view rest = guest.text();
    while (!rest.empty()) {
      lines.emplace_back(rest.substr(0, rest.find('\n') + 1));
      rest.remove_prefix(lines.back().size());
    }
    const std::size_t at = below(lines.size());
    const std::uint64_t way = below(3);
    RC_PRE(way != 0 || at + 1 < lines.size());
    if (way == 0) lines.erase(lines.begin() + static_cast<long>(at));
    if (way == 1) lines.insert(lines.begin() + static_cast<long>(at), lines[at]);
    if (way == 2) {
      const std::size_t byte = below(lines[at].size());
      lines[at][byte] = static_cast<char>(lines[at][byte] ^ (1 << below(8)));
      // A last line that lost its newline is the normal state of a cut file.
      RC_PRE(at + 1 < lines.size() || byte + 1 < lines[at].size());
    }
    std::string text;
    for (const std::string& line : lines) text += line;
    RC_ASSERT(form::parse(shape, text).broken.has_value());
  });
}

TEST_CASE("tiny: no bytes crash the examiner or the parser", "[tiny]") {
  rc::prop("arbitrary text, and a control block of arbitrary words", [] {
    const Shape shape = any_shape();
    (void)form::parse(shape, *rc::gen::arbitrary<std::string>());
    TinySimulation guest = any_run(shape);
    auto* words = reinterpret_cast<std::uint64_t*>(&guest.control());
    words[below(sizeof(form_control) / 8)] = *rc::gen::arbitrary<std::uint64_t>();
    const ImageExam exam = form::examine(shape, guest.ram());
    RC_ASSERT(exam.readable == exam.why.empty());
    (void)form::tail_disagrees(shape, exam, guest.text());
  });
}
