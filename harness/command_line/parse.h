// Reads the command line by the table: words in, settings of one command out.
//
// CLI11 takes the words apart; what is wrong with them is said in our words, in one line, with the
// names that are near. Nothing here knows what a value means.
#pragma once

#include <string>
#include <vector>

#include "harness/command_line/settings.h"

namespace migfuzz::command_line {

struct Parsed {
  Settings settings;
  bool help = false;  // of its command; nothing else was looked at
};

/// `words` without the program's name. Without a command the first one of the table is meant.
/// Throws UsageError.
Parsed parse(const std::vector<std::string>& words, const std::vector<Command>& commands);

}  // namespace migfuzz::command_line
