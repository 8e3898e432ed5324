// What tells files and bytes apart: SHA-256 (GnuTLS's), and the identity of a file by its path,
// size and time, which costs no reading.
#pragma once

#include <string>

#include "harness/core/types.h"

namespace migfuzz::io {

/// 64 hexadecimal digits.
std::string sha256(Bytes bytes);
/// "PATH SIZE MTIME" of the file behind all links; only the path when there is none.
std::string identity_of(const std::string& path);

}  // namespace migfuzz::io
