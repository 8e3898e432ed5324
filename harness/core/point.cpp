// The grammar of points and the catalog of their kinds.
//
// The catalog is the one truth: parsing matches a name against its patterns, so a point that `list
// points` shows can be written, and one that it does not show is refused. A pattern is literal text
// with at most one placeholder: N is a number from 1, NAME a device.
#include "harness/core/point.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "harness/core/error.h"

namespace migfuzz {
namespace {

using enum Phase;
constexpr auto kBack = PointKind::Place::return_path;
constexpr auto kManager = PointKind::Place::manager;
constexpr auto kFile = PointKind::Place::file;
constexpr auto kSide = PointKind::Place::side_channel;

constexpr auto kKinds = std::to_array<PointKind>({
    {storage, "job-start", "the mirror of the disk is about to be started", kManager},
    {storage, "mirroring", "the mirror runs and has not caught up", kManager},
    {storage, "ready", "the mirror has caught up; `migrate` is not sent yet", kManager},
    {storage, "pre-switchover", "the source stands; the mirror is not ended yet", kManager},
    {storage, "job-gone", "the mirror has ended; `migrate-continue` is not sent yet", kManager},
    {storage, "switched", "the destination is about to run on its own disk", kManager},
    {prepare, "ready", "both hosts are up; `migrate` is not sent yet", kManager},
    {prepare, "connected", "the channel is connected; nothing has passed"},
    {reserve, "first-byte", "before the first byte of the stream"},
    {reserve, "header-end", "after the 8 bytes of magic and version"},
    {reserve, "configuration-end", "after the machine's name and the configuration's subsections"},
    {reserve, "advise", "post-copy: before ADVISE, which announces it"},
    {reserve, "ram-setup-begin", "before RAM's SECTION_START, the list of RAM blocks"},
    {reserve, "ram-setup-end", "after RAM's SECTION_START; memory is announced, none is sent"},
    {reserve, "record:N", "TLS: before the N-th record, up to the first one of data"},
    {reserve, "record:N/middle", "TLS: in the middle of that record"},
    {precopy, "begin", "before the first RAM PART"},
    {precopy, "pass:N", "before the first page record of the N-th pass over memory"},
    {precopy, "page:N", "before the N-th page record that carries content"},
    {precopy, "record:N", "TLS: before the N-th record of application data"},
    {precopy, "record:N/middle", "TLS: in the middle of that record"},
    {precopy, "hello", "multifd: before the first byte of the side channel", kSide},
    {precopy, "packet:N", "multifd: before the N-th packet of the side channel", kSide},
    {precopy, "packet:N/middle", "multifd: in the middle of the N-th packet", kSide},
    {precopy, "sync:N", "multifd: before the N-th packet that synchronizes", kSide},
    {precopy, "saving", "file: the source has begun to save, slowly until it is let go", kFile},
    {stopcopy, "paused", "file: the source has stopped; its last pages and devices are not saved",
     kFile},
    {stopcopy, "packet:N", "multifd: the N-th packet since the switch-over was allowed", kSide},
    {stopcopy, "packet:N/middle", "multifd: in the middle of that packet", kSide},
    {stopcopy, "sync:N", "multifd: the N-th synchronizing packet since then", kSide},
    {stopcopy, "enter", "the source has stopped: before SWITCHOVER_START (QEMU 10.0) or RAM's END"},
    {stopcopy, "ram-end", "after RAM's END: all memory is sent, no device is"},
    {stopcopy, "device:first/begin", "before the state of the first device"},
    {stopcopy, "device:first/middle", "in the middle of the state of the first device"},
    {stopcopy, "device:first/end", "after the state of the first device"},
    {stopcopy, "device:NAME/begin", "before the state of device NAME"},
    {stopcopy, "device:NAME/middle", "in the middle of the state of device NAME"},
    {stopcopy, "device:NAME/end", "after the state of device NAME"},
    {stopcopy, "device:last/begin", "before the state of the last device"},
    {stopcopy, "device:last/middle", "in the middle of the state of the last device"},
    {stopcopy, "device:last/end", "after the state of the last device"},
    {stopcopy, "eof-begin", "before the end mark: only one byte is missing"},
    {postcopy, "discard", "before the first list of pages that the destination must discard"},
    {postcopy, "package-begin", "before the package: device state and the order to run"},
    {postcopy, "device:first/begin", "package: before the state of the first device"},
    {postcopy, "device:first/middle", "package: in the middle of the first device's state"},
    {postcopy, "device:first/end", "package: after the state of the first device"},
    {postcopy, "device:NAME/begin", "package: before the state of device NAME"},
    {postcopy, "device:NAME/middle", "package: in the middle of the state of device NAME"},
    {postcopy, "device:NAME/end", "package: after the state of device NAME"},
    {postcopy, "device:last/begin", "package: before the state of the last device"},
    {postcopy, "device:last/middle", "package: in the middle of the last device's state"},
    {postcopy, "device:last/end", "package: after the state of the last device"},
    {postcopy, "run", "package: before RUN, which lets the destination run"},
    {postcopy, "package-end", "after the package"},
    {postcopy, "page:N", "before the N-th page record with content since the destination runs"},
    {postcopy, "request:N", "return path: before the N-th request of a page since then", kBack},
    {postcopy, "answer:N", "before the N-th page that was asked for since then"},
    {postcopy, "preempt-page:N", "preempt channel: before the N-th page that was asked for", kSide},
    {postcopy, "last-page", "after the last page, before the mark that ends RAM"},
    {recover, "paused", "both hosts are paused; nobody was told to recover yet", kManager},
    {recover, "connected", "the new channel is connected; nothing has passed"},
    {recover, "bitmap-request", "before the source asks which pages have arrived"},
    {recover, "bitmap", "return path: before the destination's answer to that", kBack},
    {recover, "bitmap-middle", "return path: in the middle of the bitmap of pages", kBack},
    {recover, "bitmap-end", "return path: after the last bitmap of pages", kBack},
    {recover, "resume", "before RESUME, which tells the destination to go on"},
    {recover, "resume-ack", "return path: before the destination's answer to that", kBack},
    {recover, "page:N", "before the N-th page record with content of the new channel"},
    {commit, "eof", "after the end mark: the destination has the whole state"},
    {commit, "vmdesc-begin", "before the description of the devices that follows the state"},
    {commit, "vmdesc-middle", "in the middle of that description"},
    {commit, "vmdesc-end", "after that description, the last byte of the stream"},
    {commit, "ack", "return path: before the destination's acknowledgement (SHUT)", kBack},
    {commit, "ack-end", "return path: after the destination's acknowledgement (SHUT)", kBack},
    {commit, "file-complete", "file: the source has completed; nobody has read the file", kFile},
    {commit, "file-loaded", "file: the destination has loaded it and is not the owner yet", kFile},
    {activate, "before-cont", "handshake: handed over; the destination was not told yet", kManager},
    {activate, "cont-journalled", "handshake: `cont` is in the journal and not sent yet", kManager},
    {activate, "resumed", "the destination runs", kManager},
    {activate, "before-discard", "the destination runs; the source is about to be ended", kManager},
});

std::optional<std::uint64_t> number_from(std::string_view digits) {
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

/// A number from 1, written the one way in which the parser writes it.
bool is_ordinal(std::string_view digits) {
  return !digits.starts_with('0') && number_from(digits).has_value();
}

bool is_device_name(std::string_view name) {
  constexpr std::string_view extra = "-_.,:@";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           extra.find(c) != std::string_view::npos;
  });
}

struct Placeholder {
  std::string_view word;
  bool (*accepts)(std::string_view);
};
constexpr std::array<Placeholder, 2> kPlaceholders = {
    {{":NAME", is_device_name}, {":N", is_ordinal}}};

bool matches(std::string_view pattern, std::string_view name) {
  for (const auto& [word, accepts] : kPlaceholders) {
    const std::size_t at = pattern.find(word);
    if (at == std::string_view::npos) continue;
    const std::string_view before = pattern.substr(0, at + 1);
    const std::string_view after = pattern.substr(at + word.size());
    return name.size() > before.size() + after.size() && name.starts_with(before) &&
           name.ends_with(after) &&
           accepts(name.substr(before.size(), name.size() - before.size() - after.size()));
  }
  return pattern == name;
}

/// Every kind as PHASE/NAME. NAME and N become what `text` has in their place, so that a slip in
/// the rest is seen as the small one that it is.
std::vector<std::string> known_points(std::string_view text) {
  std::string_view given;
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    given = text.substr(colon + 1);
    given = given.substr(0, given.find_first_of("/+#"));
  }
  std::vector<std::string> known;
  for (const PointKind& kind : kKinds) {
    std::string point = std::string(to_string(kind.phase)) + "/" + std::string(kind.pattern);
    for (const auto& [word, accepts] : kPlaceholders) {
      const std::size_t at = point.find(word);
      if (at == std::string::npos) continue;
      if (accepts(given)) point.replace(at + 1, word.size() - 1, given);
      break;
    }
    known.push_back(std::move(point));
  }
  return known;
}

