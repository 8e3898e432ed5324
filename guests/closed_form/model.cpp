// The examiner and the parser; see model.h for the claims and form.h for the formulas.
//
// Speed matters for the examiner only: it builds each expected page in a 4 KiB buffer and compares
// it with memcmp, and looks closer only at a page that differs. Little-endian hosts only, like the
// guest (asserted below). The parser is linear in the text plus about 10 ns for each step covered.
#include "guests/closed_form/model.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cinttypes>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "guests/closed_form/form.h"

namespace migfuzz::form {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::size_t kWrongKept = 64;
using PageWords = std::array<std::uint64_t, FORM_PAGE_WORDS>;

PageWords content(std::uint64_t seed, std::uint64_t page, std::uint64_t step) {
  PageWords words;
  std::uint64_t* const out = words.data();
  std::uint64_t x = form_base_of(seed, page, step);
  out[0] = step;
  for (std::size_t i = 1; i < FORM_PAGE_WORDS; ++i) out[i] = x += FORM_WORD_STRIDE;
  return words;
}

bool same(const PageWords& expected, const std::byte* actual) {
  return std::memcmp(expected.data(), actual, FORM_PAGE_BYTES) == 0;
}

/// New up to some word, old from there on: what a stop in the middle of a step leaves.
bool torn_between(const PageWords& old_words, const PageWords& new_words, const std::byte* actual) {
  std::size_t i = 0;
  std::uint64_t word = 0;
  for (; i < FORM_PAGE_WORDS; ++i) {
    std::memcpy(&word, actual + i * sizeof word, sizeof word);
    if (word != new_words[i]) break;
  }
  return std::memcmp(old_words.data() + i, actual + i * sizeof word,
                     (FORM_PAGE_WORDS - i) * sizeof word) == 0;
}

std::uint64_t sector_hash(std::uint64_t seed, std::uint64_t number, std::uint64_t step) {
  std::array<std::uint64_t, FORM_SECTOR_WORDS> words{};
  return form_fill_sector(words.data(), seed, number, step);
}

std::string hex(std::uint64_t value) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "0x%" PRIx64, value);
  return text.data();
}

std::string why_insane_journal(const form_control& c, const Shape& shape) {
  const form_journal& j = c.journal;
  if (j.writes_per_s == 0) return {};
  if (j.writes_per_s != shape.disk_writes_per_s) {
    return "control block: journals " + hex(j.writes_per_s) + " times a second, the plan says " +
           hex(shape.disk_writes_per_s);
  }
  if (j.issued - j.ack_count > 1 || j.ack_count - j.acks_emitted > 1) {
    return "control block: journal record " + hex(j.issued) + " issued, " + hex(j.ack_count) +
           " acknowledged, " + hex(j.acks_emitted) + " emitted";
  }
  if (j.issued_step > c.step_done || j.ack[j.ack_count & 1].step > c.step_done) {
    return "control block: a journal record from step " + hex(j.issued_step) +
           ", after the last step " + hex(c.step_done);
  }
  return {};
}

/// Behind the last byte of the page that lies highest.
std::uint64_t end_of_pages(const Shape& shape) {
  std::uint64_t end = 0;
  for (std::uint64_t page = 0; page < shape.pages; ++page)
    end = std::max(end, shape.place.gpa_of(page) + FORM_PAGE_BYTES);
  return end;
}

