#include "harness/stream/trace_log.h"

#include <algorithm>
#include <optional>

namespace migfuzz::stream {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool name_start(char c) { return c >= 'a' && c <= 'z'; }
bool name_part(char c) { return name_start(c) || digit(c) || c == '_' || (c >= 'A' && c <= 'Z'); }
bool state_part(char c) { return name_part(c) || c == '-'; }

// Events whose text tells a state or a device: the word behind the last `before` is part of what
// was reached. Formats: migration/trace-events, softmmu/trace-events (7.2), system/ (10.0).
struct Telling {
  std::string_view event, before;
};
constexpr Telling kTelling[] = {
    {"migrate_set_state", "new state "},
    {"runstate_set", "("},     // current_run_state 2 (inmigrate) new_state 11 (running)
    {"vm_state_notify", "("},  // running 1 reason 11 (running)
    {"loadvm_process_command", "com="},
    {"migrate_global_state_post_load", "loaded state: "},
    {"process_incoming_migration_co_end", "ret="},
    {"migration_return_path_end_after", ""},
    {"migration_completion_vm_stop", "ret "},
    {"qemu_loadvm_state_post_main", ""},
    {"qemu_loadvm_state_section_startfull", "("},  // 38(0000:00:02.0/virtio-blk) 0 2
    {"savevm_section_start", ""},                  // 0000:00:02.0/virtio-blk, section_id 38
};

std::string_view leading(std::string_view text, bool (*part)(char)) {
  const auto end = std::find_if_not(text.begin(), text.end(), part);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

std::string_view state_in(std::string_view event, std::string_view text, std::size_t most) {
  for (const auto& telling : kTelling) {
    if (telling.event != event) continue;
    const auto found = telling.before.empty() ? 0 : text.rfind(telling.before);
    if (found == text.npos) return {};
    auto word = text.substr(found + telling.before.size());
    word = word.substr(0, word.find_first_of(" ,)"));
    // Of a device's path the last component, as points name it.
    const auto state = leading(word.substr(word.rfind('/') + 1), state_part);
    return state.size() > most ? std::string_view() : state;
  }
  return {};
}

// Takes "1234@5.000006:" off the front; nothing when the line does not begin with it.
std::optional<std::uint64_t> take_thread(std::string_view& line) {
  const auto thread = leading(line, digit);
  if (thread.empty() || thread.size() > 18 || thread.size() == line.size() ||
      line[thread.size()] != '@')
    return std::nullopt;
  auto rest = line.substr(thread.size() + 1);
  const auto seconds = leading(rest, digit);
  if (seconds.empty() || seconds.size() == rest.size() || rest[seconds.size()] != '.')
    return std::nullopt;
  rest.remove_prefix(seconds.size() + 1);
  const auto fraction = leading(rest, digit);
  if (fraction.empty() || fraction.size() == rest.size() || rest[fraction.size()] != ':')
    return std::nullopt;
  line = rest.substr(fraction.size() + 1);
  std::uint64_t number = 0;
  for (const char c : thread) number = number * 10 + static_cast<std::uint64_t>(c - '0');
  return number;
}

// `threads`: the log names them, so that a line without one is a piece of another line's text.
std::optional<Traced> event_of(std::string_view line, bool threads, const TraceLimits& limits) {
  const auto thread = take_thread(line);
  if (threads && !thread) return std::nullopt;
  if (line.empty() || !name_start(line.front())) return std::nullopt;
  const auto name = leading(line, name_part);
  // The format ends in a blank even where an event has no text.
  if (name.size() > limits.name_most || name.size() == line.size() || line[name.size()] != ' ')
    return std::nullopt;
  const auto state = state_in(name, line.substr(name.size() + 1), limits.state_most);
  Traced traced{thread.value_or(0), std::string(name)};
  if (!state.empty()) traced.event += "(" + std::string(state) + ")";
  return traced;
}

}  // namespace

std::vector<Traced> parse_trace_log(std::string_view text, const TraceLimits& limits) {
  std::vector<Traced> events;
  text = text.substr(0, limits.bytes_most);
  auto first = text;
  const bool threads = take_thread(first).has_value();
  while (events.size() < limits.events_most) {
    const auto end = text.find('\n');
    if (end == text.npos) break;
    if (auto traced = event_of(text.substr(0, end), threads, limits))
      events.push_back(std::move(*traced));
    text.remove_prefix(end + 1);
  }
  return events;
}

}  // namespace migfuzz::stream
