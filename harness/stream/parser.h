// QEMU's migration stream, main channel: bytes in, items and points out.
//
// Pure and incremental: feed() takes any split of the stream and gives the same items. Never throws
// on hostile bytes: the parser reports `failed()` with the offset and the reason, and stays there.
// The wire format is QEMU's migration/savevm.c, migration/ram.c and docs/devel/migration; all
// integers are big-endian. Versions covered: stream version 3 as QEMU 7.2 to 10.0 write it.
//
// A device section (SECTION_FULL) carries no length, so its end is only known after a look-ahead;
// `settled()` says up to which offset the stream is already understood. A relay that stops at
// points must never forward beyond it. Memory is bounded: page contents are skipped, not kept, and
// a section that does not end within 64 MiB is a failure.
//
// Post-copy's package is items too, so its devices are found like the others, at their offsets in
// the whole stream. After a break the source opens a channel that has no header and goes on with
// sections that the old one began: next_channel() makes its parser. Where post-copy may follow,
// SWITCHOVER_START settles with the next byte, which tells whether stop-and-copy begins.
//
// Limits: no mapped-ram, COLO, RDMA or TLS, 4 KiB target pages. With suppress-vmdesc
// the last device settles only at finish(), since one zero byte alone does not prove the end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/types.h"

namespace migfuzz::stream {

/// One thing found in the stream. Offsets are bytes from the first byte of the channel.
struct Item {
  enum class Kind {
    header,
    configuration,
    section_start,
    section_part,
    section_end,
    section_full,
    command,
    eof,
    vmdescription
  };
  Kind kind = Kind::header;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  // one past the last byte; a section's footer belongs to it
  std::string idstr;      // sections: QEMU's idstr ("ram", "cpu", "0000:00:03.0/virtio-net")
  std::uint32_t section_id = 0;
  std::uint32_t instance_id = 0;
  std::uint16_t command = 0;  // command only
};

/// "section_full", "eof", …: the name of a `stream` event.
std::string_view to_string(Item::Kind kind);

/// A place a plan can name (without its phase): "enter", "ram-end", "device:cpu/begin".
struct PointHit {
  Phase phase = Phase::reserve;
  std::string name;
  std::uint64_t offset = 0;  // forwarding exactly this many bytes stands at the point
};

/// A page record with content, as seen on the wire (PAGE flag): where its 4096 bytes lie.
struct PageHit {
  std::string block;              // RAM block, e.g. "pc.ram"
  std::uint64_t address = 0;      // offset in the block, bytes
  std::uint64_t data_offset = 0;  // stream offset of the first content byte
};

class Parser {
 public:
  Parser();
  ~Parser();
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  /// Consumes bytes; what they reveal is appended to the queues below.
  void feed(Bytes bytes);
  /// The sender closed: settles what waited for look-ahead, and so everything that was fed. What
  /// is incomplete then (the channel broke in the middle) has no item and is not a failure.
  /// feed() after finish() is a bug of the caller and throws std::logic_error.
  void finish();

  /// Asks for the point `page:N`: the word that begins the N-th (1-based) record with content, of
  /// pre-copy's PARTs, of post-copy behind the package, or (phase `recover`) of this channel. Only
  /// pages asked for before their bytes are fed are reported; one point for every page would be
  /// too many.
  void want_page(std::uint64_t n, Phase phase = Phase::precopy);
  /// The destination's `number`-th request was for that page. The N-th record, with content or
  /// zero, that answers such a request is the point `postcopy/answer:N`. A page that was on its way
  /// already gives none; more than 65536 open requests are not kept, and a new channel counts none.
  void expect_page(std::string block, std::uint64_t address, std::uint64_t number);

  /// Records of post-copy are counted from 1 again, those that answer requests too.
  void restart_count();

  /// The parser of the channel that the source opens after this one broke in post-copy. It knows
  /// this one's sections and blocks; offsets and pages count from 0 again, nothing is wanted yet.
  std::unique_ptr<Parser> next_channel() const;

  /// Drained by the caller; each in ascending offset order.
  std::vector<Item> take_items();  // no per-page items: pages are in take_pages()
  std::vector<PointHit> take_points();
  std::vector<PageHit> take_pages();

  std::uint64_t fed() const;  // bytes consumed so far
  /// Every point at an offset < settled() has been reported, and none will be any more. One at
  /// exactly settled() may still come: it names what the next byte begins. Never decreases.
  /// After a failure it stays where the parser understood last.
  std::uint64_t settled() const;
  bool failed() const;           // the stream is not one this parser understands
  std::string failure() const;   // offset and reason, one line
  /// Of a post-copy: pages with content or zero behind its beginning, and those of them that had
  /// been sent before; more than a million different ones are not told apart.
  std::uint64_t postcopy_pages() const, postcopy_pages_again() const;
  std::uint32_t passes() const;  // RAM passes seen in PART sections (1 = first)
  bool eof_seen() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace migfuzz::stream
