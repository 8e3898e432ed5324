// The return path: messages from destination to source, be16 type, be16 length, payload.
//
// Pure and incremental like the main parser, and like it never throws on hostile bytes. Message
// types are MIG_RP_MSG_* of QEMU's migration/migration.h. A good pre-copy return path is PONG(1)
// and then SHUT(0); in post-copy requests of pages lie between; a recovered channel's begins with a
// bitmap of received pages for each RAM block and RESUME_ACK. A type that this version does not
// know passes as long as its length is sane.
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
  // REQ_PAGES and REQ_PAGES_ID: which pages; a request without a name means the block named last.
  std::string block;         // RECV_BITMAP too
  std::uint64_t start = 0;   // offset in the block, bytes
  std::uint32_t length = 0;  // bytes
  std::uint64_t number = 0;  // the N-th request that is counted
};

class ReturnPathParser {
 public:
  /// On a recovered channel requests go on counting: `requests_before` is the old one's requests().
  explicit ReturnPathParser(std::uint64_t requests_before = 0);
  ~ReturnPathParser();
  ReturnPathParser(const ReturnPathParser&) = delete;
  ReturnPathParser& operator=(const ReturnPathParser&) = delete;
  void feed(Bytes bytes);
  /// Complete messages, in order.
  std::vector<ReturnMessage> take_messages();
  /// Points of this channel. Those before a message are reported as soon as its type is known:
  /// commit/ack (SHUT), postcopy/request:N, recover/bitmap, recover/resume-ack. The others where
  /// they lie: commit/ack-end, and of each bitmap recover/bitmap-middle and recover/bitmap-end.
  struct Hit {
    Phase phase;
    std::string name;
    std::uint64_t offset;
  };
  std::vector<Hit> take_points();
  /// Requests are counted from 1 again.
  void restart_count();
  std::uint64_t requests() const;  // requests of pages counted so far, complete or not
  std::uint64_t fed() const;
  std::uint64_t settled() const;  // as Parser::settled(): only a type cut in two is held back
  bool failed() const;
  std::string failure() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace migfuzz::stream
