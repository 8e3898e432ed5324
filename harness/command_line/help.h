// Help: made from the table, 80 columns wide, and short enough for one screen.
//
// The program's own help and that of each small command fit into 24 lines, that of `run` into 50;
// a test counts. What does not fit is in the manual pages (manual.h).
#pragma once

#include <string>

#include "harness/command_line/table.h"

namespace migfuzz::command_line {

/// `migfuzz --help`.
std::string program_help(const std::vector<Command>& commands);
/// `migfuzz COMMAND --help`; `usual`: the command may be left out.
std::string command_help(const Command& command, bool usual);

/// "migfuzz replay [OPTIONS] PLAN"
std::string usage(const Command& command);
/// "--phase LIST", "-h, --help"
std::string as_typed(const Option& option);
/// What is meant without it, as the help shows it: " [10]"; empty: nothing to say.
std::string usual_text(const Option& option);
/// What the exit status tells: a row each, the status first.
std::vector<std::pair<std::string_view, std::string_view>> exit_statuses();

/// `text` in lines of at most `width` columns, each of them behind `indent` blanks.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);

}  // namespace migfuzz::command_line
