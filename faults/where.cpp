#include "faults/where.h"

namespace migfuzz {

std::string needs_mirror(const Trigger& trigger, Side) {
  const auto& [phase, name, plus_bytes] = trigger.point;
  if (phase != Phase::storage) return "it has the points of phase `storage`";
  if (name == "job-start") return "the mirror does not exist yet";
  if (name == "job-gone" || name == "switched") return "the mirror has ended";
  return "";
}

std::string needs_channel(const Trigger& trigger, Side) {
  if (in_stream(trigger.point)) return "";
  const auto& name = trigger.point.name;
  if (trigger.point.phase == Phase::storage && (name == "pre-switchover" || name == "job-gone"))
    return "the manager stands there, not the channel";
  if (trigger.point.phase == Phase::storage && name != "switched")
    return "the channel does not exist yet";
  return trigger.point.phase == Phase::prepare ? "the channel does not exist yet"
                                               : "the channel has been closed by then";
}

std::string needs_bytes_behind(const Trigger& trigger, Side side) {
  const auto& point = trigger.point;
  if (point.phase == Phase::commit && (point.name == "vmdesc-end" || point.name == "ack-end"))
    return "no byte follows there that could wait";
  if (to_string(point) == "recover/connected")
    return "nobody has said anything yet: `recover/bitmap-request` is the first that could wait";
  return needs_channel(trigger, side);
}

std::string needs_words_behind(const Trigger& trigger, Side side) {
  if (trigger.point.name == "ack-end") return "nobody says anything after the acknowledgement";
  return needs_channel(trigger, side);
}

std::string needs_packets_behind(const Trigger& trigger, Side side) {
  if (side == Side::destination && trigger.point.name == "ack")
    return "the destination has said everything: nothing crosses its leg any more";
  return needs_words_behind(trigger, side);
}

std::string needs_stream_behind(const Trigger& trigger, Side side) {
  const auto& name = trigger.point.name;
  if (name == "vmdesc-end" || name == "ack" || name == "ack-end")
    return "the stream has ended there";
  if (name == "last-page") return "a few bytes of the stream follow there, and no page";
  return needs_channel(trigger, side);
}

std::string needs_bulk_behind(const Trigger& trigger, Side side) {
  if (auto why = needs_stream_behind(trigger, side); !why.empty()) return why;
  if (side == Side::source && trigger.point.phase >= Phase::stopcopy)
    return "what is left of the stream has crossed the source's leg by then, into TCP's buffers";
  return "";
}

std::string only_before_start(const Trigger& trigger, Side) {
  const bool ready = trigger.point.phase == Phase::prepare && trigger.point.name == "ready";
  return ready ? ""
               : "it is there before the hosts are started, so it has one point: prepare/ready";
}

std::string needs_decisions(const Trigger& trigger, Side) {
  if (to_string(trigger.point) == "prepare/ready")
    return "`migrate` is not sent yet: there is nothing to decide";
  return "";
}

}  // namespace migfuzz
