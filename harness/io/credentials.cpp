#include "harness/io/credentials.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <memory>
#include <type_traits>

#include "harness/core/error.h"

namespace migfuzz::io {
namespace {

constexpr const char* kUser = "migfuzz";  // of the pre-shared key
constexpr std::time_t kDay = 24 * 60 * 60;

// What an authority signs a certificate for.
enum class Role { authority, server, client };

void check(int rc, const char* what) {
  if (rc < 0) throw InfraError(fmt::format("credentials: {}: {}", what, gnutls_strerror(rc)));
}

struct KeyEnd {
  void operator()(gnutls_x509_privkey_t key) const { gnutls_x509_privkey_deinit(key); }
};
struct CertificateEnd {
  void operator()(gnutls_x509_crt_t one) const { gnutls_x509_crt_deinit(one); }
};
using Key = std::unique_ptr<gnutls_x509_privkey_int, KeyEnd>;
using Certificate = std::unique_ptr<gnutls_x509_crt_int, CertificateEnd>;

// ECDSA on P-256: a key costs a fraction of a millisecond, where RSA costs a hundred.
Key new_key() {
  gnutls_x509_privkey_t raw = nullptr;
  check(gnutls_x509_privkey_init(&raw), "a key");
  Key key(raw);
  const unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
  check(gnutls_x509_privkey_generate(raw, GNUTLS_PK_ECDSA, bits, 0), "making a key");
  return key;
}

std::string random_hex(std::size_t bytes) {
  std::string raw(bytes, '\0'), text;
  check(gnutls_rnd(GNUTLS_RND_KEY, raw.data(), raw.size()), "random numbers");
  for (const char c : raw) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::string take(gnutls_datum_t& datum) {
  std::string text(reinterpret_cast<const char*>(datum.data), datum.size);
  gnutls_free(datum.data);
  return text;
}

std::string pem_of(const Key& key) {
  gnutls_datum_t out{};
  check(gnutls_x509_privkey_export2(key.get(), GNUTLS_X509_FMT_PEM, &out), "writing a key");
  return take(out);
}

std::string pem_of(const Certificate& one) {
  gnutls_datum_t out{};
  check(gnutls_x509_crt_export2(one.get(), GNUTLS_X509_FMT_PEM, &out), "writing a certificate");
  return take(out);
}

// What QEMU looks at when it loads one (crypto/tlscredsx509.c): authority or not, its key's usage,
// its purpose, and the time.
void describe(gnutls_x509_crt_t one, Role role, bool expired) {
  const auto now = std::time(nullptr);
  unsigned char serial[8];
  check(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial), "a serial number");
  serial[0] = 1;  // a positive number
  check(gnutls_x509_crt_set_version(one, 3), "version");
  check(gnutls_x509_crt_set_serial(one, serial, sizeof serial), "serial number");
  check(gnutls_x509_crt_set_activation_time(one, now - 2 * kDay), "activation");
  check(gnutls_x509_crt_set_expiration_time(one, expired ? now - kDay : now + kDay), "expiration");
  const bool authority = role == Role::authority;
  check(gnutls_x509_crt_set_basic_constraints(one, authority, -1), "constraints");
  check(gnutls_x509_crt_set_key_usage(
            one, authority ? GNUTLS_KEY_KEY_CERT_SIGN
                           : GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT),
        "usage");
  const char* name = authority              ? "CN=authority of one migration"
                     : role == Role::server ? "CN=destination"
                                            : "CN=source";
  const char* wrong = nullptr;
  check(gnutls_x509_crt_set_dn(one, name, &wrong), "name");
  if (authority) return;
  check(gnutls_x509_crt_set_key_purpose_oid(
            one, role == Role::server ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT, 0),
        "purpose");
  if (role == Role::server)
    check(gnutls_x509_crt_set_subject_alt_name(one, GNUTLS_SAN_DNSNAME, kDestinationName,
                                               std::string_view(kDestinationName).size(),
                                               GNUTLS_FSAN_SET),
          "alternative name");
}

struct Signed {
  Key key;
  Certificate certificate;
};

Signed new_signed(Role role, const Signed* authority, bool expired) {
  gnutls_x509_crt_t raw = nullptr;
  check(gnutls_x509_crt_init(&raw), "a certificate");
  Signed made{new_key(), Certificate(raw)};
  describe(raw, role, expired);
  check(gnutls_x509_crt_set_key(raw, made.key.get()), "its key");
  const Signed& by = authority != nullptr ? *authority : made;
  check(gnutls_x509_crt_sign2(raw, by.certificate.get(), by.key.get(), GNUTLS_DIG_SHA256, 0),
        "signing");
  return made;
}

// A file system without a place in the tree. Nobody but those who have the descriptor reaches it.
UniqueFd private_file_system() {
  const UniqueFd configured(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!configured) fail("a file system for credentials (fsopen)");
  const auto set = [&](const char* key, const char* value) {
    if (::fsconfig(configured.get(), FSCONFIG_SET_STRING, key, value, 0) != 0)
      fail("a file system for credentials (fsconfig)");
  };
  set("size", "1m");
  set("mode", "0700");
  if (::fsconfig(configured.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    fail("a file system for credentials (create)");
  UniqueFd root(::fsmount(configured.get(), FSMOUNT_CLOEXEC,
                          MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  if (!root) fail("a file system for credentials (fsmount)");
  return root;
}

// Diffie-Hellman parameters of a server, as PEM: the group ffdhe2048 of RFC 7919. A QEMU that finds
// none makes some when it starts, up to more than a second with its main loop at a standstill
// (crypto/tlscreds.c, qcrypto_tls_creds_get_dh_params_file).
std::string known_group() {
  gnutls_dh_params_t raw = nullptr;
  check(gnutls_dh_params_init(&raw), "Diffie-Hellman parameters");
  const std::unique_ptr<std::remove_pointer_t<gnutls_dh_params_t>,
                        decltype(&gnutls_dh_params_deinit)>
      group(raw, gnutls_dh_params_deinit);
  check(gnutls_dh_params_import_raw2(raw, &gnutls_ffdhe_2048_group_prime,
                                     &gnutls_ffdhe_2048_group_generator,
                                     gnutls_ffdhe_2048_key_bits),
        "the group ffdhe2048");
  gnutls_datum_t out{};
  check(gnutls_dh_params_export2_pkcs3(raw, GNUTLS_X509_FMT_PEM, &out), "writing the group");
  return take(out);
}

void write_new(int root, const std::string& path, const std::string& text) {
  const UniqueFd file(::openat(root, path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    fail("credentials: " + path);
}

}  // namespace

struct CredentialFolders::Maker {
  Signed authority = new_signed(Role::authority, nullptr, false);
};

CredentialFolders::CredentialFolders(Credentials kind) : kind_(kind), root_(private_file_system()) {
  if (kind == Credentials::psk)
    key_ = random_hex(32);
  else
    maker_ = std::make_shared<Maker>();
  for (const auto host : {Side::source, Side::destination}) make(host, std::nullopt);
}

std::string CredentialFolders::folder(Side host, bool good) {
  return std::string(to_string(host)) + (good ? "" : "-bad");
}

void CredentialFolders::spoil(Side host, Distrust how) {
  auto& bad = bad_[host == Side::destination];
  if (bad) throw InfraError("credentials of one host are spoiled once");
  bad = how;
  if (!speaks_no_tls(host, how)) make(host, how);
}

// QEMU does not start as a client without its key, nor as a server without a certificate.
bool CredentialFolders::speaks_no_tls(Side host, Distrust how) const {
  return how == Distrust::missing &&
         (kind_ == Credentials::psk) == (host == Side::source);
}

void CredentialFolders::make(Side host, std::optional<Distrust> bad) {
  const auto in = folder(host, !bad) + "/";
  if (::mkdirat(root_.get(), in.c_str(), 0700) != 0) fail("credentials: " + in);
  const auto write = [&](const std::string& name, const std::string& text) {
    write_new(root_.get(), in + name, text);
  };
  if (host == Side::destination) write("dh-params.pem", known_group());
  if (kind_ == Credentials::psk) {
    // A server reads its file at the handshake; one that knows somebody else only has no key.
    const char* user = bad == Distrust::missing ? "nobody" : kUser;
    return write("keys.psk", fmt::format("{}:{}\n", user, bad ? random_hex(32) : key_));
  }
  write("ca-cert.pem", pem_of(maker_->authority.certificate));
  if (bad == Distrust::missing) return;
  const bool source = host == Side::source;
  std::optional<Maker> stranger;
  if (bad == Distrust::wrong) stranger.emplace();
  const auto& authority = stranger ? stranger->authority : maker_->authority;
  const auto own =
      new_signed(source ? Role::client : Role::server, &authority, bad == Distrust::expired);
  const std::string name = source ? "client" : "server";
  write(name + "-key.pem", pem_of(own.key));
  write(name + "-cert.pem", pem_of(own.certificate));
}

std::string CredentialFolders::object(Side host, const std::string& id, bool good) const {
  const auto& bad = bad_[host == Side::destination];
  if (!good && (!bad || speaks_no_tls(host, *bad))) return "";
  const bool psk = kind_ == Credentials::psk;
  const bool source = host == Side::source;
  auto text =
      fmt::format("tls-creds-{},id={},dir={}/{},endpoint={}", psk ? "psk" : "x509", id,
                  path_of(fd()), folder(host, good), source ? "client" : "server");
  if (psk) return text + (source ? fmt::format(",username={}", kUser) : "");
  text += ",verify-peer=on";
  // QEMU would not start with one that it sees to be bad; its peer has to see that.
  return text + (good ? "" : ",sanity-check=off");
}

}  // namespace migfuzz::io
