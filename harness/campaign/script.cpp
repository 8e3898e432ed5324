#include "harness/campaign/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "harness/core/error.h"
#include "harness/core/strict_json.h"

extern "C" {
extern const char migfuzz_reproduce_begin[];  // defined in reproduce_text.S
extern const char migfuzz_reproduce_end[];
}

namespace migfuzz {
namespace {

using nlohmann::json;

// Why there can be no script; caught by script_for() and by nobody else.
struct NoScript {
  std::string why;
};

constexpr std::array<const char*, 2> kHosts{"source", "destination"};
constexpr JsonLimits kEvidenceLimits{std::size_t{64} << 20, 64};

std::string lookup(const std::map<std::string, std::string>& evidence, const std::string& name) {
  const auto found = evidence.find(name);
  return found == evidence.end() ? "" : found->second;
}

// --- what was recorded ---------------------------------------------------------------------------

struct Line {
  double at_ms = 0;
  std::string monitor;  // "run", "qmp", "oob"
  json message;
};

std::string command_of(const Line& line) {
  return line.monitor == "qmp" ? line.message.value("execute", "") : "";
}

// What was sent to a host, in order; see docs/output.md for the file.
std::vector<Line> sent_lines(const std::string& transcript) {
  std::vector<Line> lines;
  std::istringstream text(transcript);
  for (std::string row; std::getline(text, row);) {
    std::istringstream words(row);
    Line line;
    std::string way, rest;
    if (!(words >> line.at_ms >> line.monitor >> way) || way != ">") continue;
    std::getline(words, rest);
    line.message = json::parse(rest, nullptr, false);
    if (line.message.is_object() || (line.monitor == "run" && line.message.is_array()))
      lines.push_back(std::move(line));
  }
  return lines;
}

History history_of(const std::string& lines) {
  std::vector<Event> events;
  std::istringstream text(lines);
  for (std::string line; std::getline(text, line);)
    events.push_back(event_from_json(parse_json(line, "history.jsonl", kEvidenceLimits)));
  return History::from_events(std::move(events)).first_migration();
}

// --- the command lines ---------------------------------------------------------------------------

// Descriptors that only migfuzz makes become files and sockets of the script's folder.
std::string without_descriptors(std::string word, const std::string& host) {
  const std::pair<const char*, std::string> rules[] = {
      {"mem-path=/dev/fd/[0-9]+", "mem-path={folder}/" + host + ".ram"},
      {"path=/dev/fd/[0-9]+,append=on", "path={folder}/" + host + ".guest,append=on"},
      {"filename=/dev/fd/[0-9]+", "filename={folder}/disk"},
      {"^/dev/fd/[0-9]+$", "{folder}/payload"},  // of -kernel
      {"^socket,id=(qmp|oob),fd=[0-9]+,", "socket,id=$1,path={folder}/" + host + ".$1,"}};
  for (const auto& [pattern, text] : rules)
    word = std::regex_replace(word, std::regex(pattern), text);
  static const std::regex left("/dev/fd/|(^|,)fd=|path=@|abstract");
  if (std::regex_search(word, left))
    throw NoScript{"its QEMU is started with something that only migfuzz makes: " + word};
  return word;
}

json host_of(const std::string& name, const std::map<std::string, std::string>& evidence,
             const std::string& version) {
  json arguments, commands = json::array();
  std::string binary;
  double migrate_at_ms = -1;
  for (const auto& line : sent_lines(lookup(evidence, "qmp-source.log")))
    if (command_of(line) == "migrate" && migrate_at_ms < 0) migrate_at_ms = line.at_ms;
  for (const auto& line : sent_lines(lookup(evidence, "qmp-" + name + ".log"))) {
    if (line.monitor == "run") {
      arguments = json::array();
      binary = line.message.at(0);
      for (std::size_t i = 1; i < line.message.size(); ++i)
        arguments.push_back(without_descriptors(line.message[i], name));
    }
    const auto command = command_of(line);
    const bool ours = command.empty() || command == "qmp_capabilities" || command == "getfd" ||
                      command.starts_with("query-");
    if (!ours && (migrate_at_ms < 0 || line.at_ms < migrate_at_ms))
      commands.push_back({command, line.message.value("arguments", json::object())});
  }
  if (!arguments.is_array()) throw NoScript{"the evidence does not hold the command line of QEMU"};
  return {{"binary", binary},
          {"version", version},
          {"arguments", std::move(arguments)},
          {"commands", std::move(commands)}};
}

// --- the steps of the manager --------------------------------------------------------------------

json qmp_step(const std::string& host, const std::string& command,
              const json& arguments = json::object()) {
  return {{"do", "qmp"},
          {"with", {{"host", host}, {"command", command}, {"arguments", arguments}}}};
}

// What carries a decision out; nothing for those that are only written down.
std::optional<json> step_of(Action action) {
  const json instances{{"instances", json::array({{{"type", "migration"}}})}};
  const auto kill = [](const char* host) {
    return json{{"do", "kill"}, {"with", {{"host", host}}}};
  };
  switch (action) {
    case Action::continue_switchover:
      return qmp_step("source", "migrate-continue", {{"state", "pre-switchover"}});
    case Action::cancel:
      return qmp_step("source", "migrate_cancel");
    case Action::yank_source:
      return qmp_step("source", "yank", instances);
    case Action::yank_destination:
      return qmp_step("destination", "yank", instances);
    case Action::fence_source:
      return kill("source");
    case Action::fence_destination:
      return kill("destination");
    case Action::run_source:
      return qmp_step("source", "cont");
    case Action::run_destination:
      return qmp_step("destination", "cont");
    case Action::discard_source:
      return qmp_step("source", "quit");
    default:
      return std::nullopt;
  }
}

// What the manager was told by this event; empty: nothing that it waits for.
std::string told(const Event& event) {
  if (event.kind == "process" && event.name == "exited") return "exited";
  if (event.kind != "qmp-event") return "";
  if (event.name == "MIGRATION") return text_field(event, "status").value_or("");
  return event.name == "STOP" || event.name == "RESUME" ? event.name : "";
}

// The events of a case as a list of what to wait for and what to do then. A step that nothing was
// told before was a matter of patience: the time that passed is kept instead.
class Steps {
 public:
  /// `to_the_end`: with the orderly end of both hosts after the manager was done.
  Steps(const Plan& plan, bool to_the_end) : plan_(plan), to_the_end_(to_the_end) {}

