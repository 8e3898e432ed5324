#include "harness/io/digest.h"

#include <fmt/format.h>
#include <gnutls/crypto.h>
#include <sys/stat.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "harness/core/error.h"

namespace migfuzz::io {

std::string sha256(Bytes bytes) {
  std::array<unsigned char, 32> digest{};
  if (gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes.data(), bytes.size(), digest.data()) != 0)
    throw InfraError("GnuTLS has no SHA-256");
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

std::string identity_of(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  struct stat status {};
  if (!real || ::stat(real.get(), &status) != 0) return path;
  return fmt::format("{} {} {}.{:09}", real.get(), status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec);
}

}  // namespace migfuzz::io
