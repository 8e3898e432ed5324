// Output files: whole or not at all, on a good disk, a full one and one that cannot be written.
//
// The full disk is a tmpfs of 64 KiB in a mount namespace of the test's own. Run alone: io_tests
// "[files]".
#include "harness/io/files.h"

#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "harness/core/error.h"
#include "tests/io/inside.h"
#include "tests/io/temporary.h"

namespace migfuzz {
namespace {

using Catch::Matchers::Contains;
using io::OutputError;

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const OutputError& error) {
    return error.what();
  }
  return "";
}

std::size_t entries(const std::string& path) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator(path)) ++count;
  return count;
}

TEST_CASE("A file is replaced as a whole and leaves nothing beside it", "[files]") {
  const fakes::TemporaryFolder folder;
  const auto path = folder / "file";
  io::write_whole(path, "one");
  io::write_whole(path, "two and more");
  io::write_whole(path, "");
  io::write_whole(path, std::string("a\0b", 3));
  CHECK(io::read_input(path, 100) == std::string("a\0b", 3));
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("Lines are appended, whatever they hold", "[files]") {
  const fakes::TemporaryFolder folder;
  const auto path = folder / "lines";
  io::append_line(path, "one");
  io::append_line(path, "");
  io::append_line(path, "drei \xc3\xa4");
  CHECK(io::read_input(path, 100) == "one\n\ndrei \xc3\xa4\n");
}

TEST_CASE("An output folder is made with its parents and probed", "[files]") {
  const fakes::TemporaryFolder folder;
  io::make_output_folder(folder / "a/b/c");
  io::make_output_folder(folder / "a/b/c");
  CHECK(io::is_folder(folder / "a/b/c"));
  CHECK(entries(folder / "a/b/c") == 0);
  io::remove_if_there(folder / "a");
  io::remove_if_there(folder / "a");
  CHECK_FALSE(io::is_folder(folder / "a"));
}

TEST_CASE("What cannot be written is told with its path, the reason and the mend", "[files]") {
  const fakes::TemporaryFolder folder;
  io::write_whole(folder / "file", "in the way");
  for (const auto& act :
       std::vector<std::function<void()>>{[&] { io::make_output_folder(folder / "file/sub"); },
                                          [&] { io::write_whole(folder / "file/x", "text"); },
                                          [&] { io::append_line(folder / "file/x", "text"); }}) {
    const auto message = refusal(act);
    CHECK_THAT(message,
               Contains(folder / "file") && Contains("Not a directory") && Contains("--output"));
    CHECK(message.find('\n') == message.npos);
  }
  // A folder in the place of the file: the old one stays.
  io::make_output_folder(folder / "busy/inner");
  CHECK_THAT(refusal([&] { io::write_whole(folder / "busy", "text"); }), Contains("busy"));
  CHECK(io::is_folder(folder / "busy/inner"));
}

TEST_CASE("A write that fails at its last step leaves nothing beside the target", "[files]") {
  const fakes::TemporaryFolder folder;
  io::make_output_folder(folder / "busy/inner");
  CHECK_THROWS_AS(io::write_whole(folder / "busy", "text"), OutputError);
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("Input is refused when it is missing, a folder, or too large", "[files]") {
  const fakes::TemporaryFolder folder;
  io::write_whole(folder / "file", "12345");
  CHECK(io::read_input(folder / "file", 5) == "12345");
  CHECK_THROWS_AS(io::read_input(folder / "file", 4), UsageError);
  CHECK_THROWS_AS(io::read_input(folder / "none", 5), UsageError);
  CHECK_THROWS_AS(io::read_input(folder.path(), 5), UsageError);
  try {
    io::read_input("/dev/zero", 1 << 20);
    FAIL("it had an end");
  } catch (const UsageError& error) {
    CHECK_THAT(error.what(), Contains("/dev/zero"));
  }
}

TEST_CASE("On a full disk the old file and the whole lines stay", "[files]") {
  const fakes::TemporaryFolder folder;
  fakes::check_inside([&](const fakes::Report& report) {
    if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0)
      throw std::runtime_error("no tmpfs");
    const auto lines = folder / "lines", whole = folder / "whole";
    io::write_whole(whole, "old");
    const std::string line(5000, 'x');
    std::string message;
    std::size_t count = 0;
    while (message.empty() && count < 100) {
      message = refusal([&] { io::append_line(lines, line); });
      if (message.empty()) ++count;
    }
    report(count > 3 && count < 20, "the disk was full after some lines");
    report(message.find("No space left") != message.npos, "the reason is said");
    report(message.find("free some space") != message.npos, "the mend is said");
    report(std::filesystem::file_size(lines) == count * (line.size() + 1),
           "only whole lines are left");
    message = refusal([&] { io::write_whole(whole, std::string(60000, 'y')); });
    report(message.find("No space left") != message.npos, "a whole file is refused");
    report(io::read_input(whole, 10) == "old", "the old file is untouched");
    report(entries(folder.path()) == 2, "nothing is left beside");
    std::filesystem::remove(lines);
    io::write_whole(whole, "new");
    report(io::read_input(whole, 10) == "new", "with space again it works again");
    if (::mount(nullptr, folder.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0)
      throw std::runtime_error("no read-only remount");
    message = refusal([&] { io::make_output_folder(folder.path()); });
    report(message.find("Read-only") != message.npos, "a read-only folder is noticed at the start");
  });
}

}  // namespace
}  // namespace migfuzz
