// Modes: the ways in which QEMU can migrate, as one table of features that can be put together.
//
// A mode is named by its features, joined with `+`: "postcopy", "multifd-zstd+tls-psk". No feature
// is "precopy". A feature says what to set on both QEMUs; whether a QEMU can do it is never guessed
// from its version: it is asked with exactly these capabilities and parameters (harness/campaign/
// machine.h), and what it refuses is left out with its own words. Names of capabilities and
// parameters are those of qapi/migration.json.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/point.h"
#include "harness/core/types.h"

namespace migfuzz {

/// How both ends of a migration prove who they are.
enum class Credentials { none, psk, x509 };

/// One migration parameter (migrate-set-parameters) and its value as JSON text.
struct Setting {
  std::string_view parameter, json;
};

struct Feature {
  std::string_view name;
  std::string_view summary;
  std::vector<std::string_view> capabilities;  // of both hosts
  std::vector<Setting> settings;               // of both hosts
  bool postcopy = false;     // the destination runs before it has all pages
  bool preempt = false;      // post-copy with a channel of its own for pages that were asked for
  unsigned multifd = 0;      // side channels that carry the pages
  bool shares_ram = false;   // both hosts map the same RAM, which is not sent
  bool mirrors_disk = false;  // each host has its own disk; a mirror over NBD brings it along
  bool through_file = false;  // the source saves into a file, the destination loads it afterwards
  bool snapshot = false;      // the source runs on; the destination gets what it was at the start
  Credentials credentials = Credentials::none;
};

/// The table, in the order in which a mode names its features.
std::span<const Feature> all_features();

struct Mode {
  std::string name = "precopy";
  std::vector<const Feature*> features;

  bool postcopy() const;
  bool preempt() const;
  unsigned multifd() const;
  bool shares_ram() const;
  bool mirrors_disk() const;
  bool through_file() const;
  bool snapshot() const;
  Credentials credentials() const;
  /// Its side channels by name: "multifd:0", "multifd:1", "preempt".
  std::vector<std::string> side_channels() const;
  bool has(Phase phase) const;
  /// Why a migration in this mode never comes to that point, in one clause; empty: it may.
  std::string lacks(const Point& point) const;
  /// Capabilities that the manager switches on at both ends, whatever the mode's features are.
  std::vector<std::string> usual_capabilities() const;
  /// Pages travel over the main channel as they are, so that one of them can be changed there.
  bool sends_plain_pages() const;
  /// A descriptor that was handed over (transport unix-tight) is one connection, and no TLS name.
  bool needs_tcp() const;
};

/// Throws UsageError: an unknown feature, one named twice, or two that exclude each other.
Mode mode_from(std::string_view name);
/// Every mode that `--mode=all` means: each feature alone, and "precopy" first.
std::vector<std::string> all_modes();

}  // namespace migfuzz
