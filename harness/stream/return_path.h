// The return path: messages from destination to source, be16 type, be16 length, payload.
//
// Pure and incremental like the main parser, and like it never throws on hostile bytes. Message
// types are MIG_RP_MSG_* of QEMU's migration/migration.h. A good pre-copy return path is PONG(1)
// and then SHUT(0). A type that this version does not know passes as long as its length is sane.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "harness/core/types.h"

namespace migfuzz::stream {

struct ReturnMessage {
  std::uint16_t type = 0;
  std::uint64_t begin = 0;  // offset of the first byte of the message
  std::uint64_t end = 0;    // one past the last byte; RECV_BITMAP: of the bitmap that follows it
  std::uint32_t value = 0;  // SHUT, PONG: the be32 payload
  std::string name;         // "shut", "pong", …; "type-N" for one this version does not know
};

class ReturnPathParser {
 public:
  ReturnPathParser();
  ~ReturnPathParser();
  ReturnPathParser(const ReturnPathParser&) = delete;
  ReturnPathParser& operator=(const ReturnPathParser&) = delete;
  void feed(Bytes bytes);
  /// Complete messages, in order.
  std::vector<ReturnMessage> take_messages();
  /// Points of phase `commit` on this channel: "ack" (before SHUT's first byte), reported as soon
  /// as the message type is known, and "ack-end", when the message is complete.
  struct Hit {
    std::string name;
    std::uint64_t offset;
  };
  std::vector<Hit> take_points();
  std::uint64_t fed() const;
  std::uint64_t settled() const;  // as Parser::settled(): only a type cut in two is held back
  bool failed() const;
  std::string failure() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace migfuzz::stream
