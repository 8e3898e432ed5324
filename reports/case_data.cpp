#include "reports/case_data.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "harness/core/scenario.h"
#include "harness/core/strict_json.h"
#include "reports/inline_json.h"
#include "reports/measures.h"
#include "reports/story.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

using nlohmann::json;

constexpr std::size_t kFieldMax = 400;  // of one field of an event

/// How much of what is not an event is kept; each row less than the one before it.
struct Room {
  std::size_t text_max, list_max, beats_max, plan_max;
};
constexpr std::array kRooms{Room{2000, 64, 160, 8000}, Room{400, 24, 60, 4000},
                            Room{160, 12, 24, 1500}, Room{40, 3, 8, 0}};

std::string cut(std::string_view text, std::size_t length_max) {
  if (text.size() <= length_max) return clean_utf8(text);
  return clean_utf8(text.substr(0, length_max)) + "\xe2\x80\xa6";
}

double rounded(double value) { return std::isfinite(value) ? std::round(value * 1000) / 1000 : -1; }

json thinned(const std::vector<double>& times, const Room& room) {
  json out = json::array();
  const std::size_t stride = times.size() / room.beats_max + 1;
  for (std::size_t i = 0; i < times.size(); i += stride) out.push_back(rounded(times[i]));
  // The last beat ends the host's life: it must not be thinned away.
  if (!times.empty() && (times.size() - 1) % stride != 0) out.push_back(rounded(times.back()));
  return out;
}

json spans_json(const std::vector<Span>& spans, const Room& room) {
  json out = json::array();
  for (std::size_t i = 0; i < std::min(spans.size(), room.list_max); ++i) {
    const Span& span = spans[i];
    out.push_back({cut(span.name, room.text_max), rounded(span.from_ms), rounded(span.to_ms)});
  }
  return out;
}

json event_json(const Event& event) {
  json fields = json::object();
  for (const auto& [key, value] : event.fields) {
    std::string text;
    if (const auto* words = std::get_if<std::string>(&value)) {
      text = cut(*words, kFieldMax);
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
      text = std::to_string(*number);  // as text: a script's numbers end at 2^53
    } else {
      text = std::get<bool>(value) ? "true" : "false";
    }
    fields.emplace(cut(key, kFieldMax), text);
  }
  return json::array({rounded(static_cast<double>(event.at_ns) / 1e6), cut(event.actor, kFieldMax),
                      cut(event.kind, kFieldMax), cut(event.name, kFieldMax), std::move(fields)});
}

/// Less is more important.
int rank_of(const Event& event) {
  if (event.kind == "fault" || event.kind == "decision" || event.kind == "process") return 0;
  if (event.kind == "heartbeat") return 3;
  return event.kind == "stream" || event.kind == "qmp-reply" ? 2 : 1;
}

/// The events that fit, most important first, told in their order.
json events_json(const std::vector<Event>& events, std::size_t bytes_max, std::size_t& left_out) {
  std::vector<json> kept(events.size());
  std::size_t bytes = 0;
  left_out = 0;
  for (int rank = 0; rank <= 3; ++rank) {
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (rank_of(events[i]) != rank) continue;
      json event = bytes < bytes_max ? event_json(events[i]) : json();
      bytes += bytes_inline(event);
      if (bytes <= bytes_max) {
        kept[i] = std::move(event);
      } else {
        ++left_out;
      }
    }
  }
  json out = json::array();
  for (json& event : kept) {
    if (!event.is_null()) out.push_back(std::move(event));
  }
  return out;
}

json findings_json(const std::vector<Finding>& findings, const Room& room) {
  json out = json::array();
  for (const Finding& finding : findings) {
    if (out.size() == room.list_max) break;
    out.push_back({{"checker", cut(finding.checker, room.text_max)},
                   {"verdict", to_string(finding.verdict)},
                   {"symptom", cut(finding.symptom, room.text_max)},
                   {"what", cut(finding.what, room.text_max)},
                   {"reason", cut(finding.reason, room.text_max)}});
  }
  return out;
}

