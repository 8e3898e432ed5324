#include "harness/io/image_lock.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <fstream>
#include <string>

namespace migfuzz::io {
namespace {

// block/file-posix.c: RAW_LOCK_PERM_BASE, RAW_LOCK_SHARED_BASE; block/block-common.h:
// BLK_PERM_WRITE is bit 1.
constexpr off_t kWrites = 100 + 1;
constexpr off_t kLetsNobodyWrite = 200 + 1;

struct flock one_byte(short type, off_t at) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = at;
  lock.l_len = 1;
  return lock;
}

void set(int fd, short type) {
  for (const auto at : {kWrites, kLetsNobodyWrite}) {
    auto lock = one_byte(type, at);
    if (::fcntl(fd, F_OFD_SETLK, &lock) != 0) fail("locking the image");
  }
}

}  // namespace

ImageLock::ImageLock(int image_fd) : own_(reopen(image_fd)) {}
void ImageLock::take() { set(own_.get(), F_RDLCK); }
void ImageLock::give_back() { set(own_.get(), F_UNLCK); }

bool ImageLock::held() const {
  // The hosts lock the same bytes, and F_OFD_GETLK does not say whose it found: this description's
  // own locks are those that its fdinfo lists.
  std::ifstream info(fmt::format("/proc/self/fdinfo/{}", own_.get()));
  bool own = false;
  for (std::string line; std::getline(info, line);) own = own || line.starts_with("lock:");
  const auto other = reopen(own_.get());
  auto lock = one_byte(F_WRLCK, kLetsNobodyWrite);
  if (::fcntl(other.get(), F_OFD_GETLK, &lock) != 0) fail("looking at the image's lock");
  return own && lock.l_type != F_UNLCK;
}

}  // namespace migfuzz::io