/// The reason why a control block cannot be that of this plan's guest; empty when it can.
std::string why_insane(const form_control& c, const Shape& shape, std::uint64_t image_bytes) {
  if (c.magic != FORM_MAGIC) {
    return c.magic == 0 ? "no control block: the guest has not finished its boot"
                        : "no control block: magic is " + hex(c.magic);
  }
  if (c.version != FORM_VERSION) return "control block: unknown version " + hex(c.version);
  if (c.seed != shape.seed) {
    return "control block: seed is " + hex(c.seed) + ", the plan's is " + hex(shape.seed);
  }
  if (c.pages != shape.pages || c.base_gpa != shape.place.base_gpa) {
    return "control block: owns " + hex(c.pages) + " pages at " + hex(c.base_gpa) +
           ", the plan's shape gives " + hex(shape.pages) + " at " + hex(shape.place.base_gpa);
  }
  const bool scattered = shape.place.pages != nullptr;
  if (!scattered && (c.range_count != 1 || c.range[0].gpa != c.base_gpa ||
                     c.range[0].pages != c.pages)) {
    return "control block: its table of ranges contradicts base and pages";
  }
  if (end_of_pages(shape) > image_bytes) {
    return "the owned pages reach beyond the image of " + hex(image_bytes) + " bytes";
  }
  if (c.step_started != c.step_done && c.step_started - c.step_done != 1) {
    return "control block: step " + hex(c.step_started) + " started but " + hex(c.step_done) +
           " done";
  }
  if (c.record_count - c.records_emitted > 1) {
    return "control block: " + hex(c.record_count) + " records made but " + hex(c.records_emitted) +
           " emitted";
  }
  const std::uint64_t recorded = c.record[c.record_count & 1].step;
  if (recorded > c.step_done) {
    return "control block: recorded step " + hex(recorded) + " is after the last step " +
           hex(c.step_done);
  }
  return why_insane_journal(c, shape);
}

PageFault fault_of(const Shape& shape, std::uint64_t page, std::uint64_t step,
                   const PageWords& expected, const std::byte* actual) {
  PageFault fault;
  fault.page = page;
  fault.gpa = shape.place.gpa_of(page);
  fault.expected_step = step;
  std::array<std::byte, FORM_PAGE_BYTES> right;
  std::memcpy(right.data(), expected.data(), right.size());
  for (std::uint32_t i = 0; i < FORM_PAGE_BYTES; ++i) {
    if (right[i] == actual[i]) continue;
    if (fault.bad_bytes++ == 0) fault.first_bad_byte = i;
  }
  std::uint64_t candidate = 0;
  std::memcpy(&candidate, actual, sizeof candidate);
  const bool wrote_it = candidate == 0 || form_page_of(shape.seed, shape.pages, candidate) == page;
  if (candidate < step && wrote_it && same(content(shape.seed, page, candidate), actual)) {
    fault.stale_step = candidate;
  }
  return fault;
}

/// The last step, from `at_least` on, whose page is in the image: what a lost counter would say.
std::uint64_t step_shown(const Shape& shape, Bytes ram, std::uint64_t at_least) {
  const std::uint64_t most = at_least + form_record_steps_max(shape.rate_pages_per_s);
  std::uint64_t shown = at_least;
  for (std::uint64_t step = at_least + 1; step <= most; ++step) {
    const std::uint64_t page = form_page_of(shape.seed, shape.pages, step);
    std::uint64_t word = 0;
    std::memcpy(&word, ram.data() + shape.place.gpa_of(page), sizeof word);
    if (word == step) shown = step;
  }
  return shown;
}