  json of(const History& history) {
    for (const auto& event : history.events()) take(event);
    return std::move(steps_);
  }

 private:
  void take(const Event& event) {
    if (const auto what = told(event); !what.empty()) waits_[event.actor] = what;
    if (event.kind == "fault") take_fault(event);
    if (event.kind == "qmp-command") take_command(event);
    if (event.kind != "decision") return;
    const auto action = action_from(event.name);
    if (action == Action::done || action == Action::give_up) over_ = true;
    if (!action) return;
    if (auto step = step_of(*action)) add(event, std::move(*step));
  }

  // In the stream the place says when, and what a host said before may come later this time.
  void take_fault(const Event& event) {
    const auto& spec = plan_.faults.front();
    if (event.name == "injected" && !in_stream(spec.trigger.point)) add(event, {{"do", "strike"}});
    if (event.name == "injected" && in_stream(spec.trigger.point))
      steps_.push_back({{"do", "strike"}});
    if (event.name == "healed")
      steps_.push_back({{"do", "heal"}, {"after_ms", spec.heal_after_ms}});
    last_ns_ = event.at_ns;
  }

  void take_command(const Event& event) {
    if (event.name == "migrate") add(event, {{"do", "migrate"}});
    // The downtime limit that ends pre-copy is set when enough passes were made.
    if (event.name == "migrate-set-parameters") {
      waits_[event.actor] = fmt::format("pass {}", plan_.least_passes);
      add(event, qmp_step(event.actor, event.name, {{"downtime-limit", plan_.downtime_limit_ms}}));
    }
    if (over_ && to_the_end_ && (event.name == "stop" || event.name == "quit"))
      add(event, qmp_step(event.actor, event.name));
  }

  void add(const Event& event, json step) {
    if (waits_.empty() && !steps_.empty())
      step["after_ms"] = std::max<std::int64_t>(0, (event.at_ns - last_ns_) / 1000000);
    for (const auto& [host, what] : waits_)
      if (host == kHosts[0] || host == kHosts[1]) step["wait"].push_back({host, what});
    waits_.clear();
    last_ns_ = event.at_ns;
    steps_.push_back(std::move(step));
  }

