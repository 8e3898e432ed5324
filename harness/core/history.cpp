// The append-only record of a case, its look-ups, and its JSON lines.
//
// Text of events comes from QEMU and the guest: bytes, not UTF-8. It is kept as it came in memory
// and made valid only on the way to JSON. Fields are an object on disk, so that jq can read them;
// their order is not kept, and of a key given twice the first counts, as in text_field().
#include "harness/core/history.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/core/strict_json.h"

namespace migfuzz {
namespace {

const Scalar* find_field(const Event& event, std::string_view key) {
  const auto found = std::find_if(event.fields.begin(), event.fields.end(),
                                  [&](const auto& field) { return field.first == key; });
  return found == event.fields.end() ? nullptr : &found->second;
}

bool matches(const Event& event, std::string_view actor, std::string_view kind,
             std::string_view name) {
  return (actor.empty() || event.actor == actor) && (kind.empty() || event.kind == kind) &&
         (name.empty() || event.name == name);
}

std::string text_of(const Scalar& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  return std::get<bool>(value) ? "true" : "false";
}

nlohmann::json json_of(const Scalar& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return clean_utf8(*text);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  return std::get<bool>(value);
}

Scalar scalar_from(StrictObject& fields, const char* key) {
  const nlohmann::json& value = fields.any(key);
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return fields.integer(key);
  fields.refuse(key, "must be text, a whole number, true or false");
}

}  // namespace

std::string channel_actor(std::string_view name) {
  return name.empty() ? "channel" : "channel:" + std::string(name);
}

bool is_side_point(const Event& event) {
  return event.kind == "point" && event.actor.starts_with("channel:");
}

std::optional<std::string> text_field(const Event& event, std::string_view key) {
  const Scalar* found = find_field(event, key);
  const auto* text = found == nullptr ? nullptr : std::get_if<std::string>(found);
  return text == nullptr ? std::nullopt : std::optional(*text);
}

std::optional<std::int64_t> number_field(const Event& event, std::string_view key) {
  const Scalar* found = find_field(event, key);
  const auto* number = found == nullptr ? nullptr : std::get_if<std::int64_t>(found);
  return number == nullptr ? std::nullopt : std::optional(*number);
}

const Event& History::add(std::string_view actor, std::string_view kind, std::string_view name,
                          Fields fields) {
  using std::chrono::nanoseconds;
  const auto since_start = std::chrono::duration_cast<nanoseconds>(Clock::now() - start_);
  const std::uint64_t seq = events_.empty() ? 0 : events_.back().seq + 1;
  return events_.emplace_back(Event{seq, since_start.count(), std::string(actor), std::string(kind),
                                    std::string(name), std::move(fields)});
}

const Event* History::first(std::string_view actor, std::string_view kind,
                            std::string_view name) const {
  const auto found = std::find_if(events_.begin(), events_.end(), [&](const Event& event) {
    return matches(event, actor, kind, name);
  });
  return found == events_.end() ? nullptr : &*found;
}

const Event* History::last(std::string_view actor, std::string_view kind,
                           std::string_view name) const {
  const auto found = std::find_if(events_.rbegin(), events_.rend(), [&](const Event& event) {
    return matches(event, actor, kind, name);
  });
  return found == events_.rend() ? nullptr : &*found;
}

History History::first_migration() const {
  History one(start_);
  const auto retry = std::find_if(events_.begin(), events_.end(),
                                  [](const Event& event) { return event.kind == "retry"; });
  one.events_.assign(events_.begin(), retry);
  return one;
}

std::string History::tail(std::size_t count) const {
  // Heartbeats are thousands and say nothing by themselves.
  std::vector<const Event*> last;
  for (auto event = events_.rbegin(); event != events_.rend() && last.size() < count; ++event)
    if (event->kind != "heartbeat") last.push_back(&*event);
  std::string out;
  for (auto one = last.rbegin(); one != last.rend(); ++one) {
    const Event& event = **one;
    char at[32];
    std::snprintf(at, sizeof at, "%10.3f ms  ", static_cast<double>(event.at_ns) / 1e6);
    out += at + event.actor + " " + event.kind + " " + event.name;
    for (const auto& [key, value] : event.fields) out += " " + key + "=" + text_of(value);
    out += '\n';
  }
  return out;
}

History History::from_events(std::vector<Event> events) {
  History history;
  history.events_ = std::move(events);
  return history;
}

nlohmann::json to_json(const Event& event) {
  nlohmann::json fields = nlohmann::json::object();
  for (const auto& [key, value] : event.fields) fields.emplace(clean_utf8(key), json_of(value));
  return {{"seq", event.seq},
          {"at_ns", event.at_ns},
          {"actor", clean_utf8(event.actor)},
          {"kind", clean_utf8(event.kind)},
          {"name", clean_utf8(event.name)},
          {"fields", std::move(fields)}};
}

Event event_from_json(const nlohmann::json& json) {
  StrictObject object(json, "event");
  Event event;
  event.seq = object.count("seq", 0, std::numeric_limits<std::uint64_t>::max());
  event.at_ns = object.integer("at_ns");
  event.actor = object.text("actor");
  event.kind = object.text("kind");
  event.name = object.text("name");
  StrictObject fields = object.object("fields");
  for (const auto& [key, value] : fields.json().items()) {
    event.fields.emplace_back(key, scalar_from(fields, key.c_str()));
  }
  object.finish();
  return event;
}

}  // namespace migfuzz
