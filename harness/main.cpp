// The composition root: builds every catalog, has the command line read, and hands both down.
//
// Exit status: 0 no failure, 1 failures found, 2 bad usage, 3 inconclusive, 4 this machine cannot
// run it, 128+n ended by signal n.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "faults/catalog.h"
#include "guests/catalog.h"
#include "harness/campaign/campaign.h"
#include "harness/campaign/merge.h"
#include "harness/checkers/catalog.h"
#include "harness/command_line/completion.h"
#include "harness/command_line/config.h"
#include "harness/command_line/explain.h"
#include "harness/command_line/help.h"
#include "harness/command_line/manual.h"
#include "harness/command_line/parse.h"
#include "harness/command_line/requests.h"
#include "harness/commands.h"
#include "harness/core/error.h"
#include "harness/hypervisors/catalog.h"
#include "harness/io/files.h"
#include "harness/io/terminal.h"
#include "harness/protocols/catalog.h"
#include "harness/shrink_command.h"
#include "harness/version.h"
#include "harness/watch_command.h"
#include "reports/report.h"
#include "scenarios/catalog.h"

namespace migfuzz {
namespace {

using namespace command_line;

Catalogs build_catalogs() {
  Catalogs catalogs;
  catalogs.faults = all_faults();
  catalogs.guests = all_guests();
  catalogs.checkers = all_checkers();
  catalogs.protocols = all_protocols();
  catalogs.hypervisors = all_hypervisors();
  catalogs.scenarios = all_scenarios();
  return catalogs;
}

// For readers of report.sarif, who do not know the checkers.
Claims claims() {
  Claims all;
  for (const auto& checker : all_checkers()) all.emplace(checker->name(), checker->claim());
  return all;
}

std::map<std::string, std::string> write_reports(const Summary& summary,
                                                 const std::vector<CaseResult>& results) {
  return {{"report.html", html_report(summary, results)},
          {"junit.xml", junit_xml(summary, results)},
          {"report.sarif", sarif_log(summary, results, claims())},
          {"metrics.prom", prometheus_metrics(summary, results)},
          {"summary.md", summary_markdown(summary, results)}};
}

int print(const std::string& text) {
  fmt::print("{}", text);
  return 0;
}

// Adds what a file says; what was read is said, where anything is.
void read_config(Settings& settings, const std::vector<Command>& commands, bool& was_read) {
  const auto path = config_path(settings);
  if (!path) return;
  add_config(settings, commands, io::read_input(*path, 1 << 20), *path);
  was_read = true;
  if (!settings.flag("quiet")) fmt::print(stderr, "migfuzz: settings of {}\n", *path);
}

// The command as the report shows it: it repeats the run, whatever a file says by then.
std::string command_text(const std::vector<std::string>& words, const Settings& settings,
                         bool config_read) {
  std::string text = "migfuzz";
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool config = config_read && words[i].starts_with("--config");
    if (!config) text += " " + shell_quoted(words[i]);
    if (config && words[i] == "--config") ++i;
  }
  for (const auto& word : settings.of_file()) text += " " + shell_quoted(word);
  return config_read ? text + " --no-config" : text;
}

int print_config(const Settings& settings, const std::vector<Command>& commands) {
  const auto path = config_path(settings);
  const auto text = path ? io::read_input(*path, 1 << 20) : "";
  for (const auto& command : commands) {
    if (!command.in_file) continue;
    Settings own(command);
    if (path) add_config(own, commands, text, *path);
    fmt::print("{}{}", &command == &commands.front() ? "" : "\n", config_text(own));
  }
  return 0;
}

int list(const Settings& settings, const Catalogs& catalogs) {
  const auto terminal = io::terminal(STDOUT_FILENO);
  const auto columns = terminal ? terminal->columns : 0;
  const auto& words = settings.arguments;
  if (words.empty()) return print(explain_all(columns));
  if (words.size() == 1) return print(explain(words[0], catalogs, columns));
  return print(explain_one(words[0], words[1], catalogs, columns));
}

int manual(const Settings& settings, const std::vector<Command>& commands) {
  if (settings.arguments.empty()) return print(program_page(commands, built_version()));
  const auto& command = find_command(commands, settings.arguments[0]);
  return print(command_page(command, commands, built_version()));
}

int run_program(std::vector<std::string> words) {
  const auto commands = all_commands();
  const auto first = words.empty() ? "" : words.front();
  if (first == "--version") return print(fmt::format("migfuzz {}\n", built_version()));
  if (first == "--help" || first == "-h" || (first == "help" && words.size() == 1))
    return print(program_help(commands));
  if (first == "help") words = {words[1], "--help"};
  auto [settings, help] = parse(words, commands);
  const std::string name(settings.command().name);
  if (help) return print(command_help(settings.command(), name == commands.front().name));

  const auto catalogs = build_catalogs();
  if (name == "list") return list(settings, catalogs);
  if (name == "man") return manual(settings, commands);
  if (name == "completion") return print(completion(settings.arguments[0], commands, catalogs));
  if (name == "config") return print_config(settings, commands);
  bool config_read = false;
  if (settings.command().in_file) read_config(settings, commands, config_read);
  if (settings.flag("print-config")) return print(config_text(settings));

  const TrialFunction trial = [&](io::Loop& loop, const std::string& request) {
    return answer_trial(loop, request, catalogs);
  };
  const auto command = command_text(words, settings, config_read);
  if (name == "report") return rewrite_reports(settings.arguments[0], write_reports);
  if (name == "watch") return watch({settings.arguments[0], settings.flag("once")});
  if (name == "merge") {
    if (!settings.has("output"))
      throw UsageError("merge: --output is missing: the folder for the whole");
    return merge({settings.arguments, settings.text("output"), command}, catalogs, write_reports);
  }
  io::Loop loop;
  if (name == "replay") return replay(loop, replay_request(settings), catalogs, trial);
  if (name == "shrink") return shrink_plan(loop, shrink_request(settings), catalogs, trial);
  if (name == "doctor") return doctor(loop, doctor_plan(settings), catalogs, trial);
  auto request = campaign_request(settings, catalogs, command);
  request.version = built_version();
  return run_campaign(loop, request, catalogs, trial, write_reports);
}

}  // namespace
}  // namespace migfuzz

int main(int argc, char** argv) {
  const auto say = [](const std::exception& error) {
    std::string line = error.what();
    std::replace(line.begin(), line.end(), '\n', ' ');
    fmt::print(stderr, "migfuzz: {}\n", line);
  };
  try {
    return migfuzz::run_program({argv + 1, argv + argc});
  } catch (const migfuzz::UsageError& error) {
    say(error);
    return 2;
  } catch (const std::exception& error) {  // CannotRun, io::OutputError, and what nobody foresaw
    say(error);
    return 4;
  }
}