[[noreturn]] void refuse(std::string_view text) {
  std::string message = "--point: `" + std::string(text.substr(0, 200)) + "` is not a point";
  const std::vector<std::string> near =
      nearest(text.substr(0, text.find_first_of("+#")), known_points(text));
  for (std::size_t i = 0; i < near.size(); ++i)
    message += (i == 0 ? "; nearest: " : ", ") + near[i];
  throw UsageError(message + "; see `migfuzz list points`");
}

std::optional<Point> parse_point(std::string_view text) {
  Point point;
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<Phase> phase = phase_from(text.substr(0, slash));
  if (!phase) return std::nullopt;
  point.phase = *phase;
  std::string_view name = text.substr(slash + 1);
  if (const std::size_t plus = name.find('+'); plus != std::string_view::npos) {
    const std::optional<std::uint64_t> bytes = number_from(name.substr(plus + 1));
    if (!bytes) return std::nullopt;
    point.plus_bytes = *bytes;
    name = name.substr(0, plus);
  }
  const bool known = std::any_of(kKinds.begin(), kKinds.end(), [&](const PointKind& kind) {
    return kind.phase == point.phase && matches(kind.pattern, name);
  });
  if (!known) return std::nullopt;
  point.name = name;
  if (point.plus_bytes != 0 && !in_stream(point))
    throw UsageError("--point: `" + to_string(point) +
                     "` is no place in the stream; leave out `+BYTES`");
  if (point.plus_bytes != 0 && point.name.starts_with("device:") && point.name.ends_with("/end"))
    throw UsageError("--point: `" + to_string(point) +
                     "` lies in what follows the device, in the last one's case the end mark; name "
                     "that");
  return point;
}

}  // namespace

