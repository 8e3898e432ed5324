// The one record of a case: a totally ordered, append-only list of events.
//
// Written by handlers as things happen, read by checkers and the report after the end. `at` counts
// nanoseconds from the start of the case on CLOCK_MONOTONIC; events keep the order of their `seq`
// even where two clocks agree. One JSON line per event on disk.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "harness/core/types.h"

namespace migfuzz {

using Scalar = std::variant<bool, std::int64_t, std::string>;
using Fields = std::vector<std::pair<std::string, Scalar>>;

/// What an event is about. The names are those of the file and the report.
///  qmp-event, qmp-command, qmp-reply: name = event or command; side = host
///  stream: name = item or point ("section_full", "point"); fields: offset, idstr
///  heartbeat: the guest's record reached evidence; fields: step
///  process: name = "started" | "exited"; fields: pid, code, signal
///  point: name = a point that passes; fields: offset. Side channels are actors of their own,
///         "channel:multifd:0", with the field `channel`
///  relay: name = "holding" | "released" | "cut" | …; fields: what, and the bytes written so far
///         towards the destination (forwarded) and the source (back_forwarded)
///  fault: name = "armed" | "injected" | "delivered" | "healed"; fields: kind, proof; injected:
///         side, component, forwarded, back_forwarded; delivered, of the migration's network:
///         vm_network, "carries", or "not " and the hosts whose link to the VM's clients does not
///  decision: the arbiter's; name = action; fields: why
///  phase: name = phase that begins now
///  owner: name = "source" | "destination" | "both" | "none": who executes the guest from now on
///  retry: name = "begins"; fields: to. A second migration follows: its destination is the actor
///         "destination-2", its channel leaves no points, streams or phases
///  note: anything else worth a line
struct Event {
  std::uint64_t seq = 0;
  std::int64_t at_ns = 0;
  std::string actor;  // "source", "destination", "channel", "channel:NAME", "arbiter", "director"
  std::string kind;
  std::string name;
  Fields fields;
  bool operator==(const Event&) const = default;
};

/// The actor of a channel's events; no name: the main one.
std::string channel_actor(std::string_view name);
/// A point of a side channel: there are many of them, and no list of points is about them.
bool is_side_point(const Event& event);

std::optional<std::string> text_field(const Event& event, std::string_view key);
std::optional<std::int64_t> number_field(const Event& event, std::string_view key);

class History {
 public:
  explicit History(Clock::time_point start = Clock::now()) : start_(start) {}
  const Event& add(std::string_view actor, std::string_view kind, std::string_view name,
                   Fields fields = {});
  const std::vector<Event>& events() const { return events_; }
  /// First event of that kind and name (empty name: any) from that actor (empty: any).
  const Event* first(std::string_view actor, std::string_view kind,
                     std::string_view name = {}) const;
  const Event* last(std::string_view actor, std::string_view kind,
                    std::string_view name = {}) const;
  Clock::time_point start() const { return start_; }
  /// The first migration alone: everything before the event "retry".
  History first_migration() const;
  /// The last `count` events but heartbeats as one text, for messages of expired waits.
  std::string tail(std::size_t count) const;
  /// For tests and replayed files: takes events as they are.
  static History from_events(std::vector<Event> events);

 private:
  Clock::time_point start_;
  std::vector<Event> events_;
};

nlohmann::json to_json(const Event& event);
Event event_from_json(const nlohmann::json& json);

}  // namespace migfuzz
