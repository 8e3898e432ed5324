#include "harness/command_line/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/command_line/explain.h"
#include "harness/core/error.h"
#include "harness/core/point.h"

namespace migfuzz::command_line {
namespace {

using Known = std::map<Words, std::vector<std::string>>;

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

// Names of all that can be listed, for `list WHAT NAME`.
std::map<std::string, std::string> listed_names(const Catalogs& catalogs) {
  std::map<std::string, std::string> all;
  for (const auto& listing : all_listings()) {
    std::vector<std::string> names;
    for (const auto& entry : entries(listing.name, catalogs)) names.push_back(entry.name);
    all[listing.name] = joined(names);
  }
  return all;
}

// In single quotes of a shell.
std::string inside_quotes(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out;
}

// --- bash ---

// What proposes the values: a list of words, files, folders, programs or nothing.
std::string bash_values(Words words, const Known& known) {
  if (words == Words::files || words == Words::programs) return "-f";
  if (words == Words::folders) return "-d";
  const auto found = known.find(words);
  return found == known.end() ? "" : fmt::format("'{}'", joined(found->second));
}

std::string bash(const std::vector<Command>& commands, const Known& known,
                 const std::map<std::string, std::string>& names) {
  std::string options, values, arguments;
  for (const auto& command : commands) {
    std::vector<std::string> all;
    for (const auto& option : command.options) {
      all.push_back(fmt::format("--{}{}", option.name, option.value.empty() ? "" : "="));
      if (const auto words = bash_values(option.words, known); !words.empty())
        values += fmt::format("    {}:--{}) values={} ;;\n", command.name, option.name, words);
    }
    options += fmt::format("    {}) options='{}' ;;\n", command.name, joined(all));
    if (command.arguments.empty()) continue;
    if (const auto words = bash_values(command.arguments[0].words, known); !words.empty())
      arguments += fmt::format("    {}) values={} ;;\n", command.name, words);
  }
  for (const auto& [listing, list] : names)
    arguments += fmt::format("    list:{}) values='{}' ;;\n", listing, list);
  return fmt::format(R"(# bash completion of migfuzz; made by `migfuzz completion bash`
_migfuzz() {{
  local line=${{COMP_LINE:0:COMP_POINT}} words command=run first=1 current
  local options values='' name last='' prefix='' word reply=()
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  current=${{words[${{#words[@]}}-1]}}
  if [[ ${{#words[@]}} -gt 2 && ${{words[1]}} != -* ]]; then command=${{words[1]}} first=2; fi
  case $command in
{}  esac
  # The value of an option, behind its `=` or in a word of its own; else an option or an argument.
  if [[ $current == --*=* ]]; then
    name=${{current%%=*}} prefix=${{name}}=
  elif [[ ${{#words[@]}} -gt $((first + 1)) && ${{words[${{#words[@]}}-2]}} == --* &&
          " $options " == *" ${{words[${{#words[@]}}-2]}}= "* ]]; then
    name=${{words[${{#words[@]}}-2]}}
  elif [[ $current == -* ]]; then
    values=$options name=-
  elif [[ ${{#words[@]}} -eq 2 ]]; then
    values='{}' name=-
  else
    for word in "${{words[@]:first:${{#words[@]}}-first-1}}"; do
      [[ $word == -* ]] || last=:$word
    done
    case $command$last in
{}    esac
    name=-
  fi
  case $command:$name in
{}  esac
  local rest=${{current#"$prefix"}}
  if [[ $values == -[fd] ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r word; do reply+=("$prefix$word"); done < <(compgen "$values" -- "$rest")
  else
    [[ $name == -* && $name != - && $rest == *,* ]] && prefix+=${{rest%,*}}, rest=${{rest##*,}}
    while IFS= read -r word; do reply+=("$prefix$word"); done < <(compgen -W "$values" -- "$rest")
  fi
  # Readline replaces what stands behind the last of its word breaks only.
  local cut=''
  [[ $COMP_WORDBREAKS == *=* && $current == *=* ]] && cut=${{current%"${{current##*=}}"}}
  [[ $COMP_WORDBREAKS == *:* && $current == *:* ]] && cut=${{current%"${{current##*[=:]}}"}}
  COMPREPLY=()
  for word in "${{reply[@]}}"; do COMPREPLY+=("${{word#"$cut"}}"); done
  [[ ${{#COMPREPLY[@]}} -eq 1 && ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}}
complete -o nosort -F _migfuzz migfuzz 2>/dev/null || complete -F _migfuzz migfuzz
)",
                     options, joined(known.at(Words::commands)), arguments, values);
}

// --- zsh ---

std::string zsh_values(Words words, const Known& known, bool list) {
  if (words == Words::files || words == Words::programs) return "_files";
  if (words == Words::folders) return "_files -/";
  const auto found = known.find(words);
  if (found == known.end()) return " ";
  return fmt::format("{}compadd - {}", list ? "_sequence " : "", joined(found->second));
}

// In a specification of _arguments colons and brackets have a meaning.
std::string zsh_quoted(std::string_view text) {
  std::string out;
  for (const char c : inside_quotes(text))
    out += c == ':' || c == '[' || c == ']' ? std::string("\\") + c : std::string(1, c);
  return out;
}

std::string zsh(const std::vector<Command>& commands, const Known& known,
                const std::map<std::string, std::string>& names) {
  std::string list, cases, listed;
  for (const auto& command : commands) {
    list += fmt::format("    '{}:{}'\n", command.name, inside_quotes(command.summary));
    cases += fmt::format("    {})\n      _arguments -s", command.name);
    for (const auto& option : command.options) {
      cases += fmt::format(" \\\n        '--{}{}[{}]", option.name, option.value.empty() ? "" : "=",
                           zsh_quoted(option.help));
      if (!option.value.empty())
        cases += fmt::format(":{}:{}", zsh_quoted(option.value),
                             zsh_quoted(zsh_values(option.words, known, option.list)));
      cases += "'";
    }
    for (std::size_t i = 0; i < command.arguments.size(); ++i) {
      const auto& one = command.arguments[i];
      const bool named = one.name == "NAME" && command.name == "list";
      cases += fmt::format(
          " \\\n        '{}:{}:{}'", one.list ? "*" : std::to_string(i + 1), zsh_quoted(one.name),
          named ? "_migfuzz_names" : zsh_quoted(zsh_values(one.words, known, false)));
    }
    cases += "\n      ;;\n";
  }
  for (const auto& [listing, words] : names)
    listed += fmt::format("    {}) compadd - {} ;;\n", listing, words);
  return fmt::format(R"(#compdef migfuzz
# zsh completion of migfuzz; made by `migfuzz completion zsh`
_migfuzz_names() {{
  case ${{words[2]}} in
{}  esac
}}
_migfuzz() {{
  local command=run
  local -a commands=(
{}  )
  if (( CURRENT == 2 )) && [[ ${{words[2]}} != -* ]]; then
    _describe command commands
    return
  fi
  if [[ ${{words[2]}} != -* ]]; then
    command=${{words[2]}}
    shift words
    (( CURRENT-- ))
  fi
  case $command in
{}  esac
}}
if [[ $funcstack[1] == _migfuzz ]]; then _migfuzz "$@"; else compdef _migfuzz migfuzz; fi
)",
                     listed, list, cases);
}

// --- fish ---

std::string fish_values(const Option& option, const Known& known) {
  if (option.words == Words::files || option.words == Words::programs) return " -r -F";
  if (option.words == Words::folders) return " -x -a '(__fish_complete_directories)'";
  const auto found = known.find(option.words);
  if (found == known.end()) return " -x";
  return option.list ? fmt::format(" -x -a '(__fish_append , {})'", joined(found->second))
                     : fmt::format(" -x -a '{}'", joined(found->second));
}

// In single quotes of fish a backslash makes a quote plain.
std::string fish_quoted(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out;
}

std::string fish(const std::vector<Command>& commands, const Known& known,
                 const std::map<std::string, std::string>& names) {
  const auto all = joined(known.at(Words::commands));
  std::string text = "# fish completion of migfuzz; made by `migfuzz completion fish`\n";
  text += "complete -c migfuzz -f\n";
  for (const auto& command : commands) {
    const bool first = &command == &commands.front();
    text += fmt::format("complete -c migfuzz -n __fish_use_subcommand -a {} -d '{}'\n",
                        command.name, fish_quoted(command.summary));
    auto when = fmt::format("__fish_seen_subcommand_from {}", command.name);
    if (first) {  // options without a command are its own
      std::vector<std::string> others;
      for (const auto& other : commands)
        if (&other != &command) others.emplace_back(other.name);
      when = fmt::format("not __fish_seen_subcommand_from {}", joined(others));
    }
    for (const auto& option : command.options)
      text += fmt::format("complete -c migfuzz -n '{}' -l {}{}{} -d '{}'\n", when, option.name,
                          option.name == "help" ? " -s h" : "",
                          option.value.empty() ? "" : fish_values(option, known),
                          fish_quoted(option.help));
    for (const auto& argument : command.arguments) {
      const auto words = known.find(argument.words);
      if (argument.words == Words::files || argument.words == Words::folders)
        text += fmt::format("complete -c migfuzz -n '{}' -F\n", when);
      else if (words != known.end())
        text += fmt::format(
            "complete -c migfuzz -n '{}; and not __fish_seen_subcommand_from {}' "
            "-a '{}'\n",
            when, joined(words->second), joined(words->second));
    }
  }
  for (const auto& [listing, words] : names)
    text += fmt::format(
        "complete -c migfuzz -n '__fish_seen_subcommand_from list; and "
        "__fish_seen_subcommand_from {}' -a '{}'\n",
        listing, words);
  return text;
}

}  // namespace

std::map<Words, std::vector<std::string>> known_words(const Catalogs& catalogs,
                                                      const std::vector<Command>& commands) {
  Known known;
  const auto named = [&](Words words, const std::string& listing) {
    for (const auto& entry : entries(listing, catalogs)) known[words].push_back(entry.name);
  };
  named(Words::phases, "phases");
  known[Words::phases].emplace_back("all");
  named(Words::faults, "faults");
  named(Words::protocols, "protocols");
  named(Words::modes, "modes");
  named(Words::tiers, "tiers");
  known[Words::modes].emplace_back("all");
  named(Words::guests, "guests");
  named(Words::scenarios, "scenarios");
  // Places that can be typed as they are: no number and no device is left open.
  for (const auto& point : all_point_kinds())
    if (point.pattern.find(":N") == point.pattern.npos)
      known[Words::points].push_back(fmt::format("{}/{}", to_string(point.phase), point.pattern));
  known[Words::sides] = {"source", "destination", "channel"};
  known[Words::accelerators] = {"auto", "kvm", "tcg"};
  known[Words::transports] = {"tcp", "unix"};
  known[Words::disks] = {std::begin(kDisks), std::end(kDisks)};
  known[Words::feedback] = {"auto", "on", "watch", "off"};
  known[Words::shells] = {"bash", "zsh", "fish"};
  for (const auto& listing : all_listings()) known[Words::lists].push_back(listing.name);
  for (const auto& command : commands) known[Words::commands].emplace_back(command.name);
  return known;
}

std::string completion(const std::string& shell, const std::vector<Command>& commands,
                       const Catalogs& catalogs) {
  const auto known = known_words(catalogs, commands);
  const auto names = listed_names(catalogs);
  if (shell == "bash") return bash(commands, known, names);
  if (shell == "zsh") return zsh(commands, known, names);
  if (shell == "fish") return fish(commands, known, names);
  throw UsageError(fmt::format("completion: `{}` is not known; take bash, zsh or fish", shell));
}

}  // namespace migfuzz::command_line
