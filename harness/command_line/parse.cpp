#include "harness/command_line/parse.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>

#include "harness/core/error.h"
#include "harness/core/types.h"

namespace migfuzz::command_line {
namespace {

std::string see(const Command& command) {
  return fmt::format("see `migfuzz {} --help`", command.name);
}

// One option while it is read; CLI11 writes into it.
struct Slot {
  const Option* option;
  std::vector<std::string> values;
  std::int64_t times = 0;  // of a flag
  CLI::Option* parser = nullptr;
};

CLI::Option* add(CLI::App& app, Slot& slot) {
  auto flag = fmt::format("--{}", slot.option->name);
  if (slot.option->name == "help") flag = "-h," + flag;
  if (slot.option->value.empty()) return app.add_flag(flag, slot.times);
  auto* option = app.add_option(flag, slot.values);
  if (slot.option->list)
    option->delimiter(',');
  else
    option->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
  return option;
}

[[noreturn]] void refuse_word(const Command& command, const std::string& word) {
  if (!word.starts_with("-"))
    throw UsageError(
        fmt::format("{}: `{}` is one argument too many; {}", command.name, word, see(command)));
  const auto name = word.substr(0, word.find('='));
  std::vector<std::string> known;
  for (const auto& option : command.options) known.push_back(fmt::format("--{}", option.name));
  const auto near = nearest(name, known);
  throw UsageError(fmt::format("{}: `{}` is not an option{}{}; {}", command.name, name,
                               near.empty() ? "" : "; nearest: ", fmt::join(near, ", "),
                               see(command)));
}

void refuse_missing(const Command& command, const std::vector<std::string>& arguments) {
  if (arguments.size() >= command.arguments.size()) return;
  const auto& missing = command.arguments[arguments.size()];
  if (missing.required)
    throw UsageError(fmt::format("{}: {} is missing: {}; {}", command.name, missing.name,
                                 missing.help, see(command)));
}

void take_arguments(const Command& command, const std::vector<std::string>& rest,
                    Settings& settings) {
  const bool open = !command.arguments.empty() && command.arguments.back().list;
  bool options_ended = false;
  for (const auto& word : rest) {
    if (!options_ended && word == "--") {
      options_ended = true;
      continue;
    }
    const bool option = !options_ended && word.size() > 1 && word.starts_with("-");
    if (option || (!open && settings.arguments.size() == command.arguments.size()))
      refuse_word(command, word);
    settings.arguments.push_back(word);
  }
}

[[noreturn]] void refuse_value(const Command& command, const std::string& said) {
  const auto name = said.substr(0, said.find_first_of(":= "));
  const auto* option = find_option(command, name.substr(name.starts_with("--") ? 2 : 0));
  if (option != nullptr && !option->value.empty())
    throw UsageError(
        fmt::format("{}: its value, {}, is missing; {}", name, option->value, see(command)));
  throw UsageError(fmt::format("{}; {}", said, see(command)));
}

Settings read(const Command& command, std::vector<std::string> words, bool& help) {
  CLI::App app;
  app.set_help_flag("");
  app.allow_extras();
  app.prefix_command(false);
  std::deque<Slot> slots;
  for (const auto& option : command.options) {
    slots.push_back({&option, {}, 0, nullptr});
    slots.back().parser = add(app, slots.back());
  }
  std::reverse(words.begin(), words.end());  // CLI11 takes a vector from its back
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    refuse_value(command, error.what());
  }
  Settings settings(command);
  for (auto& slot : slots) {
    const auto name = fmt::format("--{}", slot.option->name);
    if (slot.parser->count() == 0) continue;
    if (slot.option->value.empty()) {
      if (slot.option->name == "help") help = true;
      if (slot.times > 0) settings.set(slot.option->name, {{"true"}, name, false});
      continue;
    }
    if (!slot.option->list && slot.values.size() > 1)
      throw UsageError(
          fmt::format("{}: is given {} times; give it once", name, slot.values.size()));
    settings.set(slot.option->name, {slot.values, name, false});
  }
  if (help) return settings;
  take_arguments(command, app.remaining(), settings);
  refuse_missing(command, settings.arguments);
  return settings;
}

}  // namespace

Parsed parse(const std::vector<std::string>& words, const std::vector<Command>& commands) {
  const bool named = !words.empty() && !words.front().starts_with("-");
  const auto& command = named ? find_command(commands, words.front()) : commands.front();
  Parsed parsed{Settings(command), false};
  parsed.settings = read(command, {words.begin() + (named ? 1 : 0), words.end()}, parsed.help);
  return parsed;
}

}  // namespace migfuzz::command_line
