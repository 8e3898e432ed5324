// What this machine can do to a worker's own network and storage, found out by doing it.
//
// Run inside a worker's namespaces. Each probe makes a network of its own in a child process,
// because libnl 3.7 ends the process by an assertion on some answers. FaultKind::needs names one.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace migfuzz::io {

struct Capability {
  std::string_view name;
  std::string_view what;  // it can, one line
};
std::span<const Capability> all_capabilities();

/// Name and reason of each capability that is missing. Takes about 0.1 s.
std::map<std::string, std::string> missing_capabilities();

}  // namespace migfuzz::io