json faults_json(const Plan& plan, const Room& room) {
  json out = json::array();
  for (const FaultSpec& fault : plan.faults) {
    out.push_back({{"kind", cut(fault.kind, room.text_max)},
                   {"side", to_string(fault.side)},
                   {"point", cut(to_string(fault.trigger), room.text_max)},
                   {"heal_after_ms", fault.heal_after_ms},
                   {"parameter", std::to_string(fault.parameter)}});
  }
  return out;
}

/// Whole or not at all: half a plan is none.
std::string plan_text(const Plan& plan, const Room& room) {
  std::string text = to_json(plan).dump(1, ' ', false, json::error_handler_t::replace);
  return text.size() <= room.plan_max ? text : "";
}

/// The archive of the finding that the case belongs to; empty where there is none.
std::string bundle_of(const Summary& summary, const CaseResult& result) {
  if (result.signature.empty()) return "";
  for (const FindingGroup& group : summary.findings) {
    if ((!result.id.empty() && group.case_id == result.id) ||
        matches(group.signature, result.signature))
      return group.bundle;
  }
  return "";
}

json without_events(const Summary& summary, const CaseResult& result, const Room& room) {
  const auto text = [&](std::string_view whole) { return cut(whole, room.text_max); };
  const OutcomeRule* row = row_of(result);
  const Measures measures = measures_of(result);
  return {{"id", cut(result.id, 200)},
          {"story", text(story_of(result))},
          {"expected", text(result.expected)},
          {"rule", text(rule_of(result))},
          {"rule_reason", row == nullptr ? std::string() : std::string(row->reason)},
          {"versions", text(result.versions)},
          {"ended", text(result.ended)},
          {"settle_ms", rounded(measures.settle_ms)},
          {"passes", measures.passes},
          {"bytes", measures.bytes},
          {"verdict", to_string(result.verdict)},
          {"signature", text(result.signature)},
          {"headline", text(result.headline)},
          {"survivor", text(result.survivor)},
          {"delivered", result.delivered},
          {"proof", text(result.delivery_proof)},
          {"evidence", cut(result.evidence_kept, 200)},
          {"bundle", cut(bundle_of(summary, result), 200)},
          {"duration_ms", rounded(result.duration_ms)},
          {"blackout_ms", rounded(result.blackout_ms)},
          {"brownout_ms", rounded(result.brownout_ms)},
          {"brownout_after_ms", rounded(result.brownout_after_ms)},
          {"point", text(point_of(result))},
          {"faults", faults_json(result.plan, room)},
          {"protocol", text(rules_text(result.plan.protocol, result.plan.mode))},
          {"seed", std::to_string(result.plan.seed)},
          {"plan", plan_text(result.plan, room)},
          {"replay", text(replay_of(summary, result))},
          {"required", !result.required_cell.empty()},
          {"findings", findings_json(result.findings, room)},
          {"phases", spans_json(result.phases, room)},
          {"owners", spans_json(result.owners, room)},
          {"beats_source", thinned(result.heartbeats_source_ms, room)},
          {"beats_destination", thinned(result.heartbeats_destination_ms, room)}};
}

}  // namespace

json case_data(const Summary& summary, const CaseResult& result, std::size_t bytes_max) {
  json out;
  std::size_t bytes = 0;
  for (const Room& room : kRooms) {
    out = without_events(summary, result, room);
    bytes = bytes_inline(out);
    if (bytes <= bytes_max) break;
  }
  std::size_t left_out = 0;
  const std::size_t bytes_left = bytes_max - std::min(bytes_max, bytes);
  out["events"] = events_json(result.history.events(), bytes_left, left_out);
  out["events_left_out"] = left_out;
  return out;
}

}  // namespace migfuzz