  const Plan& plan_;
  const bool to_the_end_;
  json steps_ = json::array();
  std::map<std::string, std::string> waits_;  // by host: what it said last
  std::int64_t last_ns_ = 0;
  bool over_ = false;
};

// --- the fault -----------------------------------------------------------------------------------

std::optional<std::int64_t> offset_of(const History& history, const char* kind, const char* name) {
  for (const auto& event : history.events()) {
    const bool ram = event.kind != "stream" || text_field(event, "idstr") == "ram";
    if (event.kind == kind && event.name == name && ram) return number_field(event, "offset");
  }
  return std::nullopt;
}

// Where the channel stood. How long RAM is depends on what the guest was doing: a place behind it
// is counted from its end.
json place_of(const FaultSpec& spec, const History& history) {
  if (!in_stream(spec.trigger.point)) return nullptr;
  const auto* injected = history.first("director", "fault", "injected");
  if (injected == nullptr) throw NoScript{"the fault never struck"};
  const bool back = spec.trigger.point.name.starts_with("ack");
  const auto forth_bytes = number_field(*injected, "forwarded").value_or(0);
  json place{{"way", back ? "back" : "forth"},
             {"from", "start"},
             {"bytes", back ? number_field(*injected, "back_forwarded").value_or(0) : forth_bytes},
             {"more", back && spec.trigger.point.name == "ack"}};
  if (back) return place;
  const auto end = offset_of(history, "point", "stopcopy/ram-end");
  auto last = offset_of(history, "stream", "section_end");
  if (!last) last = offset_of(history, "point", "stopcopy/enter");
  if (end && forth_bytes >= *end) {
    place["from"] = "ram-end";
    place["bytes"] = forth_bytes - *end;
  } else if (last && spec.trigger.point.phase >= Phase::stopcopy) {
    place["from"] = "ram-last";
    place["bytes"] = std::max<std::int64_t>(0, forth_bytes - *last);
  }
  return place;
}

json fault_of(const Plan& plan, const History& history, const Catalogs& catalogs) {
  if (plan.faults.empty()) return nullptr;
  if (plan.faults.size() > 1) throw NoScript{"it needs more than one fault"};
  const auto& spec = plan.faults.front();
  const auto& kind = catalogs.find_fault(spec.kind);
  if (kind.by_hand.empty())
    throw NoScript{fmt::format("`{}` is out of reach of a plain script", spec.kind)};
  if (!spec.channel.empty()) throw NoScript{"it is about a side channel"};
  const bool source = spec.side == Side::source;
  const bool stays = spec.heal_after_ms == 0;
  const bool gone = kind.by_hand == "kill" || kind.by_hand == "quit" || kind.by_hand == "freeze";
  const bool waits =
      kind.flow == Flow::at_heal || (kind.flow == Flow::at_injection && source && !stays);
  return {{"how", kind.by_hand},
          {"side", to_string(spec.side)},
          {"place", place_of(spec, history)},
          {"seal", source && stays && gone},
          {"release", kind.flow == Flow::never ? "never"
                      : waits                  ? "heal"
                                               : "now"}};
}

// --- what came of it -----------------------------------------------------------------------------

// The end of a process that neither the plan nor the manager caused.
std::optional<std::pair<std::string, std::string>> strange_ending(const Plan& plan,
                                                                  const History& history) {
  for (const auto* host : kHosts) {
    const auto* exited = history.first(host, "process", "exited");
    if (exited == nullptr) continue;
    const auto by_signal = number_field(*exited, "signal").value_or(0);
    const auto code = number_field(*exited, "code").value_or(0);
    constexpr int kKilled = 9;
    if (by_signal != 0 && by_signal != kKilled)
      return {{host, fmt::format("signal {}", by_signal)}};
    const bool load_failed = code == 1 && host == kHosts[1] && !plan.faults.empty();
    if (code != 0 && !load_failed) return {{host, fmt::format("status {}", code)}};
  }
  return std::nullopt;
}

// "bdrv_co_write_req_prepare: Assertion" of an assertion's message; empty when there is none.
std::string assertion_in(const std::string& printed) {
  static const std::regex pattern("([A-Za-z0-9_]+): Assertion");
  std::smatch found;
  return std::regex_search(printed, found, pattern) ? found.str() : "";
}

json sought_in(const CaseResult& result, const History& history,
               const std::map<std::string, std::string>& evidence) {
  if (const auto end = strange_ending(result.plan, history)) {
    const auto& [host, how] = *end;
    const auto printed = assertion_in(lookup(evidence, "stderr-" + host + ".log"));
    return {{"what", "ending"},
            {"host", host},
            {"ending", how},
            {"printed", printed},
            {"words", fmt::format("the {} ended by itself with {}{}", host, how,
                                  printed.empty() ? "" : ": " + printed)}};
  }
  std::string symptom;  // of the finding that names the case
  for (const auto& finding : result.findings)
    if (finding.verdict == result.verdict && symptom.empty()) symptom = finding.symptom;
  if (symptom == "double-run")
    return {{"what", "both-run"}, {"words", "the guest ran on both hosts at once"}};
  if (symptom == "vm-lost" || symptom == "source-went-back")
    return {{"what", "none-runs"}, {"words", "no host runs the guest"}};
  throw NoScript{
      fmt::format("`{}` shows only in what migfuzz reads of RAM, disk and records", symptom)};
}

// --- the text ------------------------------------------------------------------------------------

std::string base64(Bytes bytes) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](std::size_t k) {
      return i + k < bytes.size() ? std::to_integer<unsigned>(bytes[i + k]) : 0u;
    };
    const unsigned word = at(0) << 16 | at(1) << 8 | at(2);
    for (int k = 0; k < 4; ++k)
      text += i + static_cast<std::size_t>(k) <= bytes.size() || k < 2
                  ? kLetters[word >> (18 - 6 * k) & 63]
                  : '=';
    if (i % 72 == 69) text += '\n';
  }
  return text;
}

