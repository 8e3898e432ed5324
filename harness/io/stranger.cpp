#include "harness/io/stranger.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gnutls/gnutls.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <random>

#include "harness/core/error.h"

namespace migfuzz::io {
namespace {

using Words = std::vector<std::byte>;
constexpr std::uint32_t kStreamMagic = 0x5145564d;   // "QEVM", migration/savevm.h
constexpr std::uint32_t kMultifdMagic = 0x11223344;  // MULTIFD_MAGIC, migration/multifd.h

void add_be32(Words& words, std::uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) words.push_back(static_cast<std::byte>(value >> shift));
}

void add_noise(Words& words, std::uint64_t seed, std::size_t bytes) {
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < bytes; ++i) words.push_back(static_cast<std::byte>(random()));
}

ssize_t keep(gnutls_transport_ptr_t words, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::byte*>(data);
  static_cast<Words*>(words)->insert(static_cast<Words*>(words)->end(), bytes, bytes + size);
  return static_cast<ssize_t>(size);
}

// What GnuTLS itself would say first, with its own priorities and nothing to show.
Words client_hello() {
  Words words;
  gnutls_session_t session = nullptr;
  gnutls_certificate_credentials_t nobody = nullptr;
  if (gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK) < 0 ||
      gnutls_certificate_allocate_credentials(&nobody) < 0)
    throw InfraError("a stranger's TLS session");
  gnutls_set_default_priority(session);
  gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, nobody);
  gnutls_transport_set_ptr(session, &words);
  gnutls_transport_set_push_function(session, keep);
  gnutls_transport_set_pull_function(session, [](gnutls_transport_ptr_t, void*, std::size_t) {
    errno = EAGAIN;
    return ssize_t{-1};
  });
  gnutls_handshake(session);  // comes as far as its first words
  gnutls_deinit(session);
  gnutls_certificate_free_credentials(nobody);
  if (words.size() < 64) throw InfraError("a stranger's TLS session said nothing");
  return words;
}

// Header, and the beginning of a configuration (migration/savevm.c).
Words cut_stream(std::uint64_t seed) {
  Words words;
  add_be32(words, kStreamMagic);
  add_be32(words, 3);
  words.push_back(std::byte{7});
  add_be32(words, 5);
  words.push_back(std::byte{'p'});
  words.resize(1 + seed % words.size());
  return words;
}

// MultiFDInit_t (migration/multifd.h): magic, version, uuid, channel, padding.
Words foreign_channel(std::uint64_t seed) {
  Words words;
  add_be32(words, kMultifdMagic);
  add_be32(words, 1);
  add_noise(words, seed, 16);
  words.push_back(static_cast<std::byte>(seed % 2));
  words.resize(words.size() + 7 + 4 * 8);
  return words;
}

}  // namespace

std::vector<std::byte> words_of(const Intrusion& stranger) {
  Words words;
  switch (stranger.what) {
    case Strange::nothing:
      return words;
    case Strange::noise:
      add_noise(words, stranger.seed, 1 + stranger.seed % 4096);
      return words;
    case Strange::stream:
      return cut_stream(stranger.seed);
    case Strange::side_channel:
      return foreign_channel(stranger.seed);
    case Strange::hello:
      return client_hello();
    case Strange::half_record:
      words = client_hello();
      words.resize(1 + stranger.seed % (words.size() - 1));
      return words;
  }
  return words;
}

Stranger::Stranger(UniqueFd fd, const std::string& address, std::uint16_t port,
                   const Intrusion& what)
    : fd_(std::move(fd)), words_(words_of(what)), stays_(what.stays) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1)
    throw InfraError("a stranger's address: " + address);
  const int rc = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
  if (rc != 0 && errno != EINPROGRESS) seen_.refused = true;
}

void Stranger::connected() {
  pollfd wait{fd_.get(), POLLOUT, 0};
  if (::poll(&wait, 1, 0) != 1) return;
  int status = 0;
  socklen_t size = sizeof status;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &status, &size);
  seen_.refused = status != 0;
  connected_ = status == 0;
}

void Stranger::say() {
  while (said_ < words_.size()) {
    const auto n = ::send(fd_.get(), words_.data() + said_, words_.size() - said_,
                          MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) {
      seen_.rejected = true;
      return;
    }
    said_ += static_cast<std::size_t>(n);
  }
  int waiting = 0;
  if (::ioctl(fd_.get(), SIOCOUTQ, &waiting) == 0 && waiting == 0) seen_.arrived = true;
}

void Stranger::listen() {
  std::byte answer[4096];
  const auto n = ::recv(fd_.get(), answer, sizeof answer, MSG_DONTWAIT);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) seen_.rejected = true;
}

IntrusionSight Stranger::look() {
  if (!fd_ || seen_.refused) return seen_;
  if (!connected_) connected();
  if (!connected_) return seen_;
  if (!seen_.arrived && !seen_.rejected) say();
  listen();
  if (seen_.rejected || (seen_.arrived && !stays_)) fd_.reset();
  return seen_;
}

}  // namespace migfuzz::io
