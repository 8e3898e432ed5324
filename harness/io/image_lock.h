// QEMU's image lock, as another writer would hold it.
//
// QEMU guards an image file with open-file-description locks on single bytes (block/file-posix.c):
// a shared lock at 100+n says "I use permission n", one at 200+n "I let nobody else use it"; n = 1
// is writing (BLK_PERM_WRITE). Who wants to write looks for the second, who wants to be alone for
// the first. Locks belong to an open file description: a third party needs one of its own, and so
// does who looks.
#pragma once

#include "harness/io/fd.h"

namespace migfuzz::io {

class ImageLock {
 public:
  /// Opens a description of its own of that file.
  explicit ImageLock(int image_fd);
  void take();
  void give_back();
  /// This lock stands in the kernel's list, and another description is refused because of it.
  bool held() const;

 private:
  UniqueFd own_;
};

}  // namespace migfuzz::io
