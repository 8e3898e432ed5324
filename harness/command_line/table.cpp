#include "harness/command_line/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "harness/core/error.h"
#include "harness/core/types.h"

namespace migfuzz::command_line {
namespace {

using Options = std::vector<Option>;

constexpr std::string_view kWhat = "What to break", kLong = "How long, and how much at once",
                           kHosts = "The hosts and their VM", kSearch = "Search and shrink",
                           kOutput = "Output", kOther = "Settings and help";

Options operator+(Options left, Options right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Options what_to_break() {
  return {
      {kWhat, "phase", "LIST", "phases, or `all` [stopcopy; for a search all]", "", Words::phases,
       true, false, "A search looks in all phases where it is told none."},
      {kWhat, "point", "LIST", "exact points, or patterns: 'stopcopy/device:*'", "", Words::points,
       true, false,
       "Replaces --phase. Without it the telling points of the phases are taken: their boundaries, "
       "and begin, middle and end of a handful of devices. A point may have +BYTES and #NTH behind "
       "it. Patterns are matched against the points that a migration without a fault passed on "
       "this machine."},
      {kWhat, "fault", "LIST", "fault kinds [all]", "", Words::faults, true},
      {kWhat, "side", "LIST", "source, destination, channel [all]", "", Words::sides, true},
      {kWhat, "protocol", "LIST", "who may run when: handshake, autostart [handshake]", "",
       Words::protocols, true, false, "Each protocol is a dimension of the run."},
      {kWhat, "mode", "LIST", "how QEMU migrates: `list modes`, or `all` [precopy]", "",
       Words::modes, true, false,
       "Each mode is a dimension of the run; features are joined by `+`, as in multifd+tls-psk. "
       "Without it the phases say: those of post-copy take postcopy, that of storage takes "
       "storage. A mode that the QEMUs refuse is left out, with their reason."},
      {kWhat, "scenario", "NAME", "cells, search, …: `migfuzz list scenarios`", "cells",
       Words::scenarios, false, false, "How cases are drawn."},
      {kWhat, "cases", "N", "how many, for scenarios that repeat", "", Words::free, false, false,
       "Without it: each cell once, 20 controls, 100 cases of a search."},
      {kWhat, "seed", "N", "of every drawn number [random, printed first]"},
  };
}

Options how_long() {
  return {
      {kLong, "time", "DURATION", "end after 90s, 10m, 8h; cells, then a search", "", Words::free,
       false, false,
       "Bounds the whole run, all of its sessions. After the cells a search goes on until the time "
       "is up, and the last tenth is for confirming and shrinking what failed."},
      {kLong, "tier", "NAME", "smoke, nightly, weekly: 2 min, 1 h, 8 h", "",
       Words::tiers, false, false,
       "How much of the matrix: `list tiers`. It stands for --mode, --phase, --time and --cells; "
       "what is given beside it wins."},
      {kLong, "cells", "N", "at most that many, as different as they can be", "", Words::free,
       false, false,
       "Each next cell is the one that meets most of what was met least so far: modes in phases, "
       "faults on sides, points. Another --seed takes others. What is left out is no gap of the "
       "run; its notes say how much that is."},
      {kLong, "jobs", "N", "cases at the same time [two for each core]"},
      {kLong, "shard", "I/N", "run part I of N, joined by `merge`; needs --seed"},
      {kLong, "resume", "", "go on with the unfinished run of --output", "", Words::free, false,
       true, "Give the options of that run; the seed may be left out."},
  };
}

Options hosts() {
  return {
      {kHosts, "source-qemu", "LIST", "QEMU of the source [qemu-system-x86_64]", "",
       Words::programs, true},
      {kHosts, "destination-qemu", "LIST", "of the destination; each is paired with each", "",
       Words::programs, true},
      {kHosts, "accel", "NAME", "kvm or tcg; auto boots the guest to find out", "auto",
       Words::accelerators},
  };
}

Options the_vm() {
  return {
      {kHosts, "guest", "NAME", "guest to run", "tiny", Words::guests},
      {kHosts, "memory", "SIZE", "RAM of the VM, such as 64M [as the accelerator bears]"},
      {kHosts, "machine", "TYPE", "QEMU machine type [pc, or the newest both know]"},
      {kHosts, "disk", "NAME", "none, raw, qcow2, nbd [the protocol's own]", "", Words::disks},
      {kHosts, "transport", "NAME", "tcp or unix [what shows a fault best]", "", Words::transports,
       false, false, "Controls use both in turn."},
  };
}

Option confirm() {
  return {kSearch, "confirm", "N", "runs that say how often a failure comes up", "10"};
}

Option corpus() {
  return {kSearch, "corpus",      "DIR", "minimal plans: replayed first, new ones added",
          "",      Words::folders};
}

Options search() {
  return {
      {kSearch, "feedback", "NAME", "search near what is new: auto, on, watch, off", "auto",
       Words::feedback, false, false,
       "on traces QEMU and searches near what no case had reached; watch traces and reports only; "
       "auto is on where a scenario searches."},
      {kSearch, "shrink-time", "TIME", "for shrinking what failed [a tenth of --time]", "",
       Words::free, false, false, "0 switches confirming and shrinking off."},
      confirm(),
      corpus(),
  };
}

Options output() {
  return {
      {kOutput, "output", "DIR", "folder for report and results", "migfuzz-out", Words::folders},
      {kOutput, "known-issues", "FILE",
       "known failures, or none; without it: the program's", "",
       Words::files},
      {kOutput, "quiet", "", "print nothing but errors"},
  };
}

Options help() { return {{kOther, "help", "", "print this", "", Words::free, false, true}}; }

Options settings() {
  return Options{
             {kOther, "config", "FILE", "read settings [migfuzz.toml, where there is one]", "",
              Words::files, false, true,
              "What is typed wins over what the file says. `migfuzz config` prints a file to begin "
              "with."},
             {kOther, "no-config", "", "read no file of settings", "", Words::free, false, true},
             {kOther, "print-config", "", "print the settings as they stand, and end", "",
              Words::free, false, true},
         } +
         help();
}

Command run() {
  return {
      "run",
      "Break migrations and check what survives (the default command)",
      "Migrates a VM between two real QEMUs again and again, holds each migration at an exact "
      "point, injects a fault there, recovers as a manager would, and proves what is left of the "
      "VM. It begins with two migrations without a fault: what fails there no fault can be blamed "
      "for.",
      {},
      what_to_break() + how_long() + hosts() + the_vm() + search() + output() + settings(),
      {"--phase=stopcopy", "--point='stopcopy/device:*' --fault=crash --side=source",
       "run --phase=all --time=8h --corpus=corpus --output=night"},
      true};
}

Command replay() {
  return {
      "replay",
      "Run a stored case again",
      "Runs one stored plan again (plan.json, minimal.json, a file of a corpus), or all cases of a "
      "run's folder in their order, and says what "
      "each came to. A bundle of another machine may name QEMUs that are not here: those of the "
      "same name on PATH are taken, and it is said.",
      {{"PLAN", "a plan.json, a bundle, a case's or a run's folder", Words::files}},
      Options{
          {kLong, "times", "N", "how often", "1"},
          {kLong, "jobs", "N", "at the same time", "1"},
          {kHosts, "source-qemu", "FILE", "in the place of the plan's", "", Words::programs},
          {kHosts, "destination-qemu", "FILE", "in the place of the plan's", "", Words::programs},
          {kOutput, "output", "DIR", "folder for results and evidence [none]", "", Words::folders},
          {kOutput, "quiet", "", "print only the sum"},
      } + help(),
      {"replay night/cases/commit-ack-drop-source-handshake-be27fafd"}};
}

Command shrink() {
  return {"shrink",
          "Find out how often a plan fails, and which part of it is needed",
          "Confirms a failure, then takes away what it does not need, as long as the same failure "
          "comes up. Writes shrink.jsonl and minimal.json.",
          {{"PLAN", "plan.json, a file of a corpus, or a case's folder", Words::files}},
          Options{
              {kLong, "shrink-time", "TIME", "time for all of it, such as 10m [5m]"},
              {kLong, "jobs", "N", "runs at the same time [two for each core]"},
              confirm(),
              {kOutput, "corpus", "DIR", "folder that the minimal plan is added to", "",
               Words::folders},
              {kOutput, "output", "DIR", "for its files [the case's, or migfuzz-shrink]", "",
               Words::folders},
              {kOutput, "known-issues", "FILE", "failures that are not followed", "", Words::files},
              {kOutput, "quiet", "", "print only the sum"},
          } + settings(),
          {"shrink night/cases/commit-ack-drop-source-handshake-be27fafd"},
          true};
}

Command list() {
  return {"list",
          "Explain phases, points, faults, verdicts and all other words",
          "Without an argument it says what there is to list. With a name behind the list it tells "
          "all about that one. On a terminal names are grouped; into a pipe each is one line.",
          {{"WHAT", "phases, points, faults, …; without it: what there is", Words::lists, false},
           {"NAME", "explain this one fully", Words::free, false}},
          help(),
          {"list faults", "list faults crash", "list points stopcopy/enter"}};
}

Command watch() {
  return {"watch",
          "Follow a running campaign from another terminal",
          "Reads the results of a folder while another migfuzz writes them, without holding it up. "
          "Ends when the run ends, with its exit status; after a run that was killed with 3.",
          {{"DIR", "output folder of the run", Words::folders}},
          Options{{kOutput, "once", "", "print one state and end with 0"}} + help(),
          {"watch night"}};
}

Command report() {
  return {"report",
          "Write the reports of a run again, also of one that was killed",
          "Makes report.html and the other files from results.db.",
          {{"DIR", "output folder of the run", Words::folders}},
          help(),
          {"report night"}};
}

Command merge() {
  return {"merge",
          "Join the shards of one campaign",
          "Joins the last run of each folder into one result. Folders whose requests or seeds "
          "differ are refused.",
          {{"DIR", "output folders of its parts", Words::folders, true, true}},
          Options{{kOutput, "output", "DIR", "folder for the whole", "", Words::folders}} + help(),
          {"merge part1 part2 part3 --output=all"}};
}

Command doctor() {
  return {"doctor",
          "Say what this machine can and cannot do, and what that costs",
          "Tries every capability and says which fault kinds need those that are missing.",
          {},
          hosts() + help(),
          {"doctor --source-qemu=/opt/qemu/bin/qemu-system-x86_64"}};
}

Command config() {
  return {"config",
          "Print the settings of migfuzz.toml, or a file to begin with",
          "What is printed reads back to the same. Settings that are not given are comments.",
          {},
          Options{{kOther, "config", "FILE", "read it [migfuzz.toml, where there is one]", "",
                   Words::files, false, true}} +
              help(),
          {"config >migfuzz.toml"}};
}

Command completion() {
  return {"completion",
          "Print what makes bash, zsh or fish complete this program",
          "bash: `source <(migfuzz completion bash)`. zsh: save it as _migfuzz in a folder of "
          "fpath. fish: `migfuzz completion fish | source`.",
          {{"SHELL", "bash, zsh or fish", Words::shells}},
          help(),
          {"completion bash"}};
}

Command man() {
  return {"man",
          "Print a manual page: of the program, or of one command",
          "The page is roff source, made from the table that the program reads its options by.",
          {{"COMMAND", "which one; without it: migfuzz(1)", Words::commands, false}},
          help(),
          {"man run | man -l -"}};
}

}  // namespace

std::vector<Command> all_commands() {
  return {run(),   replay(), shrink(), list(),       report(), merge(),
          watch(), doctor(), config(), completion(), man()};
}

const Command& find_command(const std::vector<Command>& commands, std::string_view name) {
  std::vector<std::string> known;
  for (const auto& command : commands) {
    if (command.name == name) return command;
    known.emplace_back(command.name);
  }
  const auto near = nearest(name, known);
  throw UsageError(fmt::format(
      "`{}` is not a command; {} {}; see `migfuzz --help`", name,
      near.empty() ? "there are" : "nearest:", fmt::join(near.empty() ? known : near, ", ")));
}

const Option* find_option(const Command& command, std::string_view name) {
  const auto found = std::find_if(command.options.begin(), command.options.end(),
                                  [&](const Option& option) { return option.name == name; });
  return found == command.options.end() ? nullptr : &*found;
}

}  // namespace migfuzz::command_line
