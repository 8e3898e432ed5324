// The examiner of a guest's journal: every sector against what the guest acknowledged.
//
// A sector says by itself what it is (journal.h); the text says which records were acknowledged and
// from which steps; the image says what may be in flight. Linear in the size of the journal, about
// 0.3 ms for 1 MiB. Nothing here throws or trusts a number of the disk: slots are ours.
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <vector>

#include "guests/closed_form/form.h"
#include "guests/closed_form/model.h"

namespace migfuzz::form {
namespace {

using Words = std::array<std::uint64_t, FORM_SECTOR_WORDS>;

enum class Sector { empty, whole, torn };

struct Found {
  Sector sector = Sector::empty;
  std::uint64_t seed = 0, number = 0, step = 0;  // whole only
};

Found look(Bytes disk, std::uint64_t slot) {
  Words words{}, right{};
  std::memcpy(words.data(), disk.data() + slot * FORM_SECTOR_BYTES, FORM_SECTOR_BYTES);
  if (words == right) return {};
  const Found found{Sector::whole, words[FORM_SECTOR_SEED], words[FORM_SECTOR_NUMBER],
                    words[FORM_SECTOR_STEP]};
  form_fill_sector(right.data(), found.seed, found.number, found.step);
  return words == right ? found : Found{Sector::torn, 0, 0, 0};
}

class Examiner {
 public:
  Examiner(const Shape& shape, const std::optional<ImageExam>& exam, const GuestRecords& records)
      : shape_(shape) {
    std::uint64_t recorded = 0;
    for (const GuestRecord& record : records.records) {
      if (record.kind == GuestRecord::Kind::step) recorded = record.step;
      if (record.kind == GuestRecord::Kind::disk_written) steps_.push_back(record.step);
    }
    last_step_ = recorded + form_record_steps_max(shape.rate_pages_per_s);
    if (!exam || !exam->readable) return;
    last_step_ = exam->step;
    journal_ = exam->journal;
  }

  DiskExam examine(Bytes disk) {
    exam_.readable = true;
    exam_.acknowledged = steps_.size();
    for (std::uint64_t slot = 0; slot < FORM_JOURNAL_SLOTS; ++slot) judge(slot, look(disk, slot));
    return exam_;
  }

 private:
  /// The record that must be in a slot: the last acknowledged one of those that go there; 0: none.
  std::uint64_t expected_in(std::uint64_t slot) const {
    if (steps_.size() <= slot) return 0;
    return slot + 1 + (steps_.size() - slot - 1) / FORM_JOURNAL_SLOTS * FORM_JOURNAL_SLOTS;
  }

  void judge(std::uint64_t slot, const Found& found) {
    const std::uint64_t expected = expected_in(slot);
    const std::string place = "slot " + std::to_string(slot) + ": ";
    if (found.sector == Sector::torn)
      return count(exam_.torn, place + "neither empty nor a whole record" + instead_of(expected));
    if (found.sector == Sector::empty) {
      if (expected != 0) count(exam_.missing, place + "empty" + instead_of(expected));
      return;
    }
    judge_record(slot, expected, found,
                 place + "record " + std::to_string(found.number) + " from step " +
                     std::to_string(found.step));
  }

  void judge_record(std::uint64_t slot, std::uint64_t expected, const Found& found,
                    const std::string& what) {
    if (found.seed != shape_.seed) return count(exam_.foreign, what + " of another guest");
    if (found.number == 0 || form_slot_of(found.number) != slot)
      return count(exam_.foreign, what + ", which has no place there");
    if (found.number > steps_.size()) return judge_unacknowledged(found, what);
    if (found.step != steps_[found.number - 1])
      return count(exam_.foreign, what + " of another life" + instead_of(found.number));
    if (found.step > last_step_ || (journal_ && found.number > journal_->issued))
      return count(exam_.newer, what + ", " + survivor());
    // The one in flight may already have replaced what is expected, never the other way round.
    if (found.number != expected) return count(exam_.missing, what + instead_of(expected));
    ++exam_.found;
  }

  void judge_unacknowledged(const Found& found, const std::string& what) {
    if (found.number > steps_.size() + 1 || found.step > last_step_ ||
        (journal_ && found.number > journal_->issued))
      return count(exam_.newer, what + ", " + survivor());
    if (journal_ && found.step != journal_->issued_step)
      return count(exam_.foreign, what + ", which the survivor issued at step " +
                                      std::to_string(journal_->issued_step));
    if (!steps_.empty() && found.step < steps_.back())
      return count(exam_.foreign, what + ", before the last acknowledged one was issued");
    ++exam_.found;
  }

  std::string instead_of(std::uint64_t expected) const {
    if (expected == 0) return ", where nothing was written yet";
    return "; record " + std::to_string(expected) + " from step " +
           std::to_string(steps_[expected - 1]) + " was acknowledged";
  }

  std::string survivor() const {
    return "beyond the survivor: " + std::to_string(steps_.size()) + " acknowledged" +
           (journal_ ? ", " + std::to_string(journal_->issued) + " issued" : "") + ", last step " +
           std::to_string(last_step_);
  }

  void count(std::uint64_t& kind, const std::string& what) {
    ++kind;
    if (exam_.first.empty()) exam_.first = what;
  }

  Shape shape_;
  std::vector<std::uint64_t> steps_;  // at which the acknowledged records were issued, from 1
  std::uint64_t last_step_ = 0;       // that the survivor can have made
  std::optional<JournalState> journal_;
  DiskExam exam_;
};

}  // namespace

DiskExam examine_disk(const Shape& shape, Bytes disk, std::string_view text,
                      const std::optional<ImageExam>& exam) {
  DiskExam result;
  constexpr std::uint64_t kBytes = std::uint64_t{FORM_JOURNAL_SLOTS} * FORM_SECTOR_BYTES;
  if (disk.size() < kBytes) {
    result.why = "the disk ends after " + std::to_string(disk.size()) + " bytes, the journal has " +
                 std::to_string(kBytes);
    return result;
  }
  const GuestRecords records = parse(shape, text);
  if (records.broken) {
    result.why = "the acknowledgements are in disorder: " + *records.broken;
    return result;
  }
  return Examiner(shape, exam, records).examine(disk);
}

}  // namespace migfuzz::form
