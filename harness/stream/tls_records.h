// A channel under TLS, seen from outside: records of type, version, be16 length, contents.
//
// Points: `record:N` and `record:N/middle`. Phase reserve: the N-th record from the first byte on,
// until the first one of application data; phase precopy: the N-th one of application data. TLS 1.3
// hides the end of its handshake in such records (RFC 8446, 5.1), so the first ones of precopy may
// still be part of it. What the records hold nobody but their ends can see. Each direction of a
// channel has a parser of its own.
#pragma once

#include "harness/stream/side_parser.h"

namespace migfuzz::stream {

class TlsRecords final : public SideParser {
 public:
  void restart_count() override { handshakes_ = data_ = 0; }

 protected:
  Frame frame(Bytes header) override;

 private:
  std::uint64_t handshakes_ = 0, data_ = 0;
  bool data_seen_ = false;
};

}  // namespace migfuzz::stream