/// Reads "K field field\n"-shaped lines. Strict: one blank between fields, lower-case digits.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}
  /// The next field; `digits` 0 means 1..16 without a leading zero.
  std::optional<std::uint64_t> next(std::size_t digits) {
    if (rest_.empty() || rest_.front() != ' ') return std::nullopt;
    rest_.remove_prefix(1);
    std::uint64_t value = 0;
    std::size_t n = 0;
    for (; n < rest_.size() && rest_[n] != ' '; ++n) {
      const char c = rest_[n];
      const bool letter = c >= 'a' && c <= 'f';
      if (n == 16 || !(letter || (c >= '0' && c <= '9'))) return std::nullopt;
      value = value << 4 | static_cast<std::uint64_t>(letter ? c - 'a' + 10 : c - '0');
    }
    const bool padded = n > 1 && rest_.front() == '0';
    if (n == 0 || (digits != 0 ? n != digits : padded)) return std::nullopt;
    rest_.remove_prefix(n);
    return value;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// A line for a message: bounded, and printable whatever the bytes.
std::string shown(std::string_view line) {
  std::string text;
  for (const char c : line.substr(0, FORM_LINE_BYTES_MAX)) text += c >= ' ' && c <= '~' ? c : '?';
  return line.size() > FORM_LINE_BYTES_MAX ? text + "..." : text;
}

bool can_begin_a_line(std::string_view tail) {
  if (tail.size() >= FORM_LINE_BYTES_MAX) return false;
  if (tail.empty()) return true;
  if (std::string_view("BSEDFNX").find(tail.front()) == std::string_view::npos) return false;
  return tail.find_first_not_of(" 0123456789abcdef", 1) == std::string_view::npos;
}

/// The state of a parse between two lines.
class Parser {
 public:
  explicit Parser(const Shape& shape) : shape_(shape) {}

  /// Takes one complete line without its newline; returns the reason when it breaks the evidence.
  std::optional<std::string> take(std::string_view line) {
    Fields fields(line.substr(std::min<std::size_t>(1, line.size())));
    const char kind = line.empty() ? '\0' : line.front();
    if (kind == 'B') return take_boot(fields, line);
    if (kind == 'X') return "the guest took an exception: " + shown(line);
    if (std::string_view("SEDFN").find(kind) == std::string_view::npos) {
      return "not a record: \"" + shown(line) + '"';
    }
    if (!booted_) return "a record before the boot record: \"" + shown(line) + '"';
    if (kind == 'D') return take_acknowledgement(fields, line);
    if (kind == 'F') return take_disk_error(fields, line);
    if (kind == 'N') return take_notice(fields, line);
    return kind == 'S' ? take_step(fields, line) : take_error(fields, line);
  }

  std::vector<GuestRecord> records;

 private:
  std::optional<std::string> take_boot(Fields fields, std::string_view line) {
    const auto pages = fields.next(0);
    const auto seed = fields.next(16);
    const auto base = fields.next(0);
    if (!pages || !seed || !base || !fields.at_end()) return malformed(line);
    if (booted_) return "the guest booted again after step " + hex(step_);
    if (*pages != shape_.pages || *seed != shape_.seed || *base != shape_.place.base_gpa) {
      return "boot record of another guest (pages, seed or base differ from the plan's): \"" +
             shown(line) + '"';
    }
    booted_ = true;
    chain_ = form_first_chain(shape_.seed, shape_.pages);
    records.push_back({.kind = GuestRecord::Kind::boot});
    return std::nullopt;
  }

  std::optional<std::string> take_step(Fields fields, std::string_view line) {
    const auto step = fields.next(16);
    const auto chain = fields.next(16);
    if (!step || !chain || !fields.at_end()) return malformed(line);
    const std::string both = "step " + hex(*step) + " after step " + hex(step_);
    if (*step == step_) return "repeated: " + both;
    if (*step < step_) return "went back: " + both;
    // Also what keeps hostile text from making us count to 2^64.
    if (*step - step_ > form_record_steps_max(shape_.rate_pages_per_s)) {
      return "skipped: " + both + " is more than one record can cover";
    }
    const std::uint64_t expected =
        form_next_chain(shape_.seed, shape_.pages, chain_, step_, *step, link_);
    if (*chain != expected) {
      return "chain broken: " + both + " should give " + hex(expected) + ", not " + hex(*chain) +
             ": a record between them is missing, or one is altered";
    }
    step_ = *step;
    chain_ = expected;
    records.push_back({.kind = GuestRecord::Kind::step, .step = step_, .chain = chain_});
    return std::nullopt;
  }

  std::optional<std::string> take_error(Fields fields, std::string_view line) {
    const auto page = fields.next(0);
    const auto expected = fields.next(16);
    const auto at = fields.next(16);
    if (!page || !expected || !at || !fields.at_end()) return malformed(line);
    if (*page >= shape_.pages || *expected >= *at) return malformed(line);
    records.push_back({.kind = GuestRecord::Kind::self_check_failed,
                       .step = *at,
                       .page = *page,
                       .expected_step = *expected,
                       .gpa = shape_.place.gpa_of(*page)});
    return std::nullopt;
  }

  std::optional<std::string> take_notice(Fields fields, std::string_view line) {
    const auto number = fields.next(0);
    const auto step = fields.next(16);
    if (!number || !step || !fields.at_end()) return malformed(line);
    records.push_back({.kind = GuestRecord::Kind::noticed, .step = *step, .number = *number});
    return std::nullopt;
  }

  std::optional<std::string> take_acknowledgement(Fields fields, std::string_view line) {
    const auto number = fields.next(0);
    const auto step = fields.next(16);
    const auto link = fields.next(16);
    if (!number || !step || !link || !fields.at_end()) return malformed(line);
    const std::string both = "journal record " + hex(*number) + " after " + hex(number_);
    if (*number <= number_) return "acknowledged again: " + both;
    if (*number != number_ + 1) return "acknowledgement missing: " + both;
    if (const auto why = why_not_from(*step)) return *why + ": \"" + shown(line) + '"';
    const std::uint64_t expected = form_next_link(link_, sector_hash(shape_.seed, *number, *step));
    if (*link != expected) {
      return "journal chain broken: " + both + " should give " + hex(expected) + ", not " +
             hex(*link) + ": an acknowledgement is altered, or from another life";
    }
    number_ = *number;
    number_step_ = *step;
    link_ = expected;
    records.push_back({.kind = GuestRecord::Kind::disk_written,
                       .step = *step,
                       .chain = link_,
                       .number = number_});
    return std::nullopt;
  }

  std::optional<std::string> take_disk_error(Fields fields, std::string_view line) {
    const auto number = fields.next(0);
    const auto step = fields.next(16);
    const auto type = fields.next(0);
    const auto status = fields.next(0);
    if (!number || !step || !type || !status || !fields.at_end()) return malformed(line);
    if (*number != number_ + 1) {
      return "a disk error of journal record " + hex(*number) + " after " + hex(number_);
    }
    if (const auto why = why_not_from(*step)) return *why + ": \"" + shown(line) + '"';
    records.push_back({.kind = GuestRecord::Kind::disk_error, .step = *step, .number = *number});
    return std::nullopt;
  }

  /// The reason why the next journal record cannot have been issued at `step`.
  std::optional<std::string> why_not_from(std::uint64_t step) const {
    if (shape_.disk_writes_per_s == 0) return "a journal record, though the plan wants none";
    if (step < number_step_) return "a journal record from an earlier step than the one before";
    if (step > step_ + form_record_steps_max(shape_.rate_pages_per_s)) {
      return "a journal record from a step that cannot have been made";
    }
    return std::nullopt;
  }

  static std::string malformed(std::string_view line) {
    return "malformed record: \"" + shown(line) + '"';
  }

  Shape shape_;
  bool booted_ = false;
  std::uint64_t step_ = 0;
  std::uint64_t chain_ = 0;
  std::uint64_t number_ = 0;  // of the last acknowledged journal record
  std::uint64_t number_step_ = 0;
  std::uint64_t link_ = 0;
};

std::string acknowledgement_line(std::uint64_t number, std::uint64_t step, std::uint64_t link) {
  std::array<char, FORM_LINE_BYTES_MAX> text{};
  std::snprintf(text.data(), text.size(), "D %" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", number,
                step, link);
  return text.data();
}

std::string step_line(std::uint64_t step, std::uint64_t chain) {
  std::array<char, FORM_LINE_BYTES_MAX> text{};
  std::snprintf(text.data(), text.size(), "S %016" PRIx64 " %016" PRIx64 "\n", step, chain);
  return text.data();
}

/// Where a text ends.
struct Tail {
  std::uint64_t step = 0, chain = 0;   // of the last record of steps
  std::uint64_t number = 0, link = 0;  // of the last acknowledged journal record
  std::string_view unfinished;
};

Tail tail_of(const Shape& shape, const GuestRecords& records, std::string_view text) {
  Tail tail;
  tail.chain = form_first_chain(shape.seed, shape.pages);
  tail.unfinished = text.substr(text.rfind('\n') + 1);
  for (const GuestRecord& record : records.records) {
    if (record.kind == GuestRecord::Kind::step) {
      tail.step = record.step;
      tail.chain = record.chain;
    }
    if (record.kind == GuestRecord::Kind::disk_written) {
      tail.number = record.number;
      tail.link = record.chain;
    }
  }
  return tail;
}

/// Why the image's last record of steps cannot be the line under way.
std::optional<std::string> why_not_recording(const Shape& shape, const ImageExam& exam,
                                             const Tail& tail, const std::string& both) {
  if (exam.recorded_step - tail.step > form_record_steps_max(shape.rate_pages_per_s) ||
      form_next_chain(shape.seed, shape.pages, tail.chain, tail.step, exam.recorded_step,
                      tail.link) != exam.chain) {
    return "evidence lost: " + both + ", more than one record later";
  }
  if (!std::string_view(step_line(exam.recorded_step, exam.chain)).starts_with(tail.unfinished)) {
    return "the unfinished line is not the image's last record: " + both;
  }
  return std::nullopt;
}

/// Why the image's last acknowledgement cannot be the line under way. While it is, nothing else has
/// been issued, so the image still knows the step of that record.
std::optional<std::string> why_not_acknowledging(const Shape& shape, const JournalState& journal,
                                                 const Tail& tail, const std::string& acks) {
  const std::uint64_t number = journal.acknowledged;
  const std::uint64_t hash = sector_hash(shape.seed, number, journal.issued_step);
  if (number - tail.number != 1 || journal.issued != number ||
      form_next_link(tail.link, hash) != journal.link) {
    return "evidence lost: " + acks;
  }
  const std::string line = acknowledgement_line(number, journal.issued_step, journal.link);
  if (!std::string_view(line).starts_with(tail.unfinished)) {
    return "the unfinished line is not the image's last acknowledgement: " + acks;
  }
  return std::nullopt;
}

}  // namespace

