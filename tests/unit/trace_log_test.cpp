// QEMU's trace log: real ones of two versions, and bytes that no QEMU would write.
//
// The recorded logs are of a migration without a fault (tests/golden/traces). Run alone:
// unit_stream "[trace]".
#include "harness/stream/trace_log.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>

namespace migfuzz::stream {
namespace {

std::string recorded(const std::string& name) {
  std::ifstream in(std::string(MIGFUZZ_SOURCE_DIR) + "/tests/golden/traces/" + name);
  std::stringstream text;
  text << in.rdbuf();
  REQUIRE(!text.str().empty());
  return text.str();
}

std::vector<std::string> names(std::string_view text) {
  std::vector<std::string> list;
  for (auto& one : parse_trace_log(text)) list.push_back(std::move(one.event));
  return list;
}

using List = std::vector<std::string>;

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// States of a log in their order, as "migrate_set_state(…)".
List states(const std::vector<Traced>& events) {
  List list;
  for (const auto& one : events)
    if (one.event.starts_with("migrate_set_state")) list.push_back(one.event);
  return list;
}

TEST_CASE("Every line of a recorded log is an event of a thread", "[trace]") {
  for (const auto* version : {"7.2", "10.0"})
    for (const auto* side : {"source", "destination"}) {
      const auto text = recorded(std::string(version) + "-" + side + ".log");
      INFO(version << " " << side);
      const auto events = parse_trace_log(text);
      CHECK(events.size() == lines_of(text));
      std::set<std::uint64_t> threads;
      for (const auto& one : events) threads.insert(one.thread);
      CHECK(threads.count(0) == 0);
      CHECK(threads.size() == (std::string(side) == "source" ? 3 : 1));
    }
}

TEST_CASE("A recorded source goes through the states of a migration", "[trace]") {
  for (const auto* version : {"7.2", "10.0"}) {
    INFO(version);
    const auto found = states(parse_trace_log(recorded(std::string(version) + "-source.log")));
    REQUIRE(found.size() >= 3);
    CHECK(found.front() == "migrate_set_state(setup)");
    CHECK(found[1] == "migrate_set_state(active)");
    CHECK(found.back() == "migrate_set_state(completed)");
  }
}

TEST_CASE("A recorded destination says how its load ended", "[trace]") {
  for (const auto* version : {"7.2", "10.0"}) {
    INFO(version);
    const auto found = names(recorded(std::string(version) + "-destination.log"));
    const auto has = [&](const char* name) {
      return std::find(found.begin(), found.end(), name) != found.end();
    };
    CHECK(has("process_incoming_migration_co_end(0)"));
    CHECK(has("runstate_set(running)"));
    CHECK(has("qemu_loadvm_state_section_startfull(virtio-net)"));
  }
}

TEST_CASE("A line without a timestamp is an event of no thread", "[trace]") {
  const auto events = parse_trace_log("migrate_set_state new state active\nsavevm_state_begin \n");
  REQUIRE(events.size() == 2);
  CHECK(events[0] == Traced{0, "migrate_set_state(active)"});
  CHECK(events[1] == Traced{0, "savevm_state_begin"});
}

TEST_CASE("Of states only what the event's text names is taken", "[trace]") {
  const auto found = names(
      "7@1.000002:runstate_set current_run_state 2 (inmigrate) new_state 11 (running)\n"
      "7@1.000003:loadvm_process_command com=MIG_CMD_PING len=4\n"
      "7@1.000004:process_incoming_migration_co_end ret=-5 postcopy-state=0\n"
      "7@1.000005:migration_return_path_end_after 1\n"
      "7@1.000006:savevm_section_start 0000:00:02.0/virtio-blk, section_id 38\n"
      "7@1.000007:qemu_loadvm_state_section_startfull 2(ram) 0 4\n"
      "7@1.000008:qemu_loadvm_state_section_startfull 39(0000:00:03.0/virtio-net) 0 11\n"
      "7@1.000009:savevm_section_end ram, section_id 2 -> 0\n");
  CHECK(found == List{"runstate_set(running)", "loadvm_process_command(MIG_CMD_PING)",
                      "process_incoming_migration_co_end(-5)", "migration_return_path_end_after(1)",
                      "savevm_section_start(virtio-blk)",
                      "qemu_loadvm_state_section_startfull(ram)",
                      "qemu_loadvm_state_section_startfull(virtio-net)", "savevm_section_end"});
}

TEST_CASE("A last line that was cut off is left out, wherever it was cut", "[trace]") {
  const std::string first = "12@1.000001:savevm_state_setup \n";
  const std::string last = "12@1.000002:migrate_set_state new state cancelling\n";
  for (std::size_t kept = 0; kept < last.size(); ++kept)
    CHECK(names(first + last.substr(0, kept)) == List{"savevm_state_setup"});
  CHECK(names(first + last).size() == 2);
}

TEST_CASE("Text of an event that looks like an event is none", "[trace]") {
  // Where the log names threads, every event names one.
  CHECK(names("3@1.000001:migrate_error error=two\nmigrate_set_state new state failed\n"
              "3@1.000002:migration_cleanup \n") == List{"migrate_error", "migration_cleanup"});
}

TEST_CASE("What is no event is skipped", "[trace]") {
  for (const auto* line :
       {"", " ", "qemu-system-x86_64: warning: x", "@1.2:a b", "1@:a b", "1@2:a b", "1@2.:a b",
        "1@2.3a b", "1@2.3:", "1@2.3: a", "1@2.3:A b", "1@2.3:noblank", "1@2.3:a-b c",
        "9999999999999999999999@1.2:a b", "2026-11-22T05:18:38.1Z qemu: a b"}) {
    INFO(line);
    CHECK(names("1@2.000003:savevm_state_setup \n" + std::string(line) + "\n") ==
          List{"savevm_state_setup"});
  }
}

TEST_CASE("A state that is no word is left out and the event stays", "[trace]") {
  CHECK(names("1@2.3:migrate_set_state new state \n") == List{"migrate_set_state"});
  CHECK(names("1@2.3:migrate_set_state new state \xff<x>\n") == List{"migrate_set_state"});
  CHECK(names("1@2.3:migrate_set_state " + std::string(5000, 'x') + "\n") ==
        List{"migrate_set_state"});
  CHECK(names("1@2.3:migrate_set_state new state " + std::string(33, 'x') + "\n") ==
        List{"migrate_set_state"});
}

TEST_CASE("Limits bound what a log costs", "[trace]") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "1@2.3:savevm_state_iterate \n";
  TraceLimits few;
  few.events_most = 7;
  CHECK(parse_trace_log(text, few).size() == 7);
  TraceLimits little;
  little.bytes_most = 100;
  CHECK(parse_trace_log(text, little).size() == 3);
  CHECK(parse_trace_log("1@2.3:" + std::string(65, 'a') + " \n").empty());
  CHECK(parse_trace_log("1@2.3:" + std::string(64, 'a') + " \n").size() == 1);
}

// A cheap generator: no log that it makes may do anything but give events within the limits.
TEST_CASE("Any bytes are taken without harm", "[trace]") {
  const std::string real = recorded("7.2-source.log").substr(0, 4000);
  std::uint64_t state = 42;
  const auto draw = [&](std::uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  for (int round = 0; round < 2000; ++round) {
    auto text = real;
    for (std::uint64_t changes = 1 + draw(20); changes > 0; --changes) {
      const auto at = draw(text.size());
      if (draw(3) == 0)
        text.erase(at, draw(200));
      else
        text[at] = static_cast<char>(draw(256));
      if (text.empty()) text = "\n";
    }
    for (const auto& one : parse_trace_log(text)) {
      const auto plain = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '(' ||
               c == ')';
      };
      REQUIRE(one.event.size() <= 64 + 34);
      REQUIRE(std::all_of(one.event.begin(), one.event.end(), plain));
    }
  }
}

}  // namespace
}  // namespace migfuzz::stream
