// `migfuzz watch DIR`: follows a running campaign from another terminal.
#pragma once

#include <string>

namespace migfuzz {

struct WatchRequest {
  std::string folder;
  bool once = false;  // one state, then the end
};

/// Prints until the run ends; returns its exit status, 3 where it was killed, with `once` 0. Throws
/// UsageError for a folder that is none of migfuzz.
int watch(const WatchRequest& request);

}  // namespace migfuzz