ImageExam examine(const Shape& shape, Bytes ram, std::uint64_t recorded_step) {
  ImageExam exam;
  if (shape.pages == 0 || shape.pages > FORM_MAX_PAGES || !std::has_single_bit(shape.pages)) {
    exam.why = "the plan's RAM has no room for owned pages";
    return exam;
  }
  if (ram.size() < shape.place.control_gpa + FORM_PAGE_BYTES) {
    exam.why = "the image ends before the control block: " + hex(ram.size()) + " bytes";
    return exam;
  }
  form_control control;
  std::memcpy(&control, ram.data() + shape.place.control_gpa, sizeof control);
  exam.why = why_insane(control, shape, ram.size());
  if (!exam.why.empty()) return exam;

  exam.readable = true;
  // The guest commits a record to its control block before the line is emitted, so an image can
  // never lie behind the evidence: unless the control page is an old one.
  if (control.record[control.record_count & 1].step < recorded_step) {
    exam.wrong_pages = 1;
    exam.wrong.push_back({.page = shape.pages,
                          .gpa = shape.place.control_gpa,
                          .expected_step = recorded_step,
                          .stale_step = control.step_done,
                          .bad_bytes = sizeof control});
    control.step_done = step_shown(shape, ram, recorded_step);
    control.step_started = control.step_done + 1;  // unknown: the next page may be torn
  }
  exam.step = control.step_done;
  if (exam.wrong_pages == 0 && control.journal.writes_per_s != 0) {
    const form_journal& j = control.journal;
    exam.journal = {j.issued, j.issued_step, j.ack_count, j.ack[j.ack_count & 1].link};
  }
  exam.recorded_step = control.record[control.record_count & 1].step;
  exam.chain = control.record[control.record_count & 1].chain;
  const bool in_flight = control.step_started != control.step_done;
  const std::uint64_t torn_page =
      in_flight ? form_page_of(shape.seed, shape.pages, control.step_started) : shape.pages;

  for (std::uint64_t page = 0; page < shape.pages; ++page) {
    const std::byte* const actual = ram.data() + shape.place.gpa_of(page);
    const std::uint64_t step = form_last_step(shape.seed, shape.pages, control.step_done, page);
    const PageWords expected = content(shape.seed, page, step);
    ++exam.pages_checked;
    if (same(expected, actual)) continue;
    if (page == torn_page &&
        torn_between(expected, content(shape.seed, page, control.step_started), actual)) {
      continue;
    }
    ++exam.wrong_pages;
    if (exam.wrong.size() < kWrongKept) {
      exam.wrong.push_back(fault_of(shape, page, step, expected, actual));
    }
  }
  return exam;
}

