#include "harness/io/small_volume.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace migfuzz::io {
namespace {

UniqueFd nameless_file(int mount_fd) {
  return UniqueFd(::openat(mount_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

}  // namespace

SmallVolume::SmallVolume(std::uint64_t file_bytes, std::uint64_t room_bytes)
    : room_bytes_(room_bytes), context_(::fsopen("tmpfs", FSOPEN_CLOEXEC)) {
  if (!context_) fail("small volume: fsopen");
  const auto size = std::to_string(room_bytes_);
  if (::fsconfig(context_.get(), FSCONFIG_SET_STRING, "size", size.c_str(), 0) != 0 ||
      ::fsconfig(context_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    fail("small volume: fsconfig");
  mount_ = UniqueFd(::fsmount(context_.get(), FSMOUNT_CLOEXEC, 0));
  if (!mount_) fail("small volume: fsmount");
  file_ = nameless_file(mount_.get());
  ballast_ = nameless_file(mount_.get());
  if (!file_ || !ballast_) fail("small volume: O_TMPFILE");
  // A size of 0 is no limit: something has to be in use.
  if (::pwrite(ballast_.get(), "x", 1, 0) != 1) fail("small volume: its first page");
  if (file_bytes != 0 && ::ftruncate(file_.get(), static_cast<off_t>(file_bytes)) != 0)
    fail("small volume: sizing its file");
}

void SmallVolume::resize(std::uint64_t bytes) {
  const auto text = std::to_string(bytes);
  const UniqueFd again(::fspick(mount_.get(), "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC));
  if (!again) fail("small volume: fspick");
  if (::fsconfig(again.get(), FSCONFIG_SET_STRING, "size", text.c_str(), 0) != 0 ||
      ::fsconfig(again.get(), FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) != 0)
    fail("small volume: resizing to " + text + " bytes");
}

void SmallVolume::fill() {
  // Somebody may write between the look and the resizing, which is then refused.
  constexpr int kTries = 20;
  for (int i = 0;; ++i) {
    struct statfs now {};
    if (::fstatfs(mount_.get(), &now) != 0) fail("small volume: fstatfs");
    try {
      return resize((now.f_blocks - now.f_bfree) * static_cast<std::uint64_t>(now.f_bsize));
    } catch (...) {
      if (i == kTries) throw;
    }
  }
}

void SmallVolume::make_room() { resize(room_bytes_); }

std::string SmallVolume::refusal() const {
  const auto probe = nameless_file(mount_.get());
  if (!probe) return std::strerror(errno);
  return ::pwrite(probe.get(), "x", 1, 0) == 1 ? "" : std::strerror(errno);
}

namespace {

struct stat state_of(int fd) {
  struct stat now {};
  if (::fstat(fd, &now) != 0) fail("small volume: fstat");
  return now;
}

}  // namespace

std::uint64_t SmallVolume::file_bytes() const {
  return static_cast<std::uint64_t>(state_of(file_.get()).st_size);
}

std::int64_t SmallVolume::changed_ns() const {
  const auto at = state_of(file_.get()).st_mtim;
  return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

}  // namespace migfuzz::io
