// Descriptors, memory files and mappings. Run alone: io_tests "[fd]".
#include "harness/io/fd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "harness/core/error.h"
#include "harness/io/ram_file.h"
#include "tests/io/inside.h"

namespace migfuzz {
namespace {

using io::UniqueFd;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
Bytes bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

TEST_CASE("A descriptor is closed once, by its last owner", "[fd]") {
  const int raw = ::open("/dev/null", O_RDONLY);
  {
    UniqueFd one(raw);
    UniqueFd two(std::move(one));
    CHECK_FALSE(one);
    CHECK(two.get() == raw);
    one = std::move(two);
    CHECK(is_open(raw));
    auto& same = one;
    one = std::move(same);
    CHECK(one.get() == raw);
  }
  CHECK_FALSE(is_open(raw));
  UniqueFd released(::open("/dev/null", O_RDONLY));
  const int mine = released.release();
  released.reset();
  CHECK(is_open(mine));
  ::close(mine);
}

TEST_CASE("A socket pair does not block and is not inherited", "[fd]") {
  const auto [a, b] = io::socket_pair();
  char byte = 0;
  CHECK(::recv(a.get(), &byte, 1, 0) < 0);
  CHECK(errno == EAGAIN);
  CHECK((::fcntl(b.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(::send(a.get(), "x", 1, 0) == 1);
  CHECK(::recv(b.get(), &byte, 1, 0) == 1);
}

TEST_CASE("A tight socket takes little more than a page ahead", "[fd]") {
  const auto [a, b] = io::socket_pair();
  io::make_tight(a.get());
  std::size_t taken = 0;
  const std::string chunk(512, 'x');
  while (::send(a.get(), chunk.data(), chunk.size(), MSG_DONTWAIT) > 0) taken += chunk.size();
  CHECK(taken > 0);
  CHECK(taken < 16384);
}

TEST_CASE("A memory file grows, and is read while it is written through its path", "[fd]") {
  io::MemoryFile file("test");
  CHECK(file.size() == 0);
  CHECK(file.text().empty());
  file.write(bytes("first "));
  const UniqueFd other(::open(io::path_of(file.fd()).c_str(), O_WRONLY | O_APPEND));
  REQUIRE(other);
  CHECK(::write(other.get(), "second", 6) == 6);
  CHECK(file.text() == "first second");
  CHECK(file.text_from(6) == "second");
  CHECK(file.text_from(12).empty());
  CHECK(file.text_from(UINT64_MAX).empty());
}

TEST_CASE("A mapping shows what was written through it and refuses what lies outside", "[fd]") {
  const io::MemoryFile file("ram", 8192);
  io::Mapping mapping(file.fd(), 8192);
  CHECK(mapping.bytes().size() == 8192);
  mapping.write(8190, bytes("ab"));
  CHECK(file.text_from(8190) == "ab");
  CHECK_THROWS_AS(mapping.write(8191, bytes("ab")), InfraError);
  CHECK_THROWS_AS(mapping.write(UINT64_MAX, bytes("ab")), InfraError);
  CHECK_THROWS_AS(io::Mapping(-1, 4096), InfraError);
}

TEST_CASE("A RAM file is empty, has its size, and is the same for whoever opens its path", "[fd]") {
  fakes::check_inside([](const fakes::Report& report) {
    constexpr std::uint64_t kBytes = (std::uint64_t{4} << 20) + 8192;
    for (const auto wanted : {io::RamPages::small, io::RamPages::large}) {
      const auto ram = io::make_ram_file(kBytes, wanted);
      report(wanted == io::RamPages::large || ram.pages == io::RamPages::small,
             "nobody gets large pages unasked");
      report(ram.file->size() == kBytes, "its size");
      io::Mapping mapping(ram.file->fd(), kBytes);
      report(mapping.bytes().back() == std::byte{0}, "zeroes");
      mapping.write(kBytes - 2, bytes("ab"));
      const auto other = io::reopen(ram.file->fd());
      char read[2] = {};
      report(::pread(other.get(), read, 2, kBytes - 2) == 2 && read[0] == 'a', "one memory");
    }
  });
}

TEST_CASE("A failed system call is told with its name and the kernel's reason", "[fd]") {
  errno = ENOENT;
  try {
    io::fail("the thing");
  } catch (const InfraError& error) {
    CHECK(std::string(error.what()) == "the thing: No such file or directory");
  }
}

}  // namespace
}  // namespace migfuzz
