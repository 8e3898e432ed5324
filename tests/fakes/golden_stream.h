// Reads a recorded stream of tests/golden/streams, by its name without ".gz".
//
// MIGFUZZ_SOURCE_DIR is the root of the checkout; without it the test must run there.
#pragma once

#include <zlib.h>

#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#ifndef MIGFUZZ_SOURCE_DIR
#define MIGFUZZ_SOURCE_DIR "."
#endif

namespace migfuzz::fakes {

inline std::vector<std::string> golden_streams() {
  return {"qemu-7.2-file",
          "qemu-7.2-return-path",
          "qemu-7.2-to-10.0",
          "qemu-7.2-xbzrle",
          "qemu-10.0-file",
          "qemu-10.0-return-path",
          "qemu-10.0-q35-postcopy-advised"};
}

/// Post-copies that broke behind the package, up to the break: those of the channel that the source
/// opened then are NAME-recovered, its return path is NAME-recovered-back.
inline std::vector<std::string> golden_postcopies() {
  return {"qemu-7.2-postcopy", "qemu-10.0-postcopy"};
}

inline std::vector<std::byte> golden_stream(const std::string& name) {
  const std::string path = MIGFUZZ_SOURCE_DIR "/tests/golden/streams/" + name + ".gz";
  const gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("cannot open " + path);
  std::vector<std::byte> bytes;
  std::array<std::byte, 65536> chunk;
  int got = 0;
  while ((got = gzread(file, chunk.data(), chunk.size())) > 0)
    bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + got);
  gzclose(file);
  if (got < 0 || bytes.empty()) throw std::runtime_error("cannot read " + path);
  return bytes;
}

}  // namespace migfuzz::fakes
