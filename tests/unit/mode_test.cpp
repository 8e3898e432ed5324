// The table of modes: which features go together, and what a mode of them can pass.
//
// A pair that QEMU would take and could not carry out is refused with one clause that says why.
// Run alone: unit_core "[mode]".
#include "harness/core/mode.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "harness/core/error.h"

namespace migfuzz {
namespace {

std::string refusal(const std::string& name) {
  try {
    mode_from(name);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

bool says(const std::string& text, const char* part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

TEST_CASE("Every feature is a mode of its own, and is among all of them", "[mode]") {
  const auto all = all_modes();
  CHECK(all.size() == all_features().size() + 1);
  for (const auto& name : all) CHECK(mode_from(name).name == name);
  for (const auto* name : {"mapped-ram", "background-snapshot"})
    CHECK(std::count(all.begin(), all.end(), name) == 1);
}

TEST_CASE("What cannot go through a file is refused with the reason", "[mode]") {
  CHECK(says(refusal("postcopy+mapped-ram"), "a file answers no request"));
  CHECK(says(refusal("multifd-zstd+mapped-ram"), "of a page's size"));
  CHECK(says(refusal("xbzrle+mapped-ram"), "of a page's size"));
  CHECK(says(refusal("ignore-shared+mapped-ram"), "no page would be left"));
  CHECK(says(refusal("storage+mapped-ram"), "a mirror needs both hosts at once"));
  CHECK(says(refusal("mapped-ram+tls-psk"), "no channel that TLS could wrap"));
  for (const auto* name :
       {"multifd+mapped-ram", "auto-converge+mapped-ram", "zero-page-none+mapped-ram"})
    CHECK(refusal(name).empty());
}

TEST_CASE("A snapshot goes with hardly anything", "[mode]") {
  CHECK(says(refusal("mapped-ram+background-snapshot"), "not been thought through"));
  CHECK(says(refusal("multifd+background-snapshot"), "each page once"));
  CHECK(says(refusal("background-snapshot+tls-x509"), "over a plain channel"));
  CHECK(refusal("zero-page-none+background-snapshot").empty());
}

TEST_CASE("A file has no side channels, and only points at which the manager stands", "[mode]") {
  const auto file = mode_from("multifd+mapped-ram");
  CHECK(file.side_channels().empty());
  CHECK_FALSE(file.needs_tcp());
  CHECK(file.lacks(point_from("commit/file-complete")).empty());
  CHECK(file.lacks(point_from("activate/before-cont")).empty());
  CHECK_FALSE(file.lacks(point_from("commit/eof")).empty());
  CHECK_FALSE(file.lacks(point_from("reserve/first-byte")).empty());
  CHECK_FALSE(mode_from("precopy").lacks(point_from("precopy/saving")).empty());
}

TEST_CASE("A snapshot has no return path and is never run", "[mode]") {
  const auto snapshot = mode_from("background-snapshot");
  CHECK(snapshot.usual_capabilities() == std::vector<std::string>{"events"});
  CHECK_FALSE(snapshot.lacks(point_from("commit/ack")).empty());
  CHECK_FALSE(snapshot.lacks(point_from("activate/resumed")).empty());
  CHECK_FALSE(snapshot.lacks(point_from("precopy/pass:2")).empty());
  CHECK_FALSE(snapshot.lacks(point_from("stopcopy/enter")).empty());
  CHECK(snapshot.lacks(point_from("commit/eof")).empty());
}

}  // namespace
}  // namespace migfuzz
