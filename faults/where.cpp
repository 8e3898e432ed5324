#include "faults/where.h"

namespace migfuzz {

std::string needs_channel(const Trigger& trigger, Side) {
  if (in_stream(trigger.point)) return "";
  return trigger.point.phase == Phase::prepare ? "the channel does not exist yet"
                                               : "the channel has been closed by then";
}

std::string needs_bytes_behind(const Trigger& trigger, Side side) {
  const auto& point = trigger.point;
  if (point.phase == Phase::commit && (point.name == "vmdesc-end" || point.name == "ack-end"))
    return "no byte follows there that could wait";
  return needs_channel(trigger, side);
}

std::string only_before_start(const Trigger& trigger, Side) {
  const bool ready = trigger.point.phase == Phase::prepare && trigger.point.name == "ready";
  return ready ? ""
               : "it is there before the hosts are started, so it has one point: prepare/ready";
}

}  // namespace migfuzz
