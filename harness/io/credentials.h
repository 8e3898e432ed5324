// Credentials of one migration for QEMU's TLS: keys and certificates, made in process with GnuTLS,
// and the folders in which QEMU looks for them.
//
// The folders lie in a file system of their own (a tmpfs that is mounted nowhere), which QEMU
// reaches through an inherited descriptor: no name, nothing to delete, private keys gone with the
// last descriptor. Files are those of QEMU's "tls-creds" objects (qapi/crypto.json): keys.psk, or
// ca-cert.pem and {server,client}-{cert,key}.pem, and a server's dh-params.pem. Needs
// CAP_SYS_ADMIN in the user namespace that owns the mount namespace, which a worker has
// (sandbox.h), and Linux 5.2.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "harness/core/failures.h"
#include "harness/core/mode.h"
#include "harness/core/types.h"
#include "harness/io/fd.h"

namespace migfuzz::io {

/// What the source has to find in the destination's certificate (tls-hostname).
inline constexpr const char* kDestinationName = "destination.migration";

class CredentialFolders {
 public:
  /// Good credentials of both hosts. `kind` is not Credentials::none.
  explicit CredentialFolders(Credentials kind);

  /// Makes that host's bad credentials; the good ones stay beside them.
  void spoil(Side host, Distrust how);
  /// Value of QEMU's -object for that host's good or bad credentials. Empty: it has none, so that
  /// it does not speak TLS at all.
  std::string object(Side host, const std::string& id, bool good) const;
  /// Each process that is started with such an object has to inherit it.
  int fd() const { return root_.get(); }

 private:
  struct Maker;
  static std::string folder(Side host, bool good);
  bool speaks_no_tls(Side host, Distrust how) const;
  void make(Side host, std::optional<Distrust> bad);

  Credentials kind_;
  UniqueFd root_;
  std::string key_;               // PSK: the secret, as hexadecimal digits
  std::shared_ptr<Maker> maker_;  // X.509: the authority that both hosts trust
  std::optional<Distrust> bad_[2];  // of source and destination
};

}  // namespace migfuzz::io
