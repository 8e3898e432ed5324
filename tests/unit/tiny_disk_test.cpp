// The journal of the guest `tiny`: its records, its acknowledgements, and the disk they speak of.
//
// The simulation writes records as the payload does; then each thing the examiner and the parser
// must name is made on purpose. Random variants: tests/property/tiny_disk_property_test.cpp.
// Run alone: unit_guests "[tiny-disk]".
#include <catch2/catch.hpp>
#include <cstring>
#include <functional>

#include "guests/closed_form/journal.h"
#include "guests/tiny/layout.h"
#include "guests/closed_form/model.h"
#include "guests/tiny/tiny.h"
#include "tests/fakes/tiny_simulation.h"

using namespace migfuzz;
using Catch::Contains;
using form::Shape;
using form::TinySimulation;

namespace {

const Shape kShape{.seed = 5, .pages = 64, .rate_pages_per_s = 4000, .place = tiny_place()};

/// `count` acknowledged records, four steps and one record of steps before each.
TinySimulation with_journal(std::uint64_t count, const Shape& shape = kShape) {
  TinySimulation guest(shape);
  for (std::uint64_t i = 0; i < count; ++i) {
    guest.run(4);
    guest.record();
    guest.issue();
    guest.acknowledge();
  }
  return guest;
}

ImageExam image_of(const TinySimulation& guest) {
  return form::examine(guest.shape(), guest.ram());
}

DiskExam disk_of(const TinySimulation& guest) {
  return form::examine_disk(guest.shape(), guest.disk(), guest.text(), image_of(guest));
}

std::uint64_t bad(const DiskExam& exam) {
  return exam.missing + exam.newer + exam.foreign + exam.torn;
}

/// The same text with `line` in place of the last line of that kind; empty: without it.
std::string with_last(const std::string& text, char kind, const std::string& line) {
  const std::size_t at = text.rfind(std::string("\n") + kind) + 1;
  return text.substr(0, at) + line + text.substr(text.find('\n', at) + 1);
}

std::string broken(const std::string& text, const Shape& shape = kShape) {
  return form::parse(shape, text).broken.value_or("");
}

}  // namespace

TEST_CASE("tiny: a journal of acknowledged records is accepted, whatever is in flight",
          "[tiny-disk]") {
  auto guest = with_journal(20);
  DiskExam exam = disk_of(guest);
  CHECK(exam.readable);
  CHECK(exam.acknowledged == 20);
  CHECK(exam.found == 20);
  CHECK(bad(exam) == 0);
  CHECK(exam.first.empty());
  guest.run(3);
  guest.issue(false);
  CHECK(disk_of(guest).found == 20);
  CHECK(bad(disk_of(guest)) == 0);
  guest.issue(true);
  CHECK(disk_of(guest).found == 21);
  CHECK(bad(disk_of(guest)) == 0);
  exam = form::examine_disk(kShape, guest.disk(), guest.text(), std::nullopt);
  CHECK(exam.found == 21);
  CHECK(bad(exam) == 0);
}

TEST_CASE("tiny: a disk without any record belongs to a guest that acknowledged none",
          "[tiny-disk]") {
  const TinySimulation guest(kShape);
  const DiskExam exam = disk_of(guest);
  CHECK(exam.readable);
  CHECK(exam.acknowledged + exam.found + bad(exam) == 0);
}

TEST_CASE("tiny: an acknowledged record that is not there is missing", "[tiny-disk]") {
  auto guest = with_journal(20);
  std::memset(guest.sector(6), 0, FORM_SECTOR_BYTES);
  const DiskExam exam = disk_of(guest);
  CHECK(exam.missing == 1);
  CHECK(bad(exam) == 1);
  CHECK(exam.found == 19);
  CHECK(exam.first == "slot 6: empty; record 7 from step 28 was acknowledged");
}

TEST_CASE("tiny: a whole record of another life is a loser's write", "[tiny-disk]") {
  auto guest = with_journal(20);
  guest.put(7, 29);
  CHECK(disk_of(guest).foreign == 1);
  CHECK(bad(disk_of(guest)) == 1);
  CHECK_THAT(disk_of(guest).first, Contains("record 7 from step 29 of another life"));
  guest.put(7, 28, 6);
  CHECK(disk_of(guest).foreign == 1);
  CHECK_THAT(disk_of(guest).first, Contains("of another guest"));
  guest.put(7, 28);
  CHECK(bad(disk_of(guest)) == 0);
  std::memcpy(guest.sector(100), guest.sector(6), FORM_SECTOR_BYTES);
  CHECK(disk_of(guest).foreign == 1);
  CHECK_THAT(disk_of(guest).first, Contains("has no place there"));
}

