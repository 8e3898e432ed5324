#include "harness/hypervisors/tracing.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "harness/stream/trace_log.h"

namespace migfuzz {
namespace {

// One pattern a line, `-` takes away. QEMU compares each with its 4000 to 5000 events one by one,
// which takes 0.5 ms of a start for each: so they are few and wide. Exact names are in 7.2 and in
// 10.0; QEMU warns of one that it does not have. Formats and names: trace-events of migration/,
// net/, softmmu/ (7.2) and system/ (10.0).
constexpr std::string_view kWanted[] = {
    "migrat*",
    "-migrat*_transferred*",
    "-migration_bitmap_clear*",  // per page and block
    "*savevm_*",
    "*loadvm_*",
    "vmstate_*_bad",
    "vmstate_*_error",
    "process_incoming_*",
    "*return_path_*",
    "runstate_set",
    "vm_state_notify",
    "ram_load_complete",
    "qemu_announce_*",
    "qemu_file_fclose",
    "multifd_*",
    "postcopy_start*",
    "postcopy_pause_*",
    "postcopy_ram_*",
    "-postcopy_ram_fault_thread_request*",  // per page
};

std::string wanted_text() {
  std::string text;
  for (const auto one : kWanted) text += std::string(one) + "\n";
  return text;
}

}  // namespace

Tracing::Tracing() : wanted_("trace-wanted"), log_("trace-log") {
  const auto text = wanted_text();
  wanted_.write(std::as_bytes(std::span(text.data(), text.size())));
}

// Only with a timestamp does a line name the thread that wrote it; QEMU's messages get one, too.
std::vector<std::string> Tracing::arguments() const {
  return {"-trace", "events=" + io::path_of(wanted_.fd()),
          "-D",     io::path_of(log_.fd()),
          "-msg",   "timestamp=on"};
}

std::vector<int> Tracing::inherited() const { return {wanted_.fd(), log_.fd()}; }

HostTrace Tracing::read() const {
  HostTrace trace;
  trace.text = log_.text_from(0, stream::TraceLimits().bytes_most);
  trace.events = stream::parse_trace_log(trace.text);
  return trace;
}

std::vector<std::string> traced_events(io::Qmp& monitor, Clock::time_point deadline) {
  std::vector<std::string> names;
  for (const auto& one : monitor.call("trace-event-get-state", {{"name", "*"}}, deadline))
    if (one.value("state", "") == "enabled") names.push_back(one.value("name", ""));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace migfuzz
