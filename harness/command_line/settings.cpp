#include "harness/command_line/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

namespace migfuzz::command_line {

void Settings::set(std::string_view name, Setting setting) {
  given_.emplace(std::string(name), std::move(setting));
}

std::string Settings::text(std::string_view name) const {
  const auto found = given_.find(std::string(name));
  if (found != given_.end() && !found->second.values.empty()) return found->second.values.front();
  const auto* option = find_option(*command_, name);
  return option == nullptr ? "" : std::string(option->usual);
}

std::vector<std::string> Settings::list(std::string_view name) const {
  const auto found = given_.find(std::string(name));
  return found == given_.end() ? std::vector<std::string>{} : found->second.values;
}

bool Settings::flag(std::string_view name) const { return text(name) == "true"; }

std::string Settings::from(std::string_view name) const {
  const auto found = given_.find(std::string(name));
  return found == given_.end() ? fmt::format("--{}", name) : found->second.from;
}

std::vector<std::string> Settings::of_file() const {
  std::vector<std::string> words;
  for (const auto& [name, setting] : given_) {
    const auto* option = find_option(*command_, name);
    if (!setting.of_file || option == nullptr) continue;
    if (!option->value.empty())
      words.push_back(fmt::format("--{}={}", name, fmt::join(setting.values, ",")));
    else if (setting.values.front() == "true")
      words.push_back("--" + name);
  }
  return words;
}

std::string shell_quoted(const std::string& word) {
  constexpr std::string_view kPlain = "-_=+,.:/@%#";
  const bool plain = std::all_of(word.begin(), word.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 || kPlain.find(static_cast<char>(c)) != kPlain.npos;
  });
  if (plain && !word.empty() && word.front() != '#') return word;
  // --point='a*' and not '--point=a*': as one would type it.
  const auto value = word.find('=') + 1;
  if (word.starts_with("--") && value > 0 && value < word.size())
    if (const auto name = word.substr(0, value); shell_quoted(name) == name)
      return name + shell_quoted(word.substr(value));
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace migfuzz::command_line
