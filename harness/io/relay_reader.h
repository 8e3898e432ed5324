// One direction of a lane as it is understood: bytes in, points out.
//
// The lane forwards nothing beyond settled(), so it knows each point before the first byte behind
// it has passed. What lies behind a Reader differs with the lane: QEMU's main stream, its return
// path, multifd's packets, the pages of post-copy's preempt channel, or nothing that can be
// understood.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/point.h"
#include "harness/core/sight.h"
#include "harness/stream/parser.h"
#include "harness/stream/return_path.h"

namespace migfuzz::io {

class Reader {
 public:
  struct Hit {
    Phase phase = Phase::precopy;
    std::string name;
    std::uint64_t offset = 0;
  };
  virtual ~Reader() = default;
  virtual void feed(Bytes bytes) = 0;
  /// The sender has ended.
  virtual void finish() {}
  virtual std::vector<Hit> take_points() = 0;
  virtual std::vector<stream::PageHit> take_pages() { return {}; }
  virtual std::uint64_t settled() const = 0;
  virtual std::string failure() const { return ""; }  // empty: it understands what passes
  /// Where the end mark ends; 0: it has not come.
  virtual std::uint64_t eof() const { return 0; }
  virtual std::optional<PagesAfterSwitch> pages_after_switch() const { return std::nullopt; }
  /// Points of which only those are reported that somebody wants.
  virtual void want(const Point&) {}
  /// A side channel counts its packets from 1 again: the switch-over was allowed.
  virtual void switchover_allowed() {}
  /// In post-copy the destination was told to run: pages and requests count from here on, and
  /// before it none of them is a point.
  virtual void destination_runs() {}
};

/// `runs`: the destination had been told to run before this channel was there (a recovered one).
std::unique_ptr<Reader> main_reader(std::shared_ptr<stream::Parser> parser,
                                    std::function<void(const stream::Item&)> item, bool runs);
std::unique_ptr<Reader> return_reader(std::shared_ptr<stream::ReturnPathParser> parser,
                                      std::function<void(const stream::ReturnMessage&)> message,
                                      bool runs);
/// By the name of the side channel: "multifd:0", "preempt".
std::unique_ptr<Reader> side_reader(const std::string& channel);
/// Of an encrypted channel only TLS's records are seen.
std::unique_ptr<Reader> records_reader();
/// Everything passes, nothing is known of it.
std::unique_ptr<Reader> opaque_reader();

}  // namespace migfuzz::io
