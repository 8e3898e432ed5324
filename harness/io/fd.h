// File descriptors as resources: owned, moved, closed once; and the anonymous files a case lives
// on.
//
// Everything a case writes (guest RAM, evidence channels, stdio) lies in memfds. They have no name
// in any file system, outlive a crashed QEMU, and are gone with the worker whatever ends it.
#pragma once

#include <string>
#include <utility>

#include "harness/core/types.h"

namespace migfuzz::io {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// Two connected AF_UNIX stream sockets, non-blocking, close-on-exec.
std::pair<UniqueFd, UniqueFd> socket_pair();
/// Sets the send buffer to the least the kernel allows (unix(7): about 4.5 kB with overhead).
void make_tight(int socket_fd);
/// Sets it to that many bytes, which the kernel doubles for its own overhead (socket(7)).
void set_send_buffer(int socket_fd, int bytes);
/// By which a socket is known among the descriptors of a process.
std::uint64_t inode_of(int fd);
/// Another open file description of the same file, for reading and writing: locks of its own.
UniqueFd reopen(int fd);
/// The same for reading only, at its beginning.
UniqueFd reopen_for_reading(int fd);
/// The file can be read and written past the page cache (O_DIRECT; memfds since Linux 6.6).
bool allows_direct(int fd);
/// A clean name for children: they inherit it when told to, and open it by this path.
std::string path_of(int fd);

/// An anonymous file that grows; readable here while another process writes it.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& name, std::uint64_t size_bytes = 0);
  /// A file in memory that was made otherwise.
  explicit MemoryFile(UniqueFd fd) : fd_(std::move(fd)) {}
  int fd() const { return fd_.get(); }
  void write(Bytes bytes);
  std::string text() const;
  /// What was appended since `from` bytes, at most the first `bytes_most` of it.
  std::string text_from(std::uint64_t from, std::uint64_t bytes_most = UINT64_MAX) const;
  std::uint64_t size() const;

 private:
  UniqueFd fd_;
};

/// A shared mapping of a whole memory file of fixed size.
class Mapping {
 public:
  Mapping(int fd, std::uint64_t size_bytes);
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();
  Bytes bytes() const { return {static_cast<const std::byte*>(address_), size_}; }
  void write(std::uint64_t offset, Bytes bytes);

 private:
  void* address_;
  std::uint64_t size_;
};

/// Throws InfraError "WHAT: strerror(errno)".
[[noreturn]] void fail(const std::string& what);

}  // namespace migfuzz::io
