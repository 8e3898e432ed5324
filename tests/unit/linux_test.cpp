// The guest `linux` from outside: its initramfs, its file system, where its pages are, its words.
#include <catch2/catch.hpp>
#include <cstring>

#include "guests/linux/ext2.h"
#include "guests/linux/initramfs.h"
#include "guests/linux/linux.h"
#include "harness/core/error.h"
#include "tests/fakes/ext2_image.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;
using fakes::Ext2Image;

std::vector<std::byte> noise(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 256);
  return bytes;
}

/// A guest that has begun: every page at its step 0, in a scattered order.
std::vector<std::byte> image(const GuestShape& shape) {
  std::vector<std::byte> ram(LINUX_CONTROL_GPA + LINUX_CONTROL_BYTES);
  std::vector<std::uint64_t> table(LINUX_PAGES);
  for (std::uint64_t i = 0; i < LINUX_PAGES; ++i)
    table[i] = 0x1000000 + (i * 5 % LINUX_PAGES) * FORM_PAGE_BYTES;
  std::memcpy(ram.data() + LINUX_TABLE_GPA, table.data(), table.size() * sizeof table[0]);
  linux_mailbox mailbox{};
  mailbox.magic = LINUX_MAILBOX_MAGIC;
  mailbox.pages = LINUX_PAGES;
  mailbox.table_hash = linux_table_hash(table.data(), LINUX_PAGES);
  std::memcpy(ram.data() + LINUX_MAILBOX_GPA, &mailbox, sizeof mailbox);
  form_control control{};
  control.magic = FORM_MAGIC;
  control.version = FORM_VERSION;
  control.seed = shape.seed;
  control.pages = LINUX_PAGES;
  control.record[0].chain = form_first_chain(shape.seed, LINUX_PAGES);
  std::memcpy(ram.data() + LINUX_CONTROL_GPA, &control, sizeof control);
  for (std::uint64_t page = 0; page < LINUX_PAGES; ++page) {
    std::uint64_t words[FORM_PAGE_WORDS];
    const auto base = form_base_of(shape.seed, page, 0);
    for (std::uint64_t i = 0; i < FORM_PAGE_WORDS; ++i) words[i] = form_word_of(base, 0, i);
    std::memcpy(ram.data() + table[page], words, sizeof words);
  }
  return ram;
}

GuestShape shape_of_linux() {
  GuestShape shape;
  shape.name = "linux";
  shape.seed = 77;
  shape.memory_bytes = std::uint64_t{96} << 20;
  return shape;
}

TEST_CASE("ext2: a file is read by its name, through direct and indirect blocks", "[linux]") {
  for (const std::size_t size : {1u, 1024u, 12u * 1024, 12u * 1024 + 1, 100u * 1024}) {
    Ext2Image disk("journal", noise(size));
    const auto file = read_ext2_file(disk.bytes(), "journal");
    CHECK(file.why.empty());
    CHECK(file.bytes == noise(size));
  }
}

TEST_CASE("ext2: what is damaged is said, whatever the bytes", "[linux]") {
  const auto why = [](auto&& spoil, std::string_view name = "journal") {
    Ext2Image disk("journal", noise(20 * 1024));
    spoil(disk);
    return read_ext2_file(disk.bytes(), name).why;
  };
  CHECK(why([](auto&) {}).empty());
  CHECK_THAT(why([](auto&) {}, "other"), Contains("has no `other`"));
  CHECK_THAT(why([](auto& d) { d.put16(1024 + 56, 0); }), Contains("no ext2"));
  CHECK_THAT(why([](auto& d) { d.put32(1024 + 24, 60); }), Contains("block size"));
  CHECK_THAT(why([](auto& d) { d.put32(1024 + 40, 0); }), Contains("damaged"));
  CHECK_THAT(why([](auto& d) { d.put16(Ext2Image::kFolder * 1024 + 4, 0); }), Contains("folder"));
  CHECK_THAT(why([](auto& d) { d.put32(Ext2Image::inode(12) + 40, 70000); }), Contains("behind"));
  CHECK_THAT(why([](auto& d) { d.put32(Ext2Image::inode(12) + 4, 1u << 31); }), Contains("size"));
  CHECK_THAT(why([](auto& d) { d.bytes().resize(3000); }), Contains("ends after 3000"));
  CHECK_FALSE(read_ext2_file({}, "journal").why.empty());
  // A block map that is lost: the file is full of holes, which the journal's examiner sees.
  Ext2Image disk("journal", noise(20 * 1024));
  disk.put32(Ext2Image::inode(12) + 40 + 48, 0);
  CHECK(read_ext2_file(disk.bytes(), "journal").bytes != noise(20 * 1024));
}

