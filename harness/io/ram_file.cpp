#include "harness/io/ram_file.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

namespace migfuzz::io {
namespace {

// Of its own file system, without a name; empty where the kernel refuses any of it.
UniqueFd file_of_large_pages() {
  const UniqueFd tmpfs(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!tmpfs || ::fsconfig(tmpfs.get(), FSCONFIG_SET_STRING, "huge", "within_size", 0) != 0 ||
      ::fsconfig(tmpfs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return {};
  const UniqueFd root(::fsmount(tmpfs.get(), FSMOUNT_CLOEXEC, 0));
  if (!root) return {};
  return UniqueFd(::openat(root.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

}  // namespace

RamFile make_ram_file(std::uint64_t size_bytes, RamPages wanted) {
  if (wanted == RamPages::large)
    if (auto fd = file_of_large_pages();
        fd && ::ftruncate(fd.get(), static_cast<off_t>(size_bytes)) == 0)
      return {std::make_shared<MemoryFile>(std::move(fd)), RamPages::large};
  return {std::make_shared<MemoryFile>("ram", size_bytes), RamPages::small};
}

}  // namespace migfuzz::io
