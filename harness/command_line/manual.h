// Manual pages, made from the table: migfuzz(1), and one for each command, migfuzz-run(1) ….
//
// roff with the man(7) macros alone, checked by `man --warnings` and `mandoc -Tlint` in a test.
#pragma once

#include <string>

#include "harness/command_line/table.h"

namespace migfuzz::command_line {

/// migfuzz(1). `version` is what stands in the footer.
std::string program_page(const std::vector<Command>& commands, const std::string& version);
/// migfuzz-COMMAND(1).
std::string command_page(const Command& command, const std::vector<Command>& commands,
                         const std::string& version);

}  // namespace migfuzz::command_line
