// The composition root: builds every catalog, reads the command line, and hands both down.
//
// Exit status: 0 no failure, 1 failures found, 2 bad usage, 3 inconclusive, 4 this machine cannot
// run it, 128+n ended by signal n.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <random>
#include <tuple>

#include "faults/catalog.h"
#include "guests/catalog.h"
#include "harness/campaign/campaign.h"
#include "harness/campaign/merge.h"
#include "harness/checkers/catalog.h"
#include "harness/commands.h"
#include "harness/core/error.h"
#include "harness/hypervisors/catalog.h"
#include "harness/io/child.h"
#include "harness/io/files.h"
#include "harness/protocols/catalog.h"
#include "harness/shrink_command.h"
#include "reports/report.h"
#include "scenarios/catalog.h"

namespace migfuzz {
namespace {

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

std::map<std::string, std::string> write_reports(const Summary& summary,
                                                 const std::vector<CaseResult>& results) {
  return {{"report.html", html_report(summary, results)},
          {"junit.xml", junit_xml(summary, results)},
          {"summary.md", summary_markdown(summary, results)}};
}

// What was typed, before it means anything.
struct Typed {
  std::vector<std::string> phases, points, faults, sides;
  std::vector<std::string> protocols, source_qemus, destination_qemus;
  std::string guest = "tiny", scenario = "cells", accel = "auto", memory;
  std::string machine, output = "migfuzz-out", known_issues, disk, transport;
  std::string cases, seed, jobs, times = "1", path, list_kind, replay_output, time, shard;
  std::string corpus, confirm = "10", shrink_time, shrink_output, feedback = "auto";
  std::vector<std::string> folders;
  bool quiet = false, resume = false;
};

// A search looks everywhere where it is not told to stay away.
void choose_usual(Typed& typed) {
  const bool search = typed.scenario == kSearchScenario;
  if (typed.phases.empty()) typed.phases = {search ? "all" : "stopcopy"};
  if (typed.protocols.empty()) typed.protocols = {"handshake"};
}

std::uint64_t number(const std::string& option, const std::string& text, std::uint64_t least,
                     std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    throw UsageError(
        fmt::format("{}: `{}` is not a whole number from {} to {}", option, text, least, most));
  return value;
}

// "64M", "16392K", "1G", plain bytes. QEMU aligns RAM to 8 KiB, and both sides must agree on a
// size.
std::uint64_t memory_bytes(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const int shift = unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : unit.empty() ? 0 : -1;
  if (error != std::errc() || shift < 0 || value > (std::uint64_t{64} << 30 >> shift) ||
      value << shift == 0 || (value << shift) % 8192 != 0)
    throw UsageError(
        fmt::format("--memory: `{}` is not a size of RAM; give a multiple of 8K up to "
                    "64G, such as 16392K, 64M or 1G",
                    text));
  return value << shift;
}

// "90s", "10m", "8h"; of --shrink-time "0" is none.
Milliseconds duration(const std::string& option, const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::uint64_t seconds = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (option == "--shrink-time" && text == "0") return Milliseconds(0);
  constexpr std::uint64_t kMost = 365 * 24 * 3600;
  if (error != std::errc() || seconds == 0 || value == 0 || value > kMost / seconds)
    throw UsageError(
        fmt::format("{}: `{}` is not a length of time such as 90s, 10m or 8h", option, text));
  return std::chrono::seconds(value * seconds);
}

// A tenth of a run that ends in time is for understanding what it found.
Milliseconds shrink_time(const Typed& typed, const std::optional<Milliseconds>& whole) {
  if (typed.shrink_time.empty()) return whole ? *whole / 10 : Milliseconds(0);
  const auto time = duration("--shrink-time", typed.shrink_time);
  if (whole && time >= *whole)
    throw UsageError(fmt::format("--shrink-time: {} leaves nothing of --time={} for the cases",
                                 typed.shrink_time, typed.time));
  return time;
}

std::vector<Phase> phases(const std::vector<std::string>& words) {
  std::vector<std::string> known{"all"};
  for (const auto phase : all_phases()) known.emplace_back(to_string(phase));
  std::vector<Phase> list;
  for (const auto& word : words) {
    if (word == "all") return {all_phases().begin(), all_phases().end()};
    const auto phase = phase_from(word);
    if (!phase) throw UsageError("--phase: " + unknown_word("phase", word, known));
    list.push_back(*phase);
  }
  return list;
}

std::optional<Transport> transport(const std::string& word) {
  if (word.empty()) return std::nullopt;
  const auto known = transport_from(word == "unix" ? "unix-tight" : word);
  if (!known)
    throw UsageError(fmt::format("--transport: `{}` is not known; take tcp or unix", word));
  return known;
}

std::vector<Side> sides(const std::vector<std::string>& words) {
  std::vector<Side> list;
  for (const auto& word : words) {
    const auto side = side_from(word);
    if (!side)
      throw UsageError(
          fmt::format("--side: `{}` is not a side; take source, destination or channel", word));
    list.push_back(*side);
  }
  return list;
}

void check_qemu(const std::string& option, const std::string& binary) {
  if (!binary.empty() && !io::find_executable(binary))
    throw UsageError(
        fmt::format("{}: {} is not an executable file; name a qemu-system-x86_64", option, binary));
}

// Every source with every destination; without a name QEMU's own of PATH.
std::vector<std::pair<HypervisorSpec, HypervisorSpec>> pairs(const Typed& typed) {
  const auto list = [](const std::string& option, const std::vector<std::string>& typed_list) {
    for (const auto& binary : typed_list) check_qemu(option, binary);
    return typed_list.empty() ? std::vector<std::string>{""} : typed_list;
  };
  std::vector<std::pair<HypervisorSpec, HypervisorSpec>> all;
  for (const auto& source : list("--source-qemu", typed.source_qemus))
    for (const auto& destination : list("--destination-qemu", typed.destination_qemus))
      all.push_back({{source}, {destination}});
  return all;
}

Plan base_plan(const Typed& typed) {
  Plan plan;
  std::random_device device;
  plan.seed = typed.seed.empty() ? device() : number("--seed", typed.seed, 0, UINT64_MAX >> 1);
  plan.protocol = typed.protocols.front();
  plan.guest.name = typed.guest;
  if (typed.accel != "auto" && typed.accel != "kvm" && typed.accel != "tcg")
    throw UsageError(fmt::format("--accel: `{}` is not known; take auto, kvm or tcg", typed.accel));
  plan.accel = typed.accel;
  std::tie(plan.source, plan.destination) = pairs(typed).front();
  if (!typed.disk.empty()) plan.disk = typed.disk;
  if (std::find(std::begin(kDisks), std::end(kDisks), plan.disk) == std::end(kDisks))
    throw UsageError(
        fmt::format("--disk: `{}` is not known; take {}", plan.disk, fmt::join(kDisks, ", ")));
  if (!typed.machine.empty()) plan.machine = typed.machine;
  if (!typed.memory.empty()) plan.guest.memory_bytes = memory_bytes(typed.memory);
  return plan;
}

unsigned jobs(const Typed& typed) {
  if (!typed.jobs.empty()) return static_cast<unsigned>(number("--jobs", typed.jobs, 1, 256));
  return static_cast<unsigned>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

std::vector<KnownIssue> known_issues(const Typed& typed) {
  if (typed.known_issues.empty()) return {};
  return known_issues_from_text(io::read_input(typed.known_issues, 16 << 20), typed.known_issues);
}

Feedback feedback(const std::string& word) {
  const auto known = feedback_from(word);
  if (!known)
    throw UsageError(
        fmt::format("--feedback: `{}` is not known; take auto, on, watch or off", word));
  return *known;
}

CampaignRequest campaign_request(const Typed& typed, const Catalogs& catalogs,
                                 const std::string& command) {
  CampaignRequest request;
  catalogs.find_scenario(typed.scenario);
  for (const auto& protocol : typed.protocols) catalogs.find_protocol(protocol);
  catalogs.find_guest(typed.guest);
  for (const auto& fault : typed.faults) catalogs.find_fault(fault);
  for (const auto& point : typed.points)
    if (point.find('*') == std::string::npos) trigger_from(point);
  request.scenario = typed.scenario;
  request.draw.phases = phases(typed.phases);
  request.draw.points = typed.points;
  request.draw.faults = typed.faults;
  request.draw.sides = sides(typed.sides);
  request.draw.base = base_plan(typed);
  request.draw.transport = transport(typed.transport);
  if (!typed.cases.empty()) request.draw.cases = number("--cases", typed.cases, 1, 10000000);
  request.protocols = typed.protocols;
  request.pairs = pairs(typed);
  request.machine_given = !typed.machine.empty();
  request.memory_given = !typed.memory.empty();
  request.disk_given = !typed.disk.empty();
  request.jobs = jobs(typed);
  request.output = typed.output;
  request.quiet = typed.quiet;
  request.resume = typed.resume;
  request.seed_given = !typed.seed.empty();
  request.shard = shard_from(typed.shard);
  if (!typed.shard.empty() && !request.seed_given && !typed.resume)
    throw UsageError("--shard: give --seed, too: without it each shard draws numbers of its own");
  if (!typed.time.empty()) request.time = duration("--time", typed.time);
  request.feedback = feedback(typed.feedback);
  request.command = command;
  request.version = MIGFUZZ_VERSION;
  request.known_issues = known_issues(typed);
  request.corpus = typed.corpus;
  request.confirm = number("--confirm", typed.confirm, 1, 10000);
  request.shrink_time = shrink_time(typed, request.time);
  return request;
}

void add_machine_options(CLI::App* command, Typed& typed) {
  command->add_option("--source-qemu", typed.source_qemus, "QEMU of the source host")
      ->delimiter(',')
      ->type_name("LIST");
  command
      ->add_option("--destination-qemu", typed.destination_qemus,
                   "QEMU of the destination host; each source is paired with each destination")
      ->delimiter(',')
      ->type_name("LIST");
  command->add_option("--accel", typed.accel, "auto, kvm or tcg; auto boots the guest to find out")
      ->type_name("NAME");
}

void add_shrink_options(CLI::App* command, Typed& typed) {
  command
      ->add_option("--shrink-time", typed.shrink_time,
                   "time for confirming and shrinking what failed, such as 5m")
      ->type_name("TIME");
  command->add_option("--confirm", typed.confirm, "runs that say how often a failure comes up")
      ->type_name("N");
  command
      ->add_option("--corpus", typed.corpus,
                   "folder of minimal plans: replayed first, new ones are added")
      ->type_name("DIR");
}

CLI::App* add_shrink(CLI::App& app, Typed& typed) {
  auto* shrink = app.add_subcommand("shrink", "Find out how often a plan fails, and why it must");
  shrink->add_option("plan", typed.path, "plan.json, a file of a corpus, or a case's folder")
      ->required();
  shrink
      ->add_option("--output", typed.shrink_output,
                   "folder for shrink.jsonl and minimal.json; without it: the case's folder, or "
                   "migfuzz-shrink")
      ->type_name("DIR");
  shrink->add_option("--jobs", typed.jobs, "runs at the same time; without it: one per core")
      ->type_name("N");
  shrink->add_option("--known-issues", typed.known_issues, "failures that are not followed")
      ->type_name("FILE");
  shrink->add_flag("--quiet", typed.quiet, "print only the sum");
  add_shrink_options(shrink, typed);
  return shrink;
}

ShrinkCommand shrink_request(const Typed& typed) {
  ShrinkCommand request;
  request.path = typed.path;
  request.output = !typed.shrink_output.empty() ? typed.shrink_output
                   : io::is_folder(typed.path)  ? typed.path
                                                : "migfuzz-shrink";
  request.corpus = typed.corpus;
  if (!typed.shrink_time.empty()) request.time = duration("--shrink-time", typed.shrink_time);
  if (request.time.count() == 0) throw UsageError("--shrink-time: 0 leaves no time to shrink in");
  request.confirm = number("--confirm", typed.confirm, 1, 10000);
  request.jobs = jobs(typed);
  request.quiet = typed.quiet;
  request.known_issues = known_issues(typed);
  return request;
}

CLI::App* add_run(CLI::App& app, Typed& typed) {
  auto* run = app.add_subcommand("run", "Break migrations and check what survives (default)");
  const auto list = [&](const char* name, std::vector<std::string>& into, const char* help) {
    run->add_option(name, into, help)->delimiter(',')->type_name("LIST");
  };
  list("--phase", typed.phases,
       "phases in which faults strike, or `all`; without it: stopcopy, for a search all");
  list("--point", typed.points, "exact points, or patterns such as 'stopcopy/device:*'");
  list("--fault", typed.faults, "fault kinds; without it: all");
  list("--side", typed.sides, "source, destination, channel; without it: all");
  list("--protocol", typed.protocols,
       "handshake, autostart; without it: handshake");
  run->add_option("--guest", typed.guest, "guest to run")->type_name("NAME");
  run->add_option("--scenario", typed.scenario,
                  "cells, control, canary, smoke, double-writer, search")
      ->type_name("NAME");
  run->add_option("--cases", typed.cases, "how many cases, for scenarios that repeat")
      ->type_name("N");
  run->add_option("--seed", typed.seed, "seed of every drawn number")->type_name("N");
  run->add_option("--jobs", typed.jobs, "cases at the same time; without it: one per core")
      ->type_name("N");
  run->add_option("--output", typed.output, "folder for report and results")->type_name("DIR");
  run->add_option("--time", typed.time, "end after this long, such as 90s, 10m or 8h")
      ->type_name("DURATION");
  run->add_flag("--resume", typed.resume, "go on with the unfinished run of --output");
  run->add_option("--shard", typed.shard, "run part I of N, which `merge` joins; needs --seed")
      ->type_name("I/N");
  run->add_option("--memory", typed.memory, "RAM of the VM, such as 64M")->type_name("SIZE");
  run->add_option("--machine", typed.machine, "QEMU machine type of both hosts")->type_name("TYPE");
  run->add_option("--transport", typed.transport,
                  "tcp or unix; without it: what shows a fault best, controls use both")
      ->type_name("NAME");
  run->add_option("--disk", typed.disk,
                  "none, raw, qcow2 or nbd, under both hosts; without it: the protocol's own")
      ->type_name("NAME");
  run->add_option("--feedback", typed.feedback,
                  "trace QEMU and search near what was new: auto, on, watch (trace only) or off")
      ->type_name("NAME");
  run->add_option("--known-issues", typed.known_issues, "failures that do not fail the run")
      ->type_name("FILE");
  add_shrink_options(run, typed);
  run->add_flag("--quiet", typed.quiet, "print nothing but errors");
  add_machine_options(run, typed);
  return run;
}

// `run` is the default command: options without a command are its own.
std::vector<std::string> with_default_command(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const bool own = !words.empty() && (words[0] == "--help" || words[0] == "-h" ||
                                      words[0] == "--version" || !words[0].starts_with("-"));
  if (!own) words.insert(words.begin(), "run");
  std::reverse(words.begin(), words.end());  // CLI11 takes a vector from its back
  return words;
}

int run_program(int argc, char** argv) {
  const std::vector<std::string> commands{"run",    "replay", "shrink", "list",
                                          "report", "merge",  "doctor"};
  const std::string first = argc > 1 ? argv[1] : "";
  if (!first.empty() && !first.starts_with("-") &&
      std::find(commands.begin(), commands.end(), first) == commands.end())
    throw UsageError(fmt::format("`{}` is not a command; there are {}; see `migfuzz --help`", first,
                                 fmt::join(commands, ", ")));
  Typed typed;
  CLI::App app{"migfuzz breaks QEMU live migrations at exact points and proves what survived."};
  app.name("migfuzz");
  app.set_version_flag("--version", std::string("migfuzz ") + MIGFUZZ_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit status: 0 no failure, 1 failures found, 2 bad usage, 3 inconclusive,\n"
      "4 this machine cannot run it or write its output, 128+n ended by signal n.\n"
      "Example: migfuzz --phase=stopcopy --output=out");
  auto* run = add_run(app, typed);
  auto* replay_command = app.add_subcommand("replay", "Run a stored case again");
  replay_command
      ->add_option("plan", typed.path,
                   "plan.json, minimal.json, a file of a corpus, a bundle, a case's folder, or a "
                   "run's: all its cases in their order")
      ->required();
  replay_command->add_option("--times", typed.times, "how often")->type_name("N");
  replay_command->add_option("--jobs", typed.jobs, "at the same time; without it: one");
  replay_command->add_option("--output", typed.replay_output, "folder for results and evidence")
      ->type_name("DIR");
  replay_command->add_option("--source-qemu", typed.source_qemus, "in the place of the plan's")
      ->type_name("FILE");
  replay_command
      ->add_option("--destination-qemu", typed.destination_qemus, "in the place of the plan's")
      ->type_name("FILE");
  replay_command->add_flag("--quiet", typed.quiet, "print only the sum");
  auto* shrink = add_shrink(app, typed);
  auto* list = app.add_subcommand("list",
                                  "Explain phases, points, faults, guests, checkers, "
                                  "protocols, scenarios or outcomes");
  list->add_option("catalog", typed.list_kind, "which")->required();
  auto* report = app.add_subcommand("report", "Write the reports of a finished run again");
  report->add_option("dir", typed.path, "output folder of the run")->required();
  auto* merge_command = app.add_subcommand("merge", "Join the shards of one campaign");
  merge_command->add_option("dirs", typed.folders, "output folders of its parts")->required();
  merge_command->add_option("--output", typed.output, "folder for the whole")
      ->required()
      ->type_name("DIR");
  auto* doctor_command = app.add_subcommand("doctor", "Say what this machine can and cannot do");
  add_machine_options(doctor_command, typed);
  try {
    app.parse(with_default_command(argc, argv));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    throw UsageError(fmt::format("{}; see `migfuzz --help`", error.what()));
  }

  choose_usual(typed);
  const auto catalogs = build_catalogs();
  const TrialFunction trial = [&](io::Loop& loop, const std::string& request) {
    return answer_trial(loop, request, catalogs);
  };
  if (list->parsed()) return list_catalog(typed.list_kind, catalogs);
  if (report->parsed()) return rewrite_reports(typed.path, write_reports);
  std::vector<std::string> words(argv, argv + argc);
  words[0] = "migfuzz";
  const auto command = fmt::format("{}", fmt::join(words, " "));
  if (merge_command->parsed())
    return merge({typed.folders, typed.output, command}, catalogs, write_reports);
  io::Loop loop;
  if (replay_command->parsed()) {
    ReplayRequest request;
    request.path = typed.path;
    request.times = number("--times", typed.times, 1, 1000000);
    request.jobs = typed.jobs.empty() ? 1 : jobs(typed);
    request.quiet = typed.quiet;
    request.output = typed.replay_output;
    const auto only = [](const std::string& option, const std::vector<std::string>& given) {
      if (given.size() > 1) throw UsageError(option + ": a replay takes one QEMU");
      if (!given.empty()) check_qemu(option, given.front());
      return given.empty() ? std::string() : given.front();
    };
    request.source_qemu = only("--source-qemu", typed.source_qemus);
    request.destination_qemu = only("--destination-qemu", typed.destination_qemus);
    return replay(loop, request, catalogs, trial);
  }
  if (shrink->parsed()) return shrink_plan(loop, shrink_request(typed), catalogs, trial);
  if (doctor_command->parsed()) return doctor(loop, base_plan(typed), catalogs, trial);
  if (run->parsed())
    return run_campaign(loop, campaign_request(typed, catalogs, command), catalogs, trial,
                        write_reports);
  return 2;
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
    return migfuzz::run_program(argc, argv);
  } catch (const migfuzz::UsageError& error) {
    say(error);
    return 2;
  } catch (const migfuzz::io::OutputError& error) {
    say(error);
    return 4;
  } catch (const migfuzz::CannotRun& error) {
    say(error);
    return 4;
  } catch (const std::exception& error) {
    say(error);
    return 4;
  }
}