TEST_CASE("initramfs: entries are padded and closed by a trailer", "[linux]") {
  Initramfs archive;
  archive.folder("bin");
  archive.program("init", noise(5));
  const auto bytes = archive.finished();
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  CHECK(bytes.size() % 4 == 0);
  CHECK(text.starts_with("07070100000001000041ed"));
  // 110 bytes of header, "bin" and its end: 114, padded to 116.
  CHECK(text.substr(116, 22) == "07070100000002000081ed");
  CHECK(text.substr(116 + 54, 8) == "00000005");
  CHECK(text.substr(116 + 110, 5) == std::string("init\0", 5));
  CHECK(std::memcmp(bytes.data() + 116 + 116, noise(5).data(), 5) == 0);
  CHECK(text.find("TRAILER!!!") == 116 + 116 + 8 + 110);
}

TEST_CASE("linux: pages are examined where the table says they are", "[linux]") {
  const Linux guest("/nowhere");
  const auto shape = shape_of_linux();
  auto ram = image(shape);
  const auto good = guest.examine(shape, ram);
  INFO(good.why);
  REQUIRE(good.readable);
  CHECK(good.pages_checked == LINUX_PAGES);
  CHECK(good.wrong_pages == 0);
  CHECK(guest.owns(shape, ram, 0x1000000 + 4095));
  CHECK_FALSE(guest.owns(shape, ram, 0x1000000 - 1));
  CHECK_FALSE(guest.owns(shape, {}, 0x1000000));

  ram[0x1000000 + 5 * FORM_PAGE_BYTES + 9] ^= std::byte{1};  // where page 1 lies
  const auto bad = guest.examine(shape, ram);
  REQUIRE(bad.wrong.size() == 1);
  CHECK(bad.wrong[0].page == 1);
  CHECK(bad.wrong[0].gpa == 0x1000000 + 5 * FORM_PAGE_BYTES);
}

TEST_CASE("linux: a table that a migration has lost makes the image unreadable", "[linux]") {
  const Linux guest("/nowhere");
  const auto shape = shape_of_linux();
  auto ram = image(shape);
  std::fill_n(ram.begin() + LINUX_TABLE_GPA + FORM_PAGE_BYTES, FORM_PAGE_BYTES, std::byte{0});
  CHECK_THAT(guest.examine(shape, ram).why, Contains("table of pages is damaged"));
  std::fill_n(ram.begin() + LINUX_MAILBOX_GPA, 8, std::byte{0});
  CHECK_THAT(guest.examine(shape, ram).why, Contains("no mailbox"));
  CHECK_THAT(guest.examine(shape, {}).why, Contains("ends before the mailbox"));
  CHECK_FALSE(guest.stale_page(shape, ram));
  CHECK_FALSE(guest.clock(shape, {}));
}

TEST_CASE("linux: it is woken by the numbers of its plan, `go` last", "[linux]") {
  auto shape = shape_of_linux();
  shape.dirty_pages_per_s = 3;
  shape.disk_writes_per_s = 4;
  const auto wake = Linux("/nowhere").wake(shape);
  REQUIRE(wake);
  std::uint64_t words[4];
  REQUIRE(wake->bytes.size() == sizeof words);
  std::memcpy(words, wake->bytes.data(), sizeof words);
  CHECK(wake->gpa == LINUX_MAILBOX_GPA + offsetof(linux_mailbox, seed));
  CHECK(words[0] == 77);
  CHECK(words[1] == 3);
  CHECK(words[2] == 4);
  CHECK(words[3] == 1);
}

TEST_CASE("linux: without a kernel it says how to get one; a boot's last words are told",
          "[linux]") {
  const Linux guest("/nowhere");
  CHECK_THAT(guest.unavailable(), Contains("no kernel in /nowhere; run scripts/fetch-linux"));
  CHECK_THROWS_AS(guest.payload(), CannotRun);
  CHECK_THROWS_AS(guest.restored_payload(), CannotRun);
  CHECK(guest.waits("R\n"));
  CHECK_FALSE(guest.waits(""));
  CHECK_THROWS_WITH(guest.waits("X mount /dev/vda: No such device\n"),
                    Contains("could not begin: mount /dev/vda: No such device"));
}

TEST_CASE("linux: a restored VM has the devices of one that boots, and ends where it would boot",
          "[linux]") {
  const Linux guest("/nowhere");
  const auto boots = guest.arguments(shape_of_linux(), "/x/initramfs");
  auto restored = guest.restored_arguments(shape_of_linux(), "/x/short");
  REQUIRE(restored.size() == boots.size() + 1);
  CHECK(restored.back() == "-no-reboot");
  for (std::size_t i = 0; i < boots.size(); ++i) {
    const bool loaded = i > 0 && (boots[i - 1] == "-kernel" || boots[i - 1] == "-initrd");
    CHECK(restored[i] == (loaded ? "/x/short" : boots[i]));
  }
}

TEST_CASE("linux: a disk without its journal is unreadable, with the reason", "[linux]") {
  const Linux guest("/nowhere");
  Ext2Image disk("other", noise(10));
  const auto exam = guest.examine_disk(shape_of_linux(), disk.bytes(), "", std::nullopt);
  CHECK_FALSE(exam.readable);
  CHECK_THAT(exam.why, Contains("the file `journal`: the root folder has no `journal`"));
}

}  // namespace
}  // namespace migfuzz