TEST_CASE("tiny: a sector that is half one record and half another is torn", "[tiny-disk]") {
  auto guest = with_journal(20);
  guest.sector(6)[511] ^= std::byte{1};
  CHECK(disk_of(guest).torn == 1);
  CHECK(bad(disk_of(guest)) == 1);
  std::memset(guest.sector(6) + 256, 0, 256);
  CHECK(disk_of(guest).torn == 1);
  CHECK_THAT(disk_of(guest).first, Contains("slot 6: neither empty nor a whole record"));
}

TEST_CASE("tiny: what the survivor cannot have issued is from the future", "[tiny-disk]") {
  auto guest = with_journal(20);
  guest.run(3);
  guest.put(22, 83);
  CHECK(disk_of(guest).newer == 1);
  std::memset(guest.sector(21), 0, FORM_SECTOR_BYTES);
  guest.put(21, 83);  // the next one, from a step that was made: but the image has issued no such
  CHECK(disk_of(guest).newer == 1);
  CHECK_THAT(disk_of(guest).first, Contains("20 acknowledged, 20 issued, last step 83"));
  CHECK(bad(form::examine_disk(kShape, guest.disk(), guest.text(), std::nullopt)) == 0);
  guest.put(21, 1000);
  CHECK(form::examine_disk(kShape, guest.disk(), guest.text(), std::nullopt).newer == 1);
  guest.issue(false);
  CHECK(disk_of(guest).newer == 1);
  guest.put(21, 82);
  CHECK(disk_of(guest).foreign == 1);
}

TEST_CASE("tiny: a disk ahead of an image that went back is from the future", "[tiny-disk]") {
  const auto guest = with_journal(20);
  const ImageExam older = image_of(with_journal(17));
  const DiskExam exam = form::examine_disk(kShape, guest.disk(), guest.text(), older);
  CHECK(exam.newer == 3);
  CHECK(bad(exam) == 3);
}

TEST_CASE("tiny: a journal that has wrapped is judged by its last round", "[tiny-disk]") {
  auto guest = with_journal(FORM_JOURNAL_SLOTS + 3);
  DiskExam exam = disk_of(guest);
  CHECK(exam.acknowledged == FORM_JOURNAL_SLOTS + 3);
  CHECK(exam.found == FORM_JOURNAL_SLOTS);
  CHECK(bad(exam) == 0);
  guest.issue();
  CHECK(bad(disk_of(guest)) == 0);
  guest.put(2, 8);  // the first round's record again: the second write was lost
  exam = disk_of(guest);
  CHECK(exam.missing == 1);
  CHECK(bad(exam) == 1);
  CHECK_THAT(exam.first, Contains("slot 1: record 2 from step 8; record 2050 from step"));
}

TEST_CASE("tiny: a disk that cannot be judged says why", "[tiny-disk]") {
  const auto guest = with_journal(3);
  const DiskExam small =
      form::examine_disk(kShape, guest.disk().subspan(512), guest.text(), std::nullopt);
  CHECK_FALSE(small.readable);
  CHECK_THAT(small.why, Contains("the disk ends after 1048064 bytes"));
  const DiskExam disorder =
      form::examine_disk(kShape, guest.disk(), guest.text() + "nonsense\n", std::nullopt);
  CHECK_FALSE(disorder.readable);
  CHECK_THAT(disorder.why, Contains("in disorder: line 8"));
}

TEST_CASE("tiny: acknowledgements and disk errors are records", "[tiny-disk]") {
  auto guest = with_journal(2);
  const std::string text = guest.text() + "F 3 0000000000000008 4 1\n";
  const GuestRecords parsed = form::parse(kShape, text);
  CHECK_FALSE(parsed.broken);
  REQUIRE(parsed.records.size() == 6);
  CHECK(parsed.records[2].kind == GuestRecord::Kind::disk_written);
  CHECK(parsed.records[2].number == 1);
  CHECK(parsed.records[2].step == 4);
  CHECK(parsed.records[4].number == 2);
  CHECK(parsed.records[5].kind == GuestRecord::Kind::disk_error);
  CHECK(parsed.records[5].number == 3);
  CHECK(form::last_step(text) == 8u);
}

