// Points: exact places inside a phase, as a plan and the command line name them.
//
// Grammar: PHASE "/" NAME [ "+" BYTES ], e.g. "stopcopy/device:virtio-blk/middle", "commit/eof+3".
// A trigger is a point and which occurrence of it: "precopy/page:100" or "…#2" for the second time.
// Device names match QEMU's idstr by its last path component without instance:
// "0000:00:03.0/virtio-net" is `virtio-net`, "cpu" is `cpu`; first and last device are
// `device:first/…` and `device:last/…`.
#pragma once

#include <string>
#include <vector>

#include "harness/core/types.h"

namespace migfuzz {

struct Point {
  Phase phase = Phase::stopcopy;
  std::string name = "enter";
  std::uint64_t plus_bytes = 0;
  bool operator==(const Point&) const = default;
};

struct Trigger {
  Point point;
  std::uint32_t nth = 1;  // 1 = the first time
  bool operator==(const Trigger&) const = default;
};

std::string to_string(const Point& point);
std::string to_string(const Trigger& trigger);
/// Throws UsageError with the nearest names when `text` is not a point.
Point point_from(std::string_view text);
Trigger trigger_from(std::string_view text);

/// A kind of point with its one-line explanation, for `list points`.
struct PointKind {
  Phase phase;
  std::string_view pattern;  // "device:NAME/begin", "pass:N", "enter"
  std::string_view summary;
  enum class Place { stream, return_path, manager, side_channel, file } place = Place::stream;
};
/// The point is one of a side channel (multifd's, or post-copy's for urgent pages), counted there.
bool on_side_channel(const Point& point);
/// The manager stands there in a mode that goes through a file, and in no other.
bool at_file(const Point& point);
/// False for places that are no offset: the manager stands there, and `+BYTES` has no meaning.
bool in_stream(const Point& point);
/// `migrate` is not sent yet.
bool before_migrate(const Point& point);
std::span<const PointKind> all_point_kinds();

}  // namespace migfuzz
