#include "harness/io/fd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "harness/core/error.h"

namespace migfuzz::io {

void fail(const std::string& what) {
  throw InfraError(fmt::format("{}: {}", what, std::strerror(errno)));
}

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void UniqueFd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::pair<UniqueFd, UniqueFd> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    fail("socketpair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void make_tight(int socket_fd) { set_send_buffer(socket_fd, 1); }  // raised to SOCK_MIN_SNDBUF

void set_send_buffer(int socket_fd, int bytes) {
  if (::setsockopt(socket_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) != 0) fail("SO_SNDBUF");
}

std::uint64_t inode_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail("looking at a descriptor");
  return status.st_ino;
}

UniqueFd reopen(int fd) {
  UniqueFd other(::open(path_of(fd).c_str(), O_RDWR | O_CLOEXEC));
  if (!other) fail("opening a file again");
  return other;
}

UniqueFd reopen_for_reading(int fd) {
  UniqueFd other(::open(path_of(fd).c_str(), O_RDONLY | O_CLOEXEC));
  if (!other) fail("opening a file again");
  return other;
}

bool allows_direct(int fd) {
  return static_cast<bool>(UniqueFd(::open(path_of(fd).c_str(), O_RDWR | O_DIRECT | O_CLOEXEC)));
}

std::string path_of(int fd) { return fmt::format("/dev/fd/{}", fd); }

MemoryFile::MemoryFile(const std::string& name, std::uint64_t size_bytes)
    : fd_(::memfd_create(name.c_str(), MFD_CLOEXEC)) {
  if (!fd_) fail("memfd_create");
  if (size_bytes != 0 && ::ftruncate(fd_.get(), static_cast<off_t>(size_bytes)) != 0)
    fail("sizing memory file");
}

void MemoryFile::write(Bytes bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd_.get(), bytes.data(), bytes.size());
    if (n < 0) fail("writing memory file");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

std::uint64_t MemoryFile::size() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) fail("size of memory file");
  return static_cast<std::uint64_t>(status.st_size);
}

std::string MemoryFile::text() const { return text_from(0); }

std::string MemoryFile::text_from(std::uint64_t from, std::uint64_t bytes_most) const {
  const auto all = size();
  if (from >= all) return {};
  std::string text(std::min(all - from, bytes_most), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const auto n =
        ::pread(fd_.get(), text.data() + have, text.size() - have, static_cast<off_t>(from + have));
    if (n < 0) fail("reading memory file");
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  text.resize(have);
  return text;
}

Mapping::Mapping(int fd, std::uint64_t size_bytes)
    : address_(::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)),
      size_(size_bytes) {
  if (address_ == MAP_FAILED) fail("mapping guest RAM");
}

Mapping::~Mapping() { ::munmap(address_, size_); }

void Mapping::write(std::uint64_t offset, Bytes bytes) {
  if (offset > size_ || bytes.size() > size_ - offset)
    throw InfraError("write outside the mapped guest RAM");
  std::memcpy(static_cast<std::byte*>(address_) + offset, bytes.data(), bytes.size());
}

}  // namespace migfuzz::io