TEST_CASE("tiny: a lost, repeated or rewritten acknowledgement breaks the evidence",
          "[tiny-disk]") {
  auto guest = with_journal(4);
  const std::string text = guest.text();
  guest.run(4);
  guest.record();
  const std::string more = guest.text();
  const std::size_t at = text.rfind('D');
  const std::string last = text.substr(at);
  CHECK(broken(more).empty());
  CHECK_THAT(broken(text + last), Contains("acknowledged again: journal record 0x4 after 0x4"));
  guest.issue();
  guest.acknowledge();
  const std::string next = guest.text().substr(more.size());
  CHECK_THAT(broken(with_last(text, 'D', "") + next),
             Contains("acknowledgement missing: journal record 0x5 after 0x3"));
  // The last one lost, and no other follows: the record of steps misses it.
  CHECK_THAT(broken(with_last(more, 'D', "")), Contains("chain broken"));
  // The same number and step from a disk of another content.
  std::string altered = last;
  altered[altered.size() - 2] = altered[altered.size() - 2] == '0' ? '1' : '0';
  CHECK_THAT(broken(with_last(text, 'D', altered)), Contains("journal chain broken"));
  altered = last;
  altered[4 + 15] = altered[4 + 15] == '0' ? '1' : '0';
  CHECK_FALSE(broken(with_last(text, 'D', altered)).empty());
}

TEST_CASE("tiny: hostile journal lines break the evidence and nothing else", "[tiny-disk]") {
  const std::string good = with_journal(1).text();
  for (const std::string line :
       {"D\n", "D 2\n", "D 2 0000000000000004\n", "D 02 0000000000000004 0000000000000000\n",
        "D 3 0000000000000004 0000000000000000\n", "D 2 ffffffffffffffff 0000000000000000\n",
        "D 2 0000000000000003 0000000000000000\n", "D 2 0000000000000004 0000000000000000 \n",
        "F\n", "F 2 0000000000000004 1\n", "F 3 0000000000000004 1 1\n",
        "F 2 ffffffffffffffff 1 1\n", "F 2 0000000000000004 1 1 1\n", "Dx", "FF"}) {
    INFO(line);
    CHECK_FALSE(broken(good + line).empty());
  }
  Shape none = kShape;
  none.disk_writes_per_s = 0;
  CHECK_THAT(broken(good, none), Contains("though the plan wants none"));
}

TEST_CASE("tiny: the evidence's end agrees with an image stopped anywhere in an acknowledgement",
          "[tiny-disk]") {
  auto guest = with_journal(2);
  guest.run(4);
  guest.record();
  guest.issue();
  const std::string before = guest.text();
  const ImageExam issued = image_of(guest);
  guest.acknowledge();
  const std::string after = guest.text();
  const ImageExam acknowledged = image_of(guest);
  for (std::size_t cut = before.size(); cut <= after.size(); ++cut) {
    CHECK_FALSE(form::tail_disagrees(kShape, acknowledged, after.substr(0, cut)));
  }
  CHECK_FALSE(form::tail_disagrees(kShape, issued, before));
  CHECK_THAT(form::tail_disagrees(kShape, issued, after).value_or(""),
             Contains("image older than the evidence"));
  CHECK(form::tail_disagrees(kShape, issued, before + "D 3"));
  CHECK(form::tail_disagrees(kShape, acknowledged, before + "D 4"));
  CHECK(form::tail_disagrees(kShape, acknowledged, before + "S"));
  guest.issue();
  guest.acknowledge();
  CHECK_THAT(form::tail_disagrees(kShape, image_of(guest), before).value_or(""),
             Contains("evidence lost"));
}

TEST_CASE("tiny: a control block whose journal contradicts itself is not readable", "[tiny-disk]") {
  const auto why = [](const std::function<void(form_journal&)>& spoil) {
    auto guest = with_journal(3);
    spoil(guest.control().journal);
    return image_of(guest).why;
  };
  CHECK(why([](auto&) {}).empty());
  CHECK_THAT(why([](auto& j) { j.issued += 2; }), Contains("issued"));
  CHECK_THAT(why([](auto& j) { j.acks_emitted = 1; }), Contains("emitted"));
  CHECK_THAT(why([](auto& j) { j.issued_step = 1000; }), Contains("after the last step"));
  CHECK_THAT(why([](auto& j) { j.writes_per_s = 7; }), Contains("the plan says"));
  CHECK(why([](auto& j) { j = {}; }).empty());  // no disk was found
}

TEST_CASE("tiny: the disk holds ten seconds of journal at the default rate", "[tiny-disk]") {
  CHECK(make_tiny()->disk_bytes() == 1u << 20);
  CHECK(FORM_JOURNAL_SLOTS >= 10 * GuestShape{}.disk_writes_per_s);
  CHECK(make_tiny()->examine_disk(GuestShape{}, {}, "", {}).readable == false);
}
