#include "harness/command_line/manual.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "harness/command_line/help.h"

namespace migfuzz::command_line {
namespace {

// Text that roff shows as it is: no escapes, no hyphens for minus signs, no requests.
std::string roff(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '`' || c == '\'')
      out += "\\(aq";
    else if (text.substr(i).starts_with("…")) {
      out += "...";
      i += std::string_view("…").size() - 1;
    } else
      out += c;
  }
  return out;
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

// A sentence to a line, as the macro packages want it.
std::string sentences(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    auto end = text.find(". ", at);
    end = end == text.npos ? text.size() : end + 1;
    out += roff(text.substr(at, end - at)) + "\n";
    at = end == text.size() ? end : end + 1;
  }
  return out;
}

std::string head(const std::string& page, std::string_view summary, const std::string& version) {
  return fmt::format(".TH {} 1 \"\" \"migfuzz {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n",
                     roff(upper(page)), roff(version), roff(page), roff(summary));
}

std::string examples(const std::vector<std::string>& lines) {
  std::string text = ".SH EXAMPLES\n.nf\n";
  for (const auto& line : lines) text += fmt::format("{}\n", roff(line));
  return text + ".fi\n";
}

std::string statuses() {
  std::string text = ".SH \"EXIT STATUS\"\n";
  for (const auto& [status, what] : exit_statuses())
    text += fmt::format(".TP\n.B {}\n{}\n", status, roff(what));
  return text;
}

std::string settings(const std::vector<Command>& commands) {
  std::string text =
      ".SH FILES\n.TP\n.I migfuzz.toml\n"
      "Settings, in the folder that migfuzz is started in, or the file of\n.BR \\-\\-config .\n"
      "Sections:";
  for (const auto& command : commands)
    if (command.in_file) text += fmt::format("\n.BR [{}] ,", command.name);
  text.back() = '.';
  return text +
         "\nThe keys are the names of the options, without their dashes.\n"
         "Lists are arrays, flags are true or false.\n"
         "What is typed wins.\n"
         "A key that is no option is refused with its line.\n";
}

std::string environment() {
  return ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nWhen it is set and not empty, nothing is coloured.\n"
         ".TP\n.B TERM\nOn a\n.B dumb\nterminal progress is one line.\n";
}

std::string clause(const Option& option) {
  std::string text(option.help);
  text += usual_text(option);
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text + ".";
}

std::string options(const Command& command) {
  std::string text = ".SH OPTIONS\n";
  std::string_view group;
  for (const auto& option : command.options) {
    if (option.group != group && command.options.size() > 8)
      text += fmt::format(".SS \"{}\"\n", roff(option.group));
    group = option.group;
    const auto name = option.name == "help" ? std::string("\\-h\\fR, \\fB\\-\\-help")
                                            : roff(fmt::format("--{}", option.name));
    text += fmt::format(".TP\n\\fB{}\\fR", name);
    if (!option.value.empty()) text += fmt::format(" \\fI{}\\fR", roff(option.value));
    text += "\n" + sentences(clause(option)) + sentences(option.more);
    if (option.list) text += "Takes several, with commas.\n";
  }
  return text;
}

}  // namespace

std::string program_page(const std::vector<Command>& commands, const std::string& version) {
  auto text = head("migfuzz", "break QEMU live migrations and prove what survived", version);
  text +=
      ".SH SYNOPSIS\n.B migfuzz\n[\\fICOMMAND\\fR] [\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n"
      "Whatever fails, at whatever moment of a migration: does a consistent image of the VM\n"
      "survive on at least one host, does the VM run on at most one, and does everybody tell the\n"
      "truth about it?\n.B migfuzz\n"
      "launches pairs of real QEMU hosts, holds the migration at an exact boundary, injects a\n"
      "failure there, recovers as a manager would, and proves what is left.\n"
      "Results go to one folder; its\n.I report.html\nis what people read.\n.SH COMMANDS\n";
  for (const auto& command : commands)
    text += fmt::format(".TP\n.B {}\n{}.\nSee\n.BR migfuzz\\-{} (1).\n", command.name,
                        roff(command.summary), command.name);
  text += statuses() + settings(commands) + environment();
  text += examples({"migfuzz --phase=stopcopy", "migfuzz list faults crash",
                    "migfuzz replay migfuzz-out/cases/ID --times=20"});
  text += ".SH \"SEE ALSO\"\n";
  for (const auto& command : commands)
    text += fmt::format(".BR migfuzz\\-{} (1){}\n", command.name,
                        &command == &commands.back() ? "" : ",");
  return text;
}

std::string command_page(const Command& command, const std::vector<Command>& commands,
                         const std::string& version) {
  auto summary = std::string(command.summary);
  summary[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(summary[0])));
  auto text = head(fmt::format("migfuzz-{}", command.name), summary, version);
  text += fmt::format(".SH SYNOPSIS\n.B migfuzz {}\n[\\fIOPTIONS\\fR]", command.name);
  for (const auto& argument : command.arguments) {
    const auto name = fmt::format("\\fI{}\\fR{}", argument.name, argument.list ? " ..." : "");
    text += argument.required ? " " + name : fmt::format(" [{}]", name);
  }
  text += "\n.SH DESCRIPTION\n" + sentences(command.text);
  for (const auto& argument : command.arguments)
    text += fmt::format(".TP\n.I {}\n{}.\n", argument.name, roff(argument.help));
  text += options(command);
  if (&command == &commands.front()) text += statuses();
  if (command.in_file) text += settings(commands);
  std::vector<std::string> lines;
  for (const auto& example : command.examples) lines.push_back(fmt::format("migfuzz {}", example));
  text += examples(lines);
  return text + ".SH \"SEE ALSO\"\n.BR migfuzz (1)\n";
}

}  // namespace migfuzz::command_line
