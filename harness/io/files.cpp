#include "harness/io/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "harness/core/error.h"
#include "harness/io/fd.h"

namespace migfuzz::io {
namespace {

[[noreturn]] void refuse(const std::string& path, int error) {
  const auto* mend = error == ENOSPC || error == EDQUOT ? "free some space or name another --output"
                                                        : "name another --output";
  throw OutputError(fmt::format("{}: cannot be written: {}; {}", path, std::strerror(error), mend));
}

void write_all(int fd, const std::string& path, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const auto n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) refuse(path, n < 0 ? errno : ENOSPC);
    done += static_cast<std::size_t>(n);
  }
}

}  // namespace

void make_output_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) refuse(path, error.value());
  const auto probe = path + "/.migfuzz-probe";
  write_whole(probe, "x");
  ::unlink(probe.c_str());
}

void write_whole(const std::string& path, const std::string& text) {
  const auto beside = path + ".part";
  {
    const UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd) refuse(path, errno);
    try {
      write_all(fd.get(), path, text);
    } catch (...) {
      ::unlink(beside.c_str());
      throw;
    }
  }
  if (::rename(beside.c_str(), path.c_str()) == 0) return;
  const int error = errno;
  ::unlink(beside.c_str());
  refuse(path, error);
}

// link(2) refuses an existing name, and what it makes is complete at once.
bool write_new(const std::string& path, const std::string& text) {
  const auto beside = path + ".new";
  write_whole(beside, text);
  const bool made = ::link(beside.c_str(), path.c_str()) == 0;
  const int error = errno;
  ::unlink(beside.c_str());
  if (!made && error != EEXIST) refuse(path, error);
  return made;
}

void append_line(const std::string& path, const std::string& line) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!fd) refuse(path, errno);
  struct stat before {};
  if (::fstat(fd.get(), &before) != 0) refuse(path, errno);
  try {
    write_all(fd.get(), path, line + "\n");
  } catch (...) {
    [[maybe_unused]] const int ignored = ::ftruncate(fd.get(), before.st_size);
    throw;
  }
}

std::string read_input(const std::string& path, std::size_t bytes_max) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw UsageError(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  std::string text;
  char chunk[65536];
  for (;;) {
    const auto n = ::read(fd.get(), chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw UsageError(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
    if (n == 0) return text;
    text.append(chunk, static_cast<std::size_t>(n));
    if (text.size() > bytes_max)
      throw UsageError(
          fmt::format("{}: is larger than {} bytes, which no such file is", path, bytes_max));
  }
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

bool is_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

std::vector<std::string> files_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  if (!is_folder(path)) return names;
  for (std::filesystem::directory_iterator one(path, error), end; !error && one != end;
       one.increment(error)) {
    std::error_code ignored;
    if (one->is_regular_file(ignored)) names.push_back(one->path().filename().string());
  }
  if (error) throw UsageError(fmt::format("{}: cannot be listed: {}", path, error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

void remove_if_there(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
}

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

void move(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) refuse(to, errno);
}

void copy_folder(const std::string& from, const std::string& to) {
  constexpr std::size_t kFileBytesMax = std::size_t{1} << 32;
  remove_if_there(to);
  make_output_folder(to);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(from, error))
    if (entry.is_regular_file() && !entry.is_symlink())
      write_whole(to + "/" + entry.path().filename().string(),
                  read_input(entry.path().string(), kFileBytesMax));
  if (error) throw UsageError(fmt::format("{}: cannot be read: {}", from, error.message()));
}

UniqueFd open_for_reading(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) fail(path);
  return fd;
}

void copy_data(int to, int from) {
  constexpr std::size_t kPage = 4096;
  static constexpr std::array<char, kPage> kZeroes{};
  std::vector<char> buffer(256 * kPage);
  struct stat status {};
  if (::fstat(from, &status) != 0) fail("size of a file");
  if (::ftruncate(to, status.st_size) != 0) fail("sizing a file");
  const auto next = [from](off_t at, int what) {  // -1: nothing but holes from there on
    const auto found = ::lseek(from, at, what);
    if (found < 0 && errno != ENXIO) fail("looking for the data of a file");
    return found;
  };
  off_t at = next(0, SEEK_DATA);
  while (at >= 0 && at < status.st_size) {
    const auto end = next(at, SEEK_HOLE);
    if (end <= at) throw InfraError("a file was cut while it was copied");
    while (at < end) {
      const auto want = std::min<off_t>(end - at, static_cast<off_t>(buffer.size()));
      const auto n = ::pread(from, buffer.data(), static_cast<std::size_t>(want), at);
      if (n == 0) throw InfraError("a file was cut while it was copied");
      if (n < 0) fail("reading a file");
      const auto got = static_cast<std::size_t>(n);
      const auto zero = [&](std::size_t i) {
        return std::memcmp(buffer.data() + i, kZeroes.data(), std::min(kPage, got - i)) == 0;
      };
      for (std::size_t i = 0; i < got;) {
        std::size_t end_of_run = i;
        while (end_of_run < got && !zero(end_of_run)) end_of_run += kPage;
        const auto size = std::min(end_of_run, got) - i;
        if (size > 0 && ::pwrite(to, buffer.data() + i, size, at + static_cast<off_t>(i)) !=
                            static_cast<ssize_t>(size))
          fail("writing a file");
        i = end_of_run + kPage;
      }
      at += n;
    }
    at = next(at, SEEK_DATA);
  }
}

void write_data(const std::string& path, int from) {
  const UniqueFd to(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!to) fail(path);
  copy_data(to.get(), from);
}

WaitingLock::WaitingLock(const std::string& path)
    : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (!fd_) fail(path);
  // Some network file systems know no such locks; then nothing guards the file.
  while (::flock(fd_.get(), LOCK_EX) != 0 && errno == EINTR) {
  }
}

FolderLock::FolderLock(const std::string& folder) {
  // A file of its own: closing any other descriptor of the database would drop SQLite's locks.
  const auto path = folder + "/results.lock";
  fd_ = UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd_) refuse(path, errno);
  // Some network file systems know no such locks; then nothing guards the folder.
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw OutputError(fmt::format(
        "{}: another migfuzz writes there; wait for its end or name another --output", folder));
}

}  // namespace migfuzz::io
