// The table of the command line: every command, option and argument, stated once.
//
// Reading, help, completion, manual pages, migfuzz.toml and the tests all go by it, so that none of
// them can know an option that the others do not. Rows are values without behaviour; what a typed
// value means is decided in requests.h. Adding an option: one row here, one line there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace migfuzz::command_line {

/// What a value is a word of: for completion.
enum class Words {
  free,  // nothing can be proposed
  phases,
  points,
  faults,
  sides,
  protocols,
  modes,
  tiers,
  guests,
  scenarios,
  accelerators,
  transports,
  disks,
  feedback,
  lists,
  commands,
  shells,
  files,
  folders,
  programs
};

struct Option {
  std::string_view group;       // heading in the help
  std::string_view name;        // "phase": `--phase`, and `phase = …` in migfuzz.toml
  std::string_view value;       // "LIST", "N", …; empty: a flag
  std::string_view help;        // one clause; the rest of its line in the help is short
  std::string_view usual = {};  // as one would type it; empty: none, or one that depends on others
  Words words = Words::free;
  bool list = false;           // several values, with commas or one after the other
  bool command_line = false;   // it has no meaning in migfuzz.toml
  std::string_view more = {};  // for the manual page: what the clause leaves out
};

struct Argument {
  std::string_view name;  // "PLAN"
  std::string_view help;
  Words words = Words::free;
  bool required = true;
  bool list = false;
};

struct Command {
  std::string_view name;
  std::string_view summary;  // one line
  std::string_view text;     // for the manual page: a paragraph
  std::vector<Argument> arguments;
  std::vector<Option> options;
  std::vector<std::string_view> examples;  // without the leading "migfuzz "
  bool in_file = false;                    // migfuzz.toml may have a section of its name
};

/// All commands; the first one is the default. Texts of the program as a whole are in help.cpp.
std::vector<Command> all_commands();
/// Throws UsageError with the near names.
const Command& find_command(const std::vector<Command>& commands, std::string_view name);
/// Nothing: it has no such option.
const Option* find_option(const Command& command, std::string_view name);

}  // namespace migfuzz::command_line