bool in_stream(const Point& point) {
  return std::none_of(kKinds.begin(), kKinds.end(), [&](const PointKind& kind) {
    const bool manager = kind.place == kManager || kind.place == kFile;
    return manager && kind.phase == point.phase && kind.pattern == point.name;
  });
}

bool at_file(const Point& point) {
  return std::any_of(kKinds.begin(), kKinds.end(), [&](const PointKind& kind) {
    return kind.place == kFile && kind.phase == point.phase && kind.pattern == point.name;
  });
}

bool before_migrate(const Point& point) {
  if (point.phase == Phase::storage)
    return point.name == "job-start" || point.name == "mirroring" || point.name == "ready";
  return point.phase == Phase::prepare && point.name == "ready";
}

bool on_side_channel(const Point& point) {
  return std::any_of(kKinds.begin(), kKinds.end(), [&](const PointKind& kind) {
    return kind.place == kSide && kind.phase == point.phase && matches(kind.pattern, point.name);
  });
}

std::string to_string(const Point& point) {
  std::string text = std::string(to_string(point.phase)) + "/" + point.name;
  if (point.plus_bytes != 0) text += "+" + std::to_string(point.plus_bytes);
  return text;
}

std::string to_string(const Trigger& trigger) {
  std::string text = to_string(trigger.point);
  if (trigger.nth != 1) text += "#" + std::to_string(trigger.nth);
  return text;
}

Point point_from(std::string_view text) {
  const std::optional<Point> point = parse_point(text);
  if (!point) refuse(text);
  return *point;
}

Trigger trigger_from(std::string_view text) {
  Trigger trigger;
  std::string_view place = text;
  if (const std::size_t hash = text.find('#'); hash != std::string_view::npos) {
    const std::optional<std::uint64_t> nth = number_from(text.substr(hash + 1));
    if (!nth || *nth == 0 || *nth > UINT32_MAX) refuse(text);
    trigger.nth = static_cast<std::uint32_t>(*nth);
    place = text.substr(0, hash);
  }
  const std::optional<Point> point = parse_point(place);
  if (!point) refuse(text);
  trigger.point = *point;
  if (trigger.nth != 1 && !in_stream(*point))
    throw UsageError("--point: `" + to_string(trigger) +
                     "` is passed once; leave out `#N`");
  return trigger;
}

std::span<const PointKind> all_point_kinds() { return kKinds; }

}  // namespace migfuzz
