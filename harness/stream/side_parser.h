// Parsers of channels that are one frame after the other: multifd's, post-copy's for urgent pages,
// and any channel under TLS. Bytes in, points out.
//
// Pure and incremental like stream::Parser, with the same rules: any split gives the same points,
// settled() stands at a frame's first byte until the frame's size and points are known, and hostile
// bytes fail the parser and never throw. Memory is bounded: only a frame's header is kept (at most
// 328 bytes), its contents are skipped by a counter.
//
// A kind of channel says how a frame begins, in frame(); everything else is here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/types.h"

namespace migfuzz::stream {

class SideParser {
 public:
  struct Hit {
    std::optional<Phase> phase;  // nothing: that of the migration, which this channel cannot see
    std::string name;            // "packet:3", "preempt-page:1", "record:2/middle", …
    std::uint64_t offset = 0;    // forwarding exactly this many bytes stands at the point
  };

  SideParser() = default;
  virtual ~SideParser() = default;
  SideParser(const SideParser&) = delete;
  SideParser& operator=(const SideParser&) = delete;

  void feed(Bytes bytes);
  /// In ascending offset order.
  std::vector<Hit> take_points();
  /// Frames that begin after what was fed are counted from 1 again (the phase has changed).
  virtual void restart_count() = 0;
  std::uint64_t fed() const { return fed_; }
  /// As stream::Parser's: every point before it was reported; one exactly at it may still come.
  std::uint64_t settled() const { return pos_; }
  bool failed() const { return !failure_.empty(); }
  std::string failure() const { return failure_; }

 protected:
  struct Frame {
    std::size_t header_bytes = 0;       // that are needed to say more
    std::uint64_t bytes = 0;            // of the whole frame; 0: not known with the header so far
    std::optional<Phase> phase{};       // of the points
    std::vector<std::string> points{};  // at the frame's first byte
    bool middle = false;                // and NAME/middle, of the first of them
    std::string failure{};
  };
  /// `header` begins at the frame's first byte and is as long as the last answer asked for, at
  /// first empty. A frame is at least as long as the header that was asked for.
  virtual Frame frame(Bytes header) = 0;

 private:
  void take_header(Bytes& bytes);
  void begin(const Frame& frame);

  std::vector<Hit> points_;
  std::string failure_;
  std::uint64_t fed_ = 0, pos_ = 0;
  std::vector<std::byte> header_;
  std::uint64_t to_middle_ = 0, to_end_ = 0;  // bytes of the frame that were not passed yet
  std::optional<Hit> middle_;
};

}  // namespace migfuzz::stream