Guest::RamWrite notice(const Place& place) {
  const std::uint64_t once = 1;
  const auto bytes = std::as_bytes(std::span(&once, 1));
  return {place.control_gpa + offsetof(form_control, notice), {bytes.begin(), bytes.end()}};
}

std::optional<GuestClock> clock(const Place& place, Bytes ram) {
  if (ram.size() < place.control_gpa + sizeof(form_control)) return std::nullopt;
  form_control control{};
  std::memcpy(&control, ram.data() + place.control_gpa, sizeof control);
  if (control.magic != FORM_MAGIC || control.record_count == 0) return std::nullopt;
  return GuestClock{control.clock_ns, control.clock_went_back};
}

std::optional<Guest::StalePage> stale_page(const Shape& shape, Bytes ram) {
  const auto exam = examine(shape, ram);
  if (!exam.readable || exam.step == 0) return std::nullopt;
  std::uint64_t oldest_page = 0, oldest_step = 0;
  for (std::uint64_t page = 0; page < shape.pages; ++page) {
    const std::uint64_t step = form_last_step(shape.seed, shape.pages, exam.step, page);
    if (step == 0 || (oldest_step != 0 && step >= oldest_step)) continue;
    oldest_page = page;
    oldest_step = step;
  }
  const auto before = form_last_step(shape.seed, shape.pages, oldest_step - 1, oldest_page);
  const PageWords words = content(shape.seed, oldest_page, before);
  const auto bytes = std::as_bytes(std::span(words));
  return Guest::StalePage{shape.place.gpa_of(oldest_page), {bytes.begin(), bytes.end()}};
}

