// Runs a part of a test inside a worker's namespaces and brings its checks back.
//
// Catch2's macros mean nothing in another process, so the part reports named statements; each one
// becomes a CHECK here. Where the machine gives no namespaces, the test warns and says why.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/io/sandbox.h"

namespace migfuzz::fakes {

/// Says "true NAME" or "false NAME" to the test.
using Report = std::function<void(bool holds, const std::string& name)>;

/// False when this machine has no namespaces for it.
inline bool check_inside(const std::function<void(const Report&)>& part) {
  io::Loop loop;
  std::vector<std::string> lines;
  bool ended = false;
  io::Worker::Handlers handlers;
  handlers.line = [&](const std::string& line) { lines.push_back(line); };
  handlers.ended = [&] { ended = true; };
  const io::Worker worker(
      loop,
      [&part](io::Line& line) {
        try {
          part([&line](bool holds, const std::string& name) {
            line.write((holds ? "true " : "false ") + name);
          });
        } catch (const std::exception& error) {
          line.write(std::string("false no exception: ") + error.what());
        }
        line.write("the end");
        return 0;
      },
      std::move(handlers));
  const bool in_time =
      loop.run_until([&] { return ended; }, Clock::now() + std::chrono::seconds(15));
  CHECK(in_time);
  if (!lines.empty() && lines[0].starts_with("{\"cannot\"")) {
    WARN("skipped, no namespaces here: " << lines[0]);
    return false;
  }
  REQUIRE_FALSE(lines.empty());
  CHECK(lines.back() == "the end");
  lines.pop_back();
  CHECK_FALSE(lines.empty());
  for (const auto& line : lines) {
    INFO(line);
    CHECK(line.starts_with("true "));
  }
  return true;
}

}  // namespace migfuzz::fakes
