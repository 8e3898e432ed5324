// A bundle: everything about one finding in one file, for another machine and another person.
//
// findings/SLUG.tar.gz holds the files of the case's folder, bundle.json with the versions and the
// machine, a README with what happened and how to repeat it, and reproduce.py where a plain script
// can do it (script.h). `migfuzz replay` reads it back. What comes back may come from anybody: see
// harness/io/archive.h.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/catalogs.h"
#include "harness/core/result.h"

namespace migfuzz {

/// Writes a bundle for each finding of `summary` whose case has a folder in `folder`, and names it
/// in the finding. `missing`: what this machine cannot do (Pool::missing_capabilities()). Throws
/// io::OutputError.
void write_bundles(const std::string& folder, Summary& summary,
                   const std::vector<CaseResult>& results, const Catalogs& catalogs,
                   const std::map<std::string, std::string>& missing);

/// Names in each finding the bundle that lies in `folder`, where there is one.
void name_bundles(const std::string& folder, Summary& summary);

/// "clean-exit/assertion:f/commit/reset-channel/handshake" as the name of a file.
std::string slug_of(const std::string& signature);

/// What `replay` takes from a bundle.
struct OpenBundle {
  std::string signature, source_version, destination_version;
  std::string made;  // by which migfuzz and where, one line
  Plan plan;
};

/// Throws UsageError naming `path` when it is no bundle.
OpenBundle open_bundle(const std::string& path);

}  // namespace migfuzz
