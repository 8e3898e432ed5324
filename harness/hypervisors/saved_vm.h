// A VM whose guest was booted once and saved, so that every case can go on from there.
//
// Saved are its RAM (non-zero pages of it), its disk, and the state of its devices as a stream
// without RAM (capability x-ignore-shared). They lie in files of the user's cache, one folder for
// each combination of what they depend on: QEMU's binary, accelerator, machine type, RAM size and
// the guest's own files; `made-of` in the folder says which. A folder appears whole or not at all,
// and one process at a time boots. It may be deleted at any time.
//
// A case gets copies: RAM into its own memory file, which stays shared with QEMU, so that it can be
// examined whatever becomes of the process (a private mapping would be faster, and gone with it).
#pragma once

#include <string>

#include "harness/hypervisors/qemu_host.h"
#include "harness/io/fd.h"

namespace migfuzz {

struct SavedVm {
  io::UniqueFd ram, disk, devices;
  unsigned boots = 0;  // that this call made: 0 where it was there, more than one after a hang
};

/// Takes it from the cache, or boots the guest of `like` (its binary, accelerator, machine, shape
/// and guest) and saves it. A boot that hangs is ended and tried again, `kBootsMost` times in all.
/// Throws InfraError with QEMU's or the guest's words, or when the cache cannot be written.
SavedVm saved_vm(io::Loop& loop, const QemuHostSpec& like);

inline constexpr unsigned kBootsMost = 3;

/// Brings a host that was started with `incoming` and `paused`, on a copy of the saved disk, to
/// where the VM was saved, wakes its guest and lets it run. Throws InfraError with QEMU's words.
void go_on_from(const SavedVm& saved, QemuHost& host, const Guest::RamWrite& wake,
                Clock::time_point deadline);

}  // namespace migfuzz
