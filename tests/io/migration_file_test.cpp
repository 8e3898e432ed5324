// The file of mode `mapped-ram`, written here as QEMU lays it out: cut off, changed, filled up.
//
// Its head names pc.ram and where its pages are; behind the pages follow devices, the end mark and
// the description. Run alone: io_tests "[migration-file]".
#include "harness/hypervisors/migration_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <iterator>

#include "harness/core/error.h"
#include "tests/io/inside.h"

namespace migfuzz {
namespace {

constexpr std::uint64_t kMemory = 1 << 20, kPages = 1 << 20;
constexpr std::uint64_t kOwned = 40 * 4096, kOwnedEnd = 60 * 4096;

std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

bool write_at(const MigrationFile& file, std::uint64_t offset, const std::string& text) {
  return ::pwrite(file.fd(), text.data(), text.size(), static_cast<off_t>(offset)) ==
         static_cast<ssize_t>(text.size());
}

std::uint64_t size_of(const MigrationFile& file) {
  struct stat now {};
  return ::fstat(file.fd(), &now) == 0 ? static_cast<std::uint64_t>(now.st_size) : UINT64_MAX;
}

// Only the page at 50 * 4096 of those that are owned has content.
constexpr std::uint64_t kWritten = 50 * 4096, kDevices = kPages + kMemory;
constexpr std::uint64_t kEndMark = kDevices + 100, kSize = kEndMark + 306;

bool save(const MigrationFile& file) {
  return write_at(file, 0, "QEVM" + number(3, 4)) &&
         write_at(file, 99,
                  "\x06pc.ram" + number(kMemory, 8) + number(1, 4) + number(4096, 8) +
                      number(142, 8) + number(kPages, 8)) &&
         write_at(file, kPages + kWritten, std::string(4096, 'x')) &&
         write_at(file, kDevices, std::string(100, 'd')) &&
         write_at(file, kEndMark,
                  std::string(1, '\0') + "\x06" + number(300, 4) + std::string(300, '{'));
}

bool owned(std::uint64_t gpa) { return gpa >= kOwned && gpa < kOwnedEnd; }

template <typename Call>
bool throws(Call call) {
  try {
    call();
  } catch (const InfraError&) {
    return true;
  }
  return false;
}

TEST_CASE("A migration file is cut off where the plan says", "[migration-file]") {
  fakes::check_inside([](const fakes::Report& report) {
    const std::uint64_t left[] = {kEndMark, kPages + kWritten + 2048, kSize / 2, 8, 0};
    for (std::uint64_t where = 0; where < std::size(left); ++where) {
      MigrationFile file(kMemory, owned);
      report(save(file) && !file.last_cut(), "it is whole");
      file.cut(where);
      report(size_of(file) == left[where], "it is as short as " + std::to_string(where) + " says");
      report(file.last_cut()->before == kSize && file.last_cut()->after == left[where],
             "both sizes are told");
    }
  });
}

TEST_CASE("One bit of a page that the guest owns is changed, and said where", "[migration-file]") {
  fakes::check_inside([](const fakes::Report& report) {
    MigrationFile file(kMemory, owned);
    report(save(file), "it is whole");
    const auto flip = file.flip(8 * 17 + 3);
    report(flip.gpa == kWritten + 17 && flip.bit == 3 && flip.forwarded, "it is told where");
    char byte = 0;
    report(::pread(file.fd(), &byte, 1, static_cast<off_t>(kPages + kWritten + 17)) == 1 &&
               byte == ('x' ^ 8),
           "the bit has changed");
  });
}

TEST_CASE("A file that is not one is refused instead of being guessed at", "[migration-file]") {
  fakes::check_inside([](const fakes::Report& report) {
    MigrationFile file(kMemory, owned);
    report(write_at(file, 0, std::string(9000, 'z')), "it is nonsense");
    report(throws([&] { file.cut(0); }), "it has no end mark");
    report(throws([&] { file.flip(0); }), "it has no page");
  });
}

TEST_CASE("The file's volume can be filled to the last byte and given room again",
          "[migration-file]") {
  fakes::check_inside([](const fakes::Report& report) {
    MigrationFile file(kMemory, owned);
    report(file.refusal().empty(), "it has room");
    file.fill(true);
    report(file.refusal() == "No space left on device", "a third party is refused");
    report(!write_at(file, kPages, "x"), "a new page is refused");
    file.fill(false);
    report(file.refusal().empty(), "it has room again");
    file.written();
    report(!file.written(), "nobody has written");
    report(save(file) && file.written(), "somebody has");
  });
}

}  // namespace
}  // namespace migfuzz
