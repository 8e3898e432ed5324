#include "reports/page_data.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "harness/core/strict_json.h"
#include "reports/words.h"

namespace migfuzz {
namespace {

using nlohmann::json;

constexpr std::size_t kEventBytesMax = 3'000'000;  // for all cases; the rest of a page is < 2 MB
constexpr std::size_t kCaseEventBytesMax = 40'000;
constexpr std::size_t kHeartbeatsMax = 160;  // per host and case
constexpr std::size_t kTextMax = 400;        // of one field of an event
constexpr std::size_t kTroubleWeight = 6;    // a case that did not pass is worth that many

std::string cut(std::string_view text, std::size_t length_max) {
  if (text.size() <= length_max) return clean_utf8(text);
  return clean_utf8(text.substr(0, length_max)) + "\xe2\x80\xa6";
}

double rounded(double value) { return std::isfinite(value) ? std::round(value * 1000) / 1000 : -1; }

json thinned(const std::vector<double>& times) {
  json out = json::array();
  const std::size_t stride = times.size() / kHeartbeatsMax + 1;
  for (std::size_t i = 0; i < times.size(); i += stride) out.push_back(rounded(times[i]));
  // The last beat ends the host's life: it must not be thinned away.
  if (!times.empty() && (times.size() - 1) % stride != 0) out.push_back(rounded(times.back()));
  return out;
}

json spans_json(const std::vector<Span>& spans) {
  json out = json::array();
  for (const Span& span : spans) {
    out.push_back({cut(span.name, kTextMax), rounded(span.from_ms), rounded(span.to_ms)});
  }
  return out;
}

json event_json(const Event& event) {
  json fields = json::object();
  for (const auto& [key, value] : event.fields) {
    std::string text;
    if (const auto* words = std::get_if<std::string>(&value)) {
      text = cut(*words, kTextMax);
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
      text = std::to_string(*number);  // as text: a script's numbers end at 2^53
    } else {
      text = std::get<bool>(value) ? "true" : "false";
    }
    fields.emplace(cut(key, kTextMax), text);
  }
  return json::array({rounded(static_cast<double>(event.at_ns) / 1e6), cut(event.actor, kTextMax),
                      cut(event.kind, kTextMax), cut(event.name, kTextMax), std::move(fields)});
}

/// Less is more important.
int rank_of(const Event& event) {
  if (event.kind == "fault" || event.kind == "decision" || event.kind == "process") return 0;
  if (event.kind == "heartbeat") return 3;
  return event.kind == "stream" || event.kind == "qmp-reply" ? 2 : 1;
}

/// The events that fit, most important first, told in their order.
json events_json(const std::vector<Event>& events, std::size_t bytes_max, std::size_t& left_out) {
  std::vector<json> all(events.size());
  std::vector<bool> kept(events.size(), false);
  std::size_t bytes = 0;
  left_out = 0;
  for (int rank = 0; rank <= 3; ++rank) {
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (rank_of(events[i]) != rank) continue;
      all[i] = event_json(events[i]);
      bytes += all[i].dump().size();
      kept[i] = bytes <= bytes_max;
      left_out += kept[i] ? 0 : 1;
    }
  }
  json out = json::array();
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (kept[i]) out.push_back(std::move(all[i]));
  }
  return out;
}

json findings_json(const std::vector<Finding>& findings) {
  json out = json::array();
  for (const Finding& finding : findings) {
    out.push_back({{"checker", clean_utf8(finding.checker)},
                   {"verdict", to_string(finding.verdict)},
                   {"what", cut(finding.what, 2000)},
                   {"reason", cut(finding.reason, 2000)}});
  }
  return out;
}

json faults_json(const Plan& plan) {
  json out = json::array();
  for (const FaultSpec& fault : plan.faults) {
    out.push_back({{"kind", clean_utf8(fault.kind)},
                   {"side", to_string(fault.side)},
                   {"point", clean_utf8(to_string(fault.trigger))},
                   {"heal_after_ms", fault.heal_after_ms},
                   {"parameter", std::to_string(fault.parameter)}});
  }
  return out;
}

json case_json(const Summary& summary, const CaseResult& result, std::size_t event_bytes_max) {
  std::size_t left_out = 0;
  json events = events_json(result.history.events(), event_bytes_max, left_out);
  return {{"id", clean_utf8(result.id)},
          {"verdict", to_string(result.verdict)},
          {"signature", clean_utf8(result.signature)},
          {"headline", cut(result.headline, 2000)},
          {"survivor", clean_utf8(result.survivor)},
          {"delivered", result.delivered},
          {"proof", cut(result.delivery_proof, 2000)},
          {"evidence", clean_utf8(result.evidence_kept)},
          {"duration_ms", rounded(result.duration_ms)},
          {"blackout_ms", rounded(result.blackout_ms)},
          {"brownout_ms", rounded(result.brownout_ms)},
          {"point", clean_utf8(point_of(result))},
          {"faults", faults_json(result.plan)},
          {"protocol", clean_utf8(result.plan.protocol)},
          {"seed", std::to_string(result.plan.seed)},
          {"plan", to_json(result.plan).dump(1)},
          {"replay", clean_utf8(replay_of(summary, result))},
          {"required", !result.required_cell.empty()},
          {"findings", findings_json(result.findings)},
          {"phases", spans_json(result.phases)},
          {"owners", spans_json(result.owners)},
          {"beats_source", thinned(result.heartbeats_source_ms)},
          {"beats_destination", thinned(result.heartbeats_destination_ms)},
          {"events", std::move(events)},
          {"events_left_out", left_out}};
}

json whole_page(const Summary& summary, const std::vector<CaseResult>& results) {
  json verdicts = json::array();
  for (const Verdict verdict : all_verdicts()) {
    verdicts.push_back({{"word", to_string(verdict)}, {"sentence", describe(verdict)}});
  }
  json phases = json::array();
  for (const Phase phase : all_phases()) {
    phases.push_back({{"name", to_string(phase)}, {"sentence", describe(phase)}});
  }
  json points = json::array();
  for (const std::string& point : points_in_stream_order(results)) {
    points.push_back(clean_utf8(point));
  }
  std::size_t shares = 0;
  const auto share_of = [](const CaseResult& result) {
    return result.verdict == Verdict::pass ? std::size_t{1} : kTroubleWeight;
  };
  for (const CaseResult& result : results) shares += share_of(result);
  const std::size_t share_bytes = kEventBytesMax / std::max<std::size_t>(shares, 1);
  json cases = json::array();
  for (const CaseResult& result : results) {
    const std::size_t bytes_max = std::min(share_bytes * share_of(result), kCaseEventBytesMax);
    cases.push_back(case_json(summary, result, bytes_max));
  }
  return {{"verdicts", std::move(verdicts)},
          {"phases", std::move(phases)},
          {"points", std::move(points)},
          {"cases", std::move(cases)}};
}

/// JSON that can stand in a <script> element: nothing in it can end the element or open a comment.
std::string inline_json(const json& value) {
  std::string out;
  for (const char c : value.dump(-1, ' ', true)) {
    if (c == '<') {
      out += "\\u003c";
    } else if (c == '>') {
      out += "\\u003e";
    } else if (c == '&') {
      out += "\\u0026";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string page_data(const Summary& summary, const std::vector<CaseResult>& results) {
  return inline_json(whole_page(summary, results));
}

}  // namespace migfuzz