GuestRecords parse(const Shape& shape, std::string_view text) {
  GuestRecords result;
  Parser parser(shape);
  std::uint64_t line_number = 0;
  while (!text.empty() && !result.broken) {
    ++line_number;
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      if (!can_begin_a_line(text)) result.broken = "not the beginning of a record: " + shown(text);
      break;
    }
    result.broken = parser.take(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  if (result.broken) result.broken = "line " + std::to_string(line_number) + ": " + *result.broken;
  result.records = std::move(parser.records);
  return result;
}

std::optional<std::uint64_t> last_step(std::string_view tail) {
  tail = tail.substr(0, tail.rfind('\n') + 1);  // npos + 1 == 0: no complete line
  while (!tail.empty()) {
    tail.remove_suffix(1);
    const std::size_t start = tail.rfind('\n') + 1;
    const std::string_view line = tail.substr(start);
    tail = tail.substr(0, start);
    if (line.empty()) continue;
    Fields fields(line.substr(1));
    if (line.front() == 'S') {
      const auto step = fields.next(16);
      if (step && fields.next(16) && fields.at_end()) return step;
    } else if (line.front() == 'B') {
      if (fields.next(0) && fields.next(16) && fields.next(0) && fields.at_end()) return 0;
    }
  }
  return std::nullopt;
}

std::optional<std::string> tail_disagrees(const Shape& shape, const ImageExam& exam,
                                          std::string_view text) {
  if (!exam.readable) return "the image is not readable: " + exam.why;
  GuestRecords records = parse(shape, text);
  if (records.broken) return records.broken;
  const Tail tail = tail_of(shape, records, text);
  const JournalState journal = exam.journal.value_or(JournalState{});
  const std::string both = "the text ends with step " + hex(tail.step) +
                           ", the image has recorded step " + hex(exam.recorded_step);
  const std::string acks = "the text acknowledges journal record " + hex(tail.number) +
                           ", the image " + hex(journal.acknowledged);
  if (tail.step > exam.recorded_step) return "image older than the evidence: " + both;
  if (tail.number > journal.acknowledged) return "image older than the evidence: " + acks;
  if (tail.number < journal.acknowledged) {
    if (tail.step != exam.recorded_step) return "evidence lost: " + both + "; " + acks;
    return why_not_acknowledging(shape, journal, tail, acks);
  }
  if (tail.link != journal.link) return "journal chains differ: " + acks;
  if (tail.step < exam.recorded_step) return why_not_recording(shape, exam, tail, both);
  if (tail.chain != exam.chain) return "chains differ: " + both;
  // Nothing is under way, or the boot record, or the report of a wrong page or a failed request.
  if (tail.unfinished.starts_with('S') || tail.unfinished.starts_with('D')) {
    return "a line goes on after the image's last record: " + both;
  }
  return std::nullopt;
}

}  // namespace migfuzz::form
