// Credentials: both hosts trust each other's, and no one trusts what was spoiled. GnuTLS itself is
// the judge, in a handshake over a socket pair, from the files that QEMU would read.
//
// Runs inside a worker's namespaces, where the folders can be made; skipped with a warning where
// there are none. Run alone: io_tests "[credentials]".
#include "harness/io/credentials.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/io/inside.h"

namespace migfuzz {
namespace {

namespace fs = std::filesystem;
using fakes::Report;
using io::CredentialFolders;

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The value of one option of an -object's value.
std::string option(const std::string& object, const std::string& name) {
  const auto at = object.find("," + name + "=");
  if (at == object.npos) return "";
  const auto from = at + name.size() + 2;
  return object.substr(from, object.find(',', from) - from);
}

// One end of a handshake, set up from what QEMU is told to use (crypto/tlssession.c).
struct End {
  End(const std::string& object, bool server, int fd) : is_server(server) {
    const fs::path dir = option(object, "dir");
    gnutls_init(&session, (server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK);
    if (object.starts_with("tls-creds-psk"))
      use_key(dir, option(object, "username"));
    else
      use_certificates(dir, server ? "server" : "client");
    gnutls_transport_set_int(session, fd);
  }
  ~End() { gnutls_deinit(session); }  // what it was given lives as long as the test's process
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  void use_key(const fs::path& dir, const std::string& user) {
    gnutls_priority_set_direct(session, "NORMAL:+ECDHE-PSK:+DHE-PSK:+PSK", nullptr);
    const auto file = (dir / "keys.psk").string();
    if (is_server) {
      gnutls_psk_server_credentials_t key = nullptr;
      gnutls_psk_allocate_server_credentials(&key);
      gnutls_psk_set_server_credentials_file(key, file.c_str());
      gnutls_credentials_set(session, GNUTLS_CRD_PSK, key);
      return;
    }
    auto secret = text_of(file);
    secret = secret.substr(secret.find(':') + 1, 64);
    gnutls_psk_client_credentials_t key = nullptr;
    gnutls_psk_allocate_client_credentials(&key);
    const gnutls_datum_t hex{reinterpret_cast<unsigned char*>(secret.data()), 64};
    gnutls_psk_set_client_credentials(key, user.c_str(), &hex, GNUTLS_PSK_KEY_HEX);
    gnutls_credentials_set(session, GNUTLS_CRD_PSK, key);
  }

  void use_certificates(const fs::path& dir, const std::string& role) {
    gnutls_set_default_priority(session);
    gnutls_certificate_credentials_t own = nullptr;
    gnutls_certificate_allocate_credentials(&own);
    gnutls_certificate_set_x509_trust_file(own, (dir / "ca-cert.pem").c_str(),
                                           GNUTLS_X509_FMT_PEM);
    if (fs::exists(dir / (role + "-cert.pem")))
      gnutls_certificate_set_x509_key_file(own, (dir / (role + "-cert.pem")).c_str(),
                                           (dir / (role + "-key.pem")).c_str(),
                                           GNUTLS_X509_FMT_PEM);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, own);
    gnutls_session_set_verify_cert(session, is_server ? nullptr : io::kDestinationName, 0);
    if (is_server) gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
  }

  // True while there is more to do.
  bool step() {
    if (result != GNUTLS_E_AGAIN) return false;
    const int rc = gnutls_handshake(session);
    if (rc != GNUTLS_E_INTERRUPTED && (rc == 0 || gnutls_error_is_fatal(rc) != 0)) {
      result = rc;
      if (rc < 0) gnutls_alert_send_appropriate(session, rc);
    }
    return true;
  }

