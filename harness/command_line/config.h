// migfuzz.toml: settings for every night, with the names of the options.
//
//     [run]
//     phase = ["stopcopy", "commit"]
//     time = "8h"
//     quiet = true
//
// One section for each command that has one. Whatever the file has that no option is called is
// refused, with its line. TOML is read by toml++, not by CLI11: it keeps the line of every value,
// and CLI11 takes what it cannot read for something else. Paths are relative to the folder that
// migfuzz is started in, as on the command line.
#pragma once

#include <optional>
#include <string>

#include "harness/command_line/settings.h"

namespace migfuzz::command_line {

inline constexpr const char* kConfigFile = "migfuzz.toml";

/// The file that is to be read: `--config`, else migfuzz.toml, where there is one and it is wanted.
std::optional<std::string> config_path(const Settings& settings);
/// Adds what the section of the settings' command says and the command line does not. Everything
/// in the file is checked, other sections too. Throws UsageError: path, line, key, near word.
void add_config(Settings& settings, const std::vector<Command>& commands, const std::string& text,
                const std::string& path);
/// The settings as a section that reads back to the same; what is not set is a comment.
std::string config_text(const Settings& settings);

}  // namespace migfuzz::command_line
