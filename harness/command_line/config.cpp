#include "harness/command_line/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "harness/core/error.h"
#include "harness/core/types.h"
#include "harness/io/files.h"

namespace migfuzz::command_line {
namespace {

std::string place(const std::string& path, const toml::source_region& source) {
  return fmt::format("{}:{}", path, source.begin.line);
}

std::string near_words(std::string_view word, const std::vector<std::string>& known) {
  const auto near = nearest(word, known);
  return fmt::format("{} {}", near.empty() ? "there are" : "nearest:",
                     fmt::join(near.empty() ? known : near, ", "));
}

// One value as one would type it; nothing: it is of another kind.
std::optional<std::string> word_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  return std::nullopt;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  std::stringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
  return words;
}

Setting setting_of(const Option& option, const toml::node& node, const std::string& from) {
  Setting setting{{}, from, true};
  const auto refuse = [&](const char* kind) {
    throw UsageError(fmt::format("{} is to be {}", from, kind));
  };
  if (option.value.empty()) {
    const auto* flag = node.as_boolean();
    if (flag == nullptr) refuse("true or false");
    setting.values = {flag->get() ? "true" : "false"};
  } else if (option.list && node.is_array()) {
    for (const auto& one : *node.as_array()) {
      const auto word = word_of(one);
      if (!word) refuse("a list of texts in quotes");
      setting.values.push_back(*word);
    }
  } else {
    const auto word = word_of(node);
    if (!word)
      refuse(option.list ? "a text in quotes, or a list of them"
                         : "a text in quotes, or a whole number");
    setting.values = option.list ? split(*word) : std::vector<std::string>{*word};
  }
  if (setting.values.empty()) refuse("a list that is not empty");
  return setting;
}

std::vector<std::pair<std::string, Setting>> section(const Command& command,
                                                     const toml::table& table,
                                                     const std::string& path) {
  std::vector<std::pair<std::string, Setting>> all;
  std::vector<std::string> known;
  for (const auto& option : command.options)
    if (!option.command_line) known.emplace_back(option.name);
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const auto from = fmt::format("{}: {}", place(path, key.source()), name);
    const auto* option = find_option(command, name);
    if (option == nullptr)
      throw UsageError(fmt::format("{}: not a setting of [{}]; {}", from, command.name,
                                   near_words(name, known)));
    if (option->command_line)
      throw UsageError(
          fmt::format("{}: belongs on the command line; take it out of the file", from));
    all.emplace_back(name, setting_of(*option, node, from));
  }
  return all;
}

toml::table parsed(const std::string& text, const std::string& path) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw UsageError(fmt::format("{}: not TOML: {}", place(path, error.source()),
                                 std::string_view(error.description())));
  }
}

// A basic string of TOML: in double quotes, on one line.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + "\"";
}

// A number is written as one, where it comes back as the same text.
std::string toml_word(const Option& option, const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool number =
      error == std::errc() && end == text.data() + text.size() && std::to_string(value) == text;
  return option.value == "N" && number ? text : quoted(text);
}

std::string toml_value(const Option& option, const Settings& settings) {
  if (option.value.empty()) return settings.flag(option.name) ? "true" : "false";
  if (!option.list) return toml_word(option, settings.text(option.name));
  std::vector<std::string> words;
  for (const auto& word : settings.list(option.name)) words.push_back(quoted(word));
  return fmt::format("[{}]", fmt::join(words, ", "));
}

}  // namespace

std::optional<std::string> config_path(const Settings& settings) {
  if (settings.flag("no-config")) {
    if (settings.has("config")) throw UsageError("--no-config and --config: give one of them");
    return std::nullopt;
  }
  if (settings.has("config")) return settings.text("config");
  if (io::is_file(kConfigFile)) return kConfigFile;
  return std::nullopt;
}

void add_config(Settings& settings, const std::vector<Command>& commands, const std::string& text,
                const std::string& path) {
  const auto whole = parsed(text, path);
  std::vector<std::string> sections;
  for (const auto& command : commands)
    if (command.in_file) sections.emplace_back(command.name);
  for (const auto& [key, node] : whole) {
    const std::string name(key.str());
    const auto from = place(path, key.source());
    const bool known = std::find(sections.begin(), sections.end(), name) != sections.end();
    if (!known)
      throw UsageError(
          fmt::format("{}: {}: not a section; {}", from, name,
                      node.is_table() ? near_words(name, sections) : "write [run] above it"));
    if (!node.is_table())
      throw UsageError(fmt::format("{}: {} is to be a section, [{}]", from, name, name));
    for (auto& [option, setting] : section(find_command(commands, name), *node.as_table(), path))
      if (name == settings.command().name) settings.set(option, std::move(setting));
  }
}

std::string config_text(const Settings& settings) {
  auto text = fmt::format("[{}]\n", settings.command().name);
  std::string_view group;
  for (const auto& option : settings.command().options) {
    if (option.command_line) continue;
    if (group != option.group) text += fmt::format("\n# {}\n", option.group);
    group = option.group;
    const bool set = settings.has(option.name) || !option.usual.empty();
    const auto line = set ? fmt::format("{} = {}", option.name, toml_value(option, settings))
                          : fmt::format("# {} =", option.name);
    text += fmt::format("{:<34}  # {}\n", line, option.help);
  }
  return text;
}

}  // namespace migfuzz::command_line
