#include "harness/io/locks.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>

namespace migfuzz::io {

bool is_locked(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return false;
  // "1: FLOCK  ADVISORY  WRITE 4711 fe:00:123456 0 EOF". The number of the file is enough: on some
  // file systems stat(2) calls the device otherwise.
  const auto number = fmt::format(":{} ", file.st_ino);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);)
    if (line.find("FLOCK") != line.npos && line.find(number) != line.npos) return true;
  return false;
}

}  // namespace migfuzz::io
