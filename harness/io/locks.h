// Whether somebody holds a lock on a file, without trying to take it: that could keep its owner
// out.
#pragma once

#include <string>

namespace migfuzz::io {

/// As the kernel lists the locks of flock(2) in /proc/locks. One that is held in another container
/// is not seen; a file that is not there is not locked.
bool is_locked(const std::string& path);

}  // namespace migfuzz::io
