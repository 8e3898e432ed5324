// What was asked for, before it means anything: the values of one command's options, and where each
// of them comes from.
//
// A value from the command line is named `--seed` in messages, one from a file
// `migfuzz.toml:4: seed`: so that whoever refuses it need not know the difference. What is typed
// wins over what the file says.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/command_line/table.h"

namespace migfuzz::command_line {

struct Setting {
  std::vector<std::string> values;  // of a flag: "true"
  std::string from;                 // "--seed", "migfuzz.toml:4: seed"
  bool of_file = false;
};

class Settings {
 public:
  explicit Settings(const Command& command) : command_(&command) {}

  const Command& command() const { return *command_; }
  /// Something that was set already stays: call it for the command line first.
  void set(std::string_view name, Setting setting);
  bool has(std::string_view name) const { return given_.contains(std::string(name)); }
  /// The value, else what is usual, else nothing.
  std::string text(std::string_view name) const;
  std::vector<std::string> list(std::string_view name) const;
  bool flag(std::string_view name) const;
  /// How messages call it.
  std::string from(std::string_view name) const;
  /// Options that take their value from a file, as one would type them: `--time=8h`.
  std::vector<std::string> of_file() const;

  std::vector<std::string> arguments;  // those of the command, in their order

 private:
  const Command* command_;  // outlives it
  std::map<std::string, Setting> given_;
};

/// A word as a shell takes it back: in quotes where it needs them.
std::string shell_quoted(const std::string& word);

}  // namespace migfuzz::command_line
