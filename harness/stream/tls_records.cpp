#include "harness/stream/tls_records.h"

#include "harness/stream/wire.h"

namespace migfuzz::stream {
namespace {

// RFC 8446, 5.1 and 5.2, and RFC 5246, 6.2.3: types 20 (change_cipher_spec) to 24 (heartbeat).
constexpr std::uint8_t kFirstType = 20, kApplicationData = 23, kLastType = 24;
constexpr std::size_t kHeaderBytes = 5;
constexpr std::uint16_t kContentsMost = (1u << 14) + 2048;

}  // namespace

SideParser::Frame TlsRecords::frame(Bytes header) {
  if (header.size() < kHeaderBytes) return {.header_bytes = kHeaderBytes};
  wire::Reader reader(header);
  const std::uint8_t type = reader.u8();
  const std::uint8_t major = reader.u8();
  reader.u8();
  const std::uint16_t length = reader.be16();
  if (type < kFirstType || type > kLastType || major != 3 || length > kContentsMost)
    return {.failure = "no TLS record"};
  Frame found{.header_bytes = kHeaderBytes, .bytes = kHeaderBytes + std::uint64_t{length}};
  data_seen_ = data_seen_ || type == kApplicationData;
  // Behind the first data a handshake record is a change of keys, and no place that plans name.
  if (data_seen_ && type != kApplicationData) return found;
  found.phase = data_seen_ ? Phase::precopy : Phase::reserve;
  found.points.push_back("record:" + std::to_string(data_seen_ ? ++data_ : ++handshakes_));
  found.middle = true;
  return found;
}

}  // namespace migfuzz::stream
