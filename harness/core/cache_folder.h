// Where migfuzz keeps what can be made again: $XDG_CACHE_HOME/migfuzz, else ~/.cache/migfuzz
// (XDG Base Directory Specification). The scripts of scripts/fetch-* use the same folder.
#pragma once

#include <cstdlib>
#include <string>

namespace migfuzz {

inline std::string cache_folder() {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache != '\0') return std::string(cache) + "/migfuzz";
  const char* const home = std::getenv("HOME");
  return std::string(home != nullptr ? home : "") + "/.cache/migfuzz";
}

}  // namespace migfuzz
