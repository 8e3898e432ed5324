#include "harness/hypervisors/migration_file.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/core/error.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kHeaderBytes = 8;  // magic and version
// RAM, what lies before and behind it, and what tmpfs needs itself.
constexpr std::uint64_t kBesidesRam = std::uint64_t{32} << 20;
constexpr std::uint64_t kListOfBlocks = 4096;        // it begins within these bytes
constexpr std::uint64_t kDescriptionMost = 1 << 20;  // far above what any machine was seen to say

std::string read_at(int fd, std::uint64_t offset, std::uint64_t bytes) {
  std::string text(bytes, '\0');
  const auto got = ::pread(fd, text.data(), text.size(), static_cast<off_t>(offset));
  if (got < 0) io::fail("migration file: pread");
  text.resize(static_cast<std::size_t>(got));
  return text;
}

std::uint64_t big_endian(std::string_view text, std::size_t at, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i)
    value = value << 8 | static_cast<unsigned char>(text.at(at + i));
  return value;
}

}  // namespace

MigrationFile::MigrationFile(std::uint64_t memory_bytes, Owns owns)
    : memory_bytes_(memory_bytes), owns_(std::move(owns)), volume_(0, memory_bytes + kBesidesRam) {}

std::string MigrationFile::uri() const { return "file:" + io::path_of(fd()); }

bool MigrationFile::written() {
  const auto now = volume_.changed_ns();
  return std::exchange(changed_ns_, now) != now;
}

void MigrationFile::fill(bool full) { full ? volume_.fill() : volume_.make_room(); }

std::uint64_t MigrationFile::size() const { return volume_.file_bytes(); }

// The end mark (QEMU_VM_EOF, one byte 0) stands before the description of the devices: 6, its
// length, its text up to the end of the file (savevm.c, qemu_savevm_state_complete_precopy).
std::uint64_t MigrationFile::end_mark() const {
  const auto bytes = size();
  const auto from = bytes - std::min(bytes, kDescriptionMost);
  const auto tail = read_at(fd(), from, bytes - from);
  for (auto at = tail.size(); at-- > 1;)
    if (tail[at] == 6 && tail[at - 1] == 0 && at + 5 <= tail.size() &&
        big_endian(tail, at + 1, 4) == tail.size() - at - 5)
      return from + at - 1;
  throw InfraError("migration file: its end mark was not found");
}

// RAM's SECTION_START names each block with its length, and in this mode where its pages are
// (ram.c, mapped_ram_setup_ramblock): version, page size, offset of the bitmap, of the pages.
std::uint64_t MigrationFile::pages_from() const {
  constexpr std::string_view kName = "\x06pc.ram";
  const auto head = read_at(fd(), 0, kListOfBlocks);
  const auto found = head.find(kName);
  if (found == head.npos || found + kName.size() + 36 > head.size())
    throw InfraError("migration file: it does not name pc.ram");
  return big_endian(head, found + kName.size() + 28, 8);
}

std::uint64_t MigrationFile::an_owned_page() const {
  const auto pages = pages_from();
  std::vector<std::uint64_t> owned;
  for (std::uint64_t gpa = 0; gpa < memory_bytes_; gpa += kPageBytes)
    if (owns_(gpa)) owned.push_back(gpa);
  // From the middle on, the first one that is there: a page of zeroes is not saved.
  for (std::size_t i = 0; i < owned.size(); ++i) {
    const auto gpa = owned[(owned.size() / 2 + i) % owned.size()];
    const auto page = read_at(fd(), pages + gpa, kPageBytes);
    if (page.size() == kPageBytes && page.find_first_not_of('\0') != page.npos) return gpa;
  }
  throw InfraError("migration file: no page that the guest owns is there");
}

void MigrationFile::cut(std::uint64_t where) {
  FileCut cut;
  cut.before = size();
  const auto keep = where == 0   ? end_mark()
                    : where == 1 ? pages_from() + an_owned_page() + kPageBytes / 2
                    : where == 2 ? cut.before / 2
                    : where == 3 ? kHeaderBytes
                                 : 0;
  if (::ftruncate(fd(), static_cast<off_t>(keep)) != 0) io::fail("migration file: ftruncate");
  cut.after = size();
  cut_ = cut;
}

Flip MigrationFile::flip(std::uint64_t which_bit) {
  Flip flip;
  flip.gpa = an_owned_page() + which_bit / 8 % kPageBytes;
  flip.offset = pages_from() + flip.gpa;
  flip.bit = static_cast<unsigned>(which_bit % 8);
  auto changed = read_at(fd(), flip.offset, 1);
  changed.at(0) = static_cast<char>(changed[0] ^ (1 << flip.bit));
  if (::pwrite(fd(), changed.data(), 1, static_cast<off_t>(flip.offset)) != 1)
    io::fail("migration file: pwrite");
  flip.forwarded = read_at(fd(), flip.offset, 1) == changed;
  return flip;
}

}  // namespace migfuzz
