// The RAM of a VM as a file that outlives QEMU.
//
// Of pages of 2 MiB, where the kernel gives them: a tmpfs of the process's own, mounted nowhere,
// with huge=within_size (Documentation/admin-guide/mm/transhuge.rst). To prepare 96 MiB takes 5 ms
// instead of 65 there, and to give them back 0.3 ms instead of 22. Needs CAP_SYS_ADMIN over the
// own mount namespace, which a worker has; else, and where the kernel has no such pages, it is a
// plain memory file.
#pragma once

#include <cstdint>
#include <memory>

#include "harness/io/fd.h"

namespace migfuzz::io {

/// small: for whoever takes single pages away behind a mapping, as post-copy does (a part of a
/// large page that is punched out is cleared, not missing, where the kernel cannot split it then).
enum class RamPages { small, large };

struct RamFile {
  std::shared_ptr<MemoryFile> file;
  RamPages pages = RamPages::small;  // what it became
};

RamFile make_ram_file(std::uint64_t size_bytes, RamPages wanted);

}  // namespace migfuzz::io
