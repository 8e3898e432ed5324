#include "harness/command_line/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace migfuzz::command_line {

std::string as_typed(const Option& option) {
  return fmt::format("{}--{}{}{}", option.name == "help" ? "-h, " : "", option.name,
                     option.value.empty() ? "" : " ", option.value);
}

std::string usual_text(const Option& option) {
  return option.usual.empty() ? "" : fmt::format(" [{}]", option.usual);
}

std::string usage(const Command& command) {
  auto line = fmt::format("migfuzz {} [OPTIONS]", command.name);
  for (const auto& argument : command.arguments) {
    const auto name = fmt::format("{}{}", argument.name, argument.list ? "…" : "");
    line += argument.required ? " " + name : fmt::format(" [{}]", name);
  }
  return line;
}

std::vector<std::pair<std::string_view, std::string_view>> exit_statuses() {
  return {{"0", "no failure"},
          {"1", "failures found"},
          {"2", "bad usage"},
          {"3", "inconclusive: a control failed, a fault was not delivered, or infra"},
          {"4", "this machine cannot run it, or its output cannot be written"},
          {"128+n", "ended by signal n"}};
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out, line;
  std::stringstream words{std::string(text)};
  const std::string margin(indent, ' ');
  for (std::string word; words >> word;) {
    if (!line.empty() && indent + line.size() + 1 + word.size() > width) {
      out += margin + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return line.empty() ? out : out + margin + line + "\n";
}

std::string program_help(const std::vector<Command>& commands) {
  std::string text =
      "migfuzz breaks QEMU live migrations at exact points and proves what survived.\n"
      "Usage: migfuzz [COMMAND] [OPTIONS]\n\n";
  for (const auto& command : commands)
    text += fmt::format("  {:<12}{}\n", command.name, command.summary);
  text +=
      "\nExamples:\n"
      "  migfuzz --phase=stopcopy               break it in the phase that matters most\n"
      "  migfuzz list faults                    what can be done to it\n"
      "  migfuzz replay migfuzz-out/cases/ID    run one case again\n"
      "\n`migfuzz COMMAND --help` has the options of a command, `migfuzz man` all of it.\n"
      "Exit status: 0 no failure, 1 failures found, 2 bad usage, 3 inconclusive,\n"
      "4 this machine cannot run it or write its output, 128+n ended by signal n.\n";
  return text;
}

std::string command_help(const Command& command, bool usual) {
  std::size_t column = 0;
  for (const auto& option : command.options) column = std::max(column, as_typed(option).size());
  for (const auto& one : command.arguments) column = std::max(column, one.name.size());
  const auto row = [&](std::string_view left, std::string_view right) {
    return fmt::format("  {:<{}}  {}\n", left, column, right);
  };
  auto text = fmt::format("{}.\nUsage: {}\n", command.summary, usage(command));
  if (usual) text += "       migfuzz [OPTIONS]\n";
  if (!command.arguments.empty()) text += "\n";
  for (const auto& argument : command.arguments) text += row(argument.name, argument.help);
  std::string_view group;
  for (const auto& option : command.options) {
    // A heading for one or two options would be longer than what it heads.
    if (option.group != group && command.options.size() > 8)
      text += fmt::format("{}:\n", option.group);
    else if (group.empty())
      text += "\n";
    group = option.group;
    text += row(as_typed(option), fmt::format("{}{}", option.help, usual_text(option)));
  }
  text += "\n";
  for (const auto& example : command.examples)
    text += fmt::format("Example: migfuzz {}\n", example);
  return text;
}

}  // namespace migfuzz::command_line
