// What makes a shell complete this program, made from the table and the catalogs.
//
// The words lie in the script, so that a key press starts no process. Lists are completed word by
// word behind their commas. Each script is tried in its real shell by tests/command_line/.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/command_line/table.h"
#include "harness/core/catalogs.h"

namespace migfuzz::command_line {

/// What can be typed for each kind of word that has a known set.
std::map<Words, std::vector<std::string>> known_words(const Catalogs& catalogs,
                                                      const std::vector<Command>& commands);

/// Throws UsageError for a shell that is not bash, zsh or fish.
std::string completion(const std::string& shell, const std::vector<Command>& commands,
                       const Catalogs& catalogs);

}  // namespace migfuzz::command_line