void fill(std::string& text, std::string_view slot, const std::string& with) {
  const auto at = text.find(slot);
  if (at != text.npos) text.replace(at, slot.size(), with);
}

// For the head of the script, which is a Python string.
std::string quoted(std::string text) {
  for (auto& c : text)
    if (c == '"' || c == '\\') c = '\'';
  return text;
}

std::string wrapped(const std::string& text, std::size_t columns) {
  std::istringstream words(text);
  std::string out;
  std::size_t column = 0;
  for (std::string word; words >> word;) {
    if (column > 0 && column + 1 + word.size() > columns) {
      out += '\n';
      column = 0;
    }
    out += column > 0 ? " " + word : word;
    column += word.size() + (column > 0 ? 1 : 0);
  }
  return out;
}

std::string story(const CaseResult& result) {
  if (result.plan.faults.empty()) return result.headline;
  const auto& spec = result.plan.faults.front();
  return fmt::format("{} of the {} at {}, protocol {}. {}", spec.kind, to_string(spec.side),
                     to_string(spec.trigger), result.plan.protocol, result.headline);
}

std::string make(const CaseResult& result, const std::map<std::string, std::string>& evidence,
                 const Catalogs& catalogs, const std::string& migfuzz_version) {
  const auto& plan = result.plan;
  if (!plan.plant.empty()) throw NoScript{"migfuzz itself planted the defect"};
  const auto& guest = catalogs.find_guest(plan.guest.name);
  if (guest.wake(plan.guest))
    throw NoScript{fmt::format("the guest `{}` is restored, which takes more than a plain script",
                               plan.guest.name)};
  if (plan.disk == "nbd") throw NoScript{"its disk is served by a storage daemon for each host"};
  const auto history = history_of(lookup(evidence, "history.jsonl"));
  const auto arrow = result.versions.find(" -> ");
  const json hosts{{"source", host_of("source", evidence, result.versions.substr(0, arrow))},
                   {"destination",
                    host_of("destination", evidence,
                            arrow == std::string::npos ? "" : result.versions.substr(arrow + 4))}};
  const auto fault = fault_of(plan, history, catalogs);
  const auto sought = sought_in(result, history, evidence);
  const auto disk_bytes = guest.disk_bytes() != 0 ? guest.disk_bytes() : 1 << 20;
  const json one{
      {"hosts", hosts},
      {"transport", plan.transport == Transport::tcp ? "tcp" : "unix"},
      {"memory_bytes", plan.guest.memory_bytes},
      {"disk", {{"format", plan.disk == "qcow2" ? "qcow2" : "raw"}, {"bytes", disk_bytes}}},
      {"fault", fault},
      {"steps", Steps(plan, sought["what"] == "ending").of(history)},
      {"sought", sought}};
  std::string text(migfuzz_reproduce_begin, migfuzz_reproduce_end);
  fill(text, "@TITLE@", quoted(sought["words"].get<std::string>()) + ".");
  fill(text, "@STORY@", wrapped(quoted(story(result)), 98));
  fill(text, "@VERSION@", migfuzz_version);
  fill(text, "@CASE@", one.dump(1, ' ', true, json::error_handler_t::replace));
  fill(text, "@PAYLOAD@", base64(guest.payload()));
  return text;
}

}  // namespace

Script script_for(const CaseResult& result, const std::map<std::string, std::string>& evidence,
                  const Catalogs& catalogs, const std::string& migfuzz_version) {
  try {
    return {make(result, evidence, catalogs, migfuzz_version), ""};
  } catch (const NoScript& no) {
    return {"", no.why};
  } catch (const UsageError& error) {
    return {"", std::string("the evidence cannot be read: ") + error.what()};
  } catch (const json::exception& error) {
    return {"", std::string("the evidence cannot be read: ") + error.what()};
  }
}

}  // namespace migfuzz