  bool is_server;
  gnutls_session_t session = nullptr;
  int result = GNUTLS_E_AGAIN;
};

struct Trust {
  bool source = false, destination = false;  // each end's own handshake has succeeded
};

Trust handshake(const CredentialFolders& folders, bool good_source, bool good_destination) {
  const auto [one, other] = io::socket_pair();
  End source(folders.object(Side::source, "tls", good_source), false, one.get());
  End destination(folders.object(Side::destination, "tls", good_destination), true, other.get());
  for (int turn = 0; turn < 100; ++turn) {
    source.step();
    destination.step();
  }
  return {source.result == 0, destination.result == 0};
}

TEST_CASE("Hosts with good credentials trust each other, and one with bad ones is refused",
          "[credentials]") {
  fakes::check_inside([](const Report& report) {
    for (const auto kind : {Credentials::psk, Credentials::x509}) {
      const std::string name = kind == Credentials::psk ? "psk" : "x509";
      const CredentialFolders good(kind);
      const auto trust = handshake(good, true, true);
      report(trust.source && trust.destination, name + ": both trust");
      for (const auto how : {Distrust::wrong, Distrust::expired, Distrust::missing})
        for (const auto side : {Side::source, Side::destination}) {
          if (kind == Credentials::psk && how == Distrust::expired) continue;  // a key has no end
          CredentialFolders folders(kind);
          folders.spoil(side, how);
          const auto which = name + " " + std::to_string(static_cast<int>(how)) + " of the " +
                             std::string(to_string(side));
          const bool plain = folders.object(side, "tls", false).empty();
          const bool none_there =
              how == Distrust::missing && (kind == Credentials::psk) == (side == Side::source);
          report(plain == none_there, which + ": has credentials or speaks no TLS");
          if (plain) continue;
          const auto bad = handshake(folders, side != Side::source, side != Side::destination);
          const bool peer_trusts = side == Side::source ? bad.destination : bad.source;
          report(!peer_trusts, which + ": refused by its peer");
          const auto still = handshake(folders, true, true);
          report(still.source && still.destination, which + ": the good ones are still good");
        }
    }
  });
}

TEST_CASE("A server need not make Diffie-Hellman parameters when it starts", "[credentials]") {
  fakes::check_inside([](const Report& report) {
    for (const auto kind : {Credentials::psk, Credentials::x509}) {
      const CredentialFolders folders(kind);
      const fs::path dir = option(folders.object(Side::destination, "tls", true), "dir");
      const auto text = text_of(dir / "dh-params.pem");
      gnutls_dh_params_t group = nullptr;
      gnutls_dh_params_init(&group);
      const gnutls_datum_t pem{reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
                               static_cast<unsigned>(text.size())};
      report(gnutls_dh_params_import_pkcs3(group, &pem, GNUTLS_X509_FMT_PEM) == GNUTLS_E_SUCCESS,
             "GnuTLS takes the group in dh-params.pem");
      gnutls_dh_params_deinit(group);
    }
  });
}

TEST_CASE("Private keys are for their owner only, and lie in no tree", "[credentials]") {
  fakes::check_inside([](const Report& report) {
    const CredentialFolders folders(Credentials::x509);
    unsigned files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(io::path_of(folders.fd()))) {
      struct stat about {};
      ::stat(entry.path().c_str(), &about);
      if (!entry.is_regular_file()) continue;
      ++files;
      report((about.st_mode & 0777) == 0600, entry.path().filename().string() + " is 0600");
    }
    report(files == 7, "an authority, a certificate and a key for each host, and a group");
    std::ifstream mounts("/proc/self/mountinfo");
    unsigned ours = 0;
    for (std::string line; std::getline(mounts, line);)
      if (line.find("size=1024k") != line.npos && line.find("tmpfs") != line.npos) ++ours;
    report(ours == 0, "no mount of that size in the tree");
  });
}

TEST_CASE("Credentials of a case cost less than a tenth of a second", "[credentials]") {
  fakes::check_inside([](const Report& report) {
    for (const auto kind : {Credentials::psk, Credentials::x509}) {
      auto least = Clock::duration::max();
      for (int i = 0; i < 10; ++i) {
        const auto begun = Clock::now();
        const CredentialFolders folders(kind);
        least = std::min(least, Clock::now() - begun);
      }
      const auto us = std::chrono::duration_cast<std::chrono::microseconds>(least).count();
      report(us < 100000, "best of ten: " + std::to_string(us) + " us");
    }
  });
}

}  // namespace
}  // namespace migfuzz
