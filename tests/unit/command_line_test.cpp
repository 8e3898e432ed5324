// The command line: one table, and everything that is made of it. Run alone: unit_command_line
#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

#include "harness/command_line/completion.h"
#include "harness/command_line/config.h"
#include "harness/command_line/explain.h"
#include "harness/command_line/help.h"
#include "harness/command_line/manual.h"
#include "harness/command_line/parse.h"
#include "harness/command_line/requests.h"
#include "harness/core/error.h"
#include "harness/core/mode.h"
#include "tests/fakes/catalogs.h"

namespace migfuzz::command_line {
namespace {

using Words = std::vector<std::string>;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// A character of UTF-8 takes one column.
std::size_t columns(const std::string& line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

template <typename Act>
std::string refusal(Act act) {
  try {
    act();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

// Settings keep their command by its address.
const std::vector<Command>& commands() {
  static const std::vector<Command> all = all_commands();
  return all;
}

Settings typed(const Words& words) { return parse(words, commands()).settings; }

Settings with_file(const Words& words, const std::string& text) {
  auto settings = typed(words);
  add_config(settings, commands(), text, "migfuzz.toml");
  return settings;
}

CampaignRequest asked(const Words& words) {
  return campaign_request(typed(words), fakes::real_catalogs(), "migfuzz");
}

// --- reading ---

TEST_CASE("Options without a command are those of run", "[command-line]") {
  CHECK(typed({}).command().name == "run");
  CHECK(typed({"--phase=commit"}).command().name == "run");
  CHECK(typed({"run", "--phase=commit"}).list("phase") == Words{"commit"});
}

TEST_CASE("A list is written with commas, in several words, or option by option",
          "[command-line]") {
  const Words both{"crash", "quit"};
  CHECK(typed({"--fault=crash,quit"}).list("fault") == both);
  CHECK(typed({"--fault", "crash,quit"}).list("fault") == both);
  CHECK(typed({"--fault", "crash", "quit"}).list("fault") == both);
  CHECK(typed({"--fault=crash", "--fault=quit"}).list("fault") == both);
}

TEST_CASE("An argument may stand before and behind the options", "[command-line]") {
  for (const auto& words : {Words{"replay", "plan.json", "--times=3", "--quiet"},
                            Words{"replay", "--times", "3", "--quiet", "plan.json"}}) {
    const auto settings = typed(words);
    CHECK(settings.arguments == Words{"plan.json"});
    CHECK(settings.text("times") == "3");
    CHECK(settings.flag("quiet"));
  }
  CHECK(typed({"merge", "a", "b", "--output", "c"}).arguments == Words{"a", "b"});
}

TEST_CASE("What is not given is what is usual", "[command-line]") {
  const auto settings = typed({});
  CHECK(settings.text("output") == "migfuzz-out");
  CHECK(settings.text("scenario") == "cells");
  CHECK_FALSE(settings.has("output"));
  CHECK_FALSE(settings.flag("resume"));
}

TEST_CASE("Help is asked for with -h or --help, whatever else is missing", "[command-line]") {
  CHECK(parse({"replay", "--help"}, commands()).help);
  CHECK(parse({"--phase=commit", "-h"}, commands()).help);
  CHECK_FALSE(parse({"--phase=commit"}, commands()).help);
}

TEST_CASE("What is wrong with the words is told in one line with its mend", "[command-line]") {
  const std::vector<std::pair<Words, std::vector<std::string>>> wrong{
      {{"--phas=commit"}, {"`--phas` is not an option", "nearest: --phase"}},
      {{"rnu"}, {"`rnu` is not a command", "run"}},
      {{"--seed"}, {"--seed", "its value, N, is missing"}},
      {{"--seed=1", "--seed=2"}, {"--seed: is given 2 times"}},
      {{"replay"}, {"PLAN is missing"}},
      {{"replay", "a", "b"}, {"`b` is one argument too many"}},
      {{"run", "stray"}, {"`stray` is one argument too many"}},
      {{"report"}, {"DIR is missing"}},
  };
  for (const auto& [words, parts] : wrong) {
    const auto said = refusal([&, w = words] { typed(w); });
    INFO(said);
    CHECK(lines_of(said).size() == 1);
    for (const auto& part : parts) CHECK(holds(said, part));
  }
}

// --- what values mean ---

TEST_CASE("A run is asked for as it is typed", "[command-line]") {
  const auto request =
      asked({"--phase=precopy,commit", "--fault=crash", "--side=source", "--seed=5", "--jobs=3",
             "--time=10m", "--memory=64M", "--transport=unix", "--shard=2/3", "--quiet"});
  CHECK(request.draw.phases == std::vector<Phase>{Phase::precopy, Phase::commit});
  CHECK(request.draw.sides == std::vector<Side>{Side::source});
  CHECK(request.draw.base.seed == 5);
  CHECK(request.seed_given);
  CHECK(request.jobs == 3);
  CHECK(request.time == std::chrono::minutes(10));
  CHECK(request.shrink_time == std::chrono::minutes(1));  // a tenth
  CHECK(request.draw.base.guest.memory_bytes == 64u << 20);
  CHECK(request.draw.transport == Transport::unix_tight);
  CHECK(to_string(request.shard) == "2/3");
  CHECK(request.quiet);
}

TEST_CASE("A tier stands for modes, phases, time and cells, and what is typed wins",
          "[command-line]") {
  const auto smoke = asked({"--tier=smoke"});
  CHECK(smoke.time == std::chrono::minutes(2));
  CHECK(smoke.most_cells == 100);
  CHECK(smoke.draw.phases.size() == all_phases().size());
  CHECK(smoke.modes.size() == 5);
  const auto own = asked({"--mode=postcopy", "--tier=nightly", "--cells=7"});
  CHECK(own.modes == std::vector<std::string>{"postcopy"});
  CHECK(own.most_cells == 7);
  CHECK(own.time == std::chrono::hours(1));
  const auto weekly = asked({"--tier=weekly"});
  CHECK(weekly.most_cells == 0);
  CHECK(weekly.modes.size() == all_modes().size());
  // A few exact points are all taken.
  CHECK(asked({"--tier=smoke", "--point=commit/eof"}).most_cells == 0);
}

TEST_CASE("A search looks in all phases where it is told none", "[command-line]") {
  CHECK(asked({}).draw.phases == std::vector<Phase>{Phase::stopcopy});
  CHECK(asked({"--scenario=search"}).draw.phases.size() == all_phases().size());
  CHECK(asked({"--phase=all"}).draw.phases.size() == all_phases().size());
}

TEST_CASE("What a value cannot be is told in one line with what it can be", "[command-line]") {
  const std::vector<std::pair<Words, std::vector<std::string>>> wrong{
      {{"--phase=stopcpy"}, {"--phase", "stopcpy", "nearest: stopcopy"}},
      {{"--fault=crahs"}, {"crahs", "crash"}},
      {{"--point=stopcopy/entre"}, {"stopcopy/entre", "stopcopy/enter"}},
      {{"--protocol=handshak"}, {"handshake"}},
      {{"--scenario=serch"}, {"search"}},
      {{"--side=sorce"}, {"--side", "source, destination or channel", "nearest: source"}},
      {{"--accel=kwm"}, {"--accel", "auto, kvm or tcg"}},
      {{"--disk=qcow"}, {"--disk", "qcow2"}},
      {{"--feedback=no"}, {"--feedback", "watch"}},
      {{"--transport=udp"}, {"--transport", "tcp or unix"}},
      {{"--tier=daily"}, {"--tier", "`daily` is not a tier", "smoke, nightly, weekly"}},
      {{"--tier=smoke", "--scenario=search"}, {"--tier", "--scenario=search has none"}},
      {{"--cells=5", "--scenario=control"}, {"--cells", "take --cases instead"}},
      {{"--seed=x"}, {"--seed: `x` is not a whole number"}},
      {{"--jobs=0"}, {"--jobs: `0` is not a whole number from 1 to 256"}},
      {{"--time=10"}, {"--time: `10` is not a length of time"}},
      {{"--memory=7"}, {"--memory: `7` is not a size of RAM"}},
      {{"--shard=1/2"}, {"--shard: give --seed, too"}},
      {{"--shrink-time=10m", "--time=10m"}, {"leaves nothing of --time=10m"}},
      {{"--source-qemu=/no/qemu"}, {"--source-qemu", "/no/qemu is not an executable file"}},
      {{"--known-issues=/no/file"}, {"/no/file"}},
  };
  for (const auto& [words, parts] : wrong) {
    const auto said = refusal([&, w = words] { asked(w); });
    INFO(said);
    CHECK(lines_of(said).size() == 1);
    for (const auto& part : parts) CHECK(holds(said, part));
  }
}

// --- help ---

TEST_CASE("Help fits onto a screen of 80 columns", "[command-line]") {
  std::vector<std::pair<std::string, std::string>> texts{{"", program_help(commands())}};
  for (const auto& command : commands())
    texts.emplace_back(command.name, command_help(command, &command == &commands().front()));
  for (const auto& [name, text] : texts) {
    const auto lines = lines_of(text);
    INFO("migfuzz " << name << " --help: " << lines.size() << " lines");
    CHECK(lines.size() <= (name == "run" ? 50 : 24));
    for (const auto& line : lines) {
      INFO(line);
      CHECK(columns(line) <= 80);
    }
  }
}

TEST_CASE("Help names every option and argument, and an example", "[command-line]") {
  for (const auto& command : commands()) {
    const auto text = command_help(command, false);
    INFO(text);
    CHECK(holds(text, "Example: migfuzz "));
    for (const auto& option : command.options) CHECK(holds(text, as_typed(option)));
    for (const auto& argument : command.arguments) CHECK(holds(text, argument.name));
    CHECK(holds(program_help(commands()), command.summary));
  }
}

TEST_CASE("Every example can be typed", "[command-line]") {
  for (const auto& command : commands())
    for (const auto& example : command.examples) {
      Words words;
      std::stringstream stream{std::string(example)};
      for (std::string word; stream >> word && word != "|" && !word.starts_with(">");) {
        std::erase(word, '\'');
        words.push_back(word);
      }
      INFO(example);
      CHECK(refusal([&] { CHECK(typed(words).command().name == command.name); }).empty());
    }
}

TEST_CASE("No command has two options of one name", "[command-line]") {
  for (const auto& command : commands())
    for (const auto& option : command.options) CHECK(find_option(command, option.name) == &option);
}

// --- list ---

TEST_CASE("Every word that can be listed has its sentence and its explanation", "[command-line]") {
  const auto catalogs = fakes::real_catalogs();
  for (const auto& listing : all_listings()) {
    const auto all = entries(listing.name, catalogs);
    INFO(listing.name);
    CHECK_FALSE(all.empty());
    for (const auto& entry : all) {
      INFO(entry.name);
      CHECK_FALSE(entry.text.empty());
      const auto fully = explain_one(listing.name, entry.name, catalogs, 80);
      CHECK(lines_of(fully).size() >= 2);
      CHECK(holds(fully, entry.name));
    }
  }
}

TEST_CASE("Into a pipe each word is one line that begins with it", "[command-line]") {
  const auto catalogs = fakes::real_catalogs();
  for (const auto& listing : all_listings()) {
    const auto all = entries(listing.name, catalogs);
    const auto lines = lines_of(explain(listing.name, catalogs, 0));
    REQUIRE(lines.size() == all.size());
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(lines[i].starts_with(all[i].name + " "));
  }
}

TEST_CASE("On a terminal a list keeps to its width", "[command-line]") {
  const auto catalogs = fakes::real_catalogs();
  for (const auto& listing : {"faults", "points", "verdicts"})
    for (const auto& line : lines_of(explain(listing, catalogs, 80))) {
      INFO(line);
      CHECK(columns(line) <= 80);
    }
}

TEST_CASE("A fault is explained with its proof, and where it has no meaning", "[command-line]") {
  const auto catalogs = fakes::real_catalogs();
  for (const auto& kind : catalogs.faults) {
    INFO(kind.name);
    const auto section = section_about(std::string(kind.name));
    CHECK((holds(section, "Proof") || holds(section, "proof")));
  }
  const auto crash = explain_one("faults", "crash", catalogs, 80);
  CHECK(holds(crash, "its end was signal 9"));
  CHECK(holds(crash, "loses-host"));
  CHECK(holds(explain_one("faults", "corrupt", catalogs, 80), "It has no meaning at"));
  CHECK(section_about("no-such-fault").empty());
}

TEST_CASE("A point with a number or a device of one's own is explained, too", "[command-line]") {
  const auto catalogs = fakes::real_catalogs();
  CHECK(holds(explain_one("points", "precopy/pass:7", catalogs, 80), "precopy/pass:N"));
  CHECK(holds(explain_one("points", "stopcopy/device:cpu/end", catalogs, 80),
              "stopcopy/device:NAME/end"));
  CHECK(holds(refusal([&] { explain_one("points", "stopcopy/entre", catalogs, 80); }),
              "stopcopy/enter"));
  CHECK(holds(refusal([&] { explain_one("faults", "crsh", catalogs, 80); }), "nearest: crash"));
  CHECK(holds(refusal([&] { explain("fautls", catalogs, 0); }), "nearest: faults"));
}

// --- completion and manual pages ---

TEST_CASE("Every shell is told every option and every word", "[command-line]") {
  const auto catalogs = fakes::real_catalogs();
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion(shell, commands(), catalogs);
    for (const auto& command : commands())
      for (const auto& option : command.options) {
        INFO(shell << " " << option.name);
        CHECK((holds(script, "--" + std::string(option.name)) ||
               holds(script, "-l " + std::string(option.name))));
      }
    for (const auto& [words, list] : known_words(catalogs, commands()))
      for (const auto& word : list) {
        INFO(shell << " " << word);
        std::string escaped;  // as zsh has it within a specification
        for (const char c : word) escaped += c == ':' ? std::string("\\:") : std::string(1, c);
        CHECK((holds(script, word) || holds(script, escaped)));
      }
  }
  CHECK(holds(refusal([&] { completion("tcsh", commands(), catalogs); }), "bash, zsh or fish"));
}

TEST_CASE("Every option has its place in a manual page", "[command-line]") {
  for (const auto& command : commands()) {
    const auto page = command_page(command, commands(), "1.0");
    for (const auto& option : command.options) {
      std::string name;
      for (const char c : option.name) name += c == '-' ? std::string("\\-") : std::string(1, c);
      CHECK(holds(page, "\\-\\-" + name));
    }
    CHECK(holds(program_page(commands(), "1.0"), ".BR migfuzz\\-" + std::string(command.name)));
  }
}

// --- migfuzz.toml ---

TEST_CASE("A file sets what is not typed", "[command-line]") {
  const auto settings =
      with_file({"--seed=3"},
                "[run]\nphase = [\"precopy\", \"commit\"]\nfault = \"crash,quit\"\n"
                "seed = 9\njobs = 2\nquiet = true\ntime = \"8h\"\n"
                "[shrink]\nconfirm = 20\n");
  CHECK(settings.list("phase") == Words{"precopy", "commit"});
  CHECK(settings.list("fault") == Words{"crash", "quit"});
  CHECK(settings.text("seed") == "3");
  CHECK(settings.text("jobs") == "2");
  CHECK(settings.flag("quiet"));
  CHECK(settings.text("confirm") == "10");  // of another section
  CHECK(settings.of_file() ==
        Words{"--fault=crash,quit", "--jobs=2", "--phase=precopy,commit", "--quiet", "--time=8h"});
}

TEST_CASE("What is wrong with a file is told with its line, its key and the near word",
          "[command-line]") {
  const std::vector<std::pair<std::string, std::vector<std::string>>> wrong{
      {"[run]\nphas = \"all\"\n", {"migfuzz.toml:2", "phas", "nearest: phase"}},
      {"\n[rum]\nphase = \"all\"\n", {"migfuzz.toml:2", "rum", "run"}},
      {"phase = \"all\"\n", {"migfuzz.toml:1", "phase", "[run]"}},
      {"run = 3\n", {"migfuzz.toml:1", "[run]"}},
      {"[run]\njobs = 1.5\n", {"migfuzz.toml:2", "jobs", "whole number"}},
      {"[run]\nquiet = \"yes\"\n", {"migfuzz.toml:2", "quiet", "true or false"}},
      {"[run]\nphase = []\n", {"migfuzz.toml:2", "phase", "not empty"}},
      {"[run]\nphase = [[\"a\"]]\n", {"migfuzz.toml:2", "phase"}},
      {"[run]\nresume = true\n", {"migfuzz.toml:2", "resume", "command line"}},
      {"[run]\nseed = 1\nseed = 2\n", {"migfuzz.toml:3", "seed"}},
      {"[run]\nphase = \n", {"migfuzz.toml:2", "not TOML"}},
      {"[shrink]\nfault = \"crash\"\n", {"migfuzz.toml:2", "fault", "[shrink]"}},
  };
  for (const auto& [text, parts] : wrong) {
    const auto said = refusal([&, t = text] { with_file({}, t); });
    INFO(text << said);
    CHECK(lines_of(said).size() == 1);
    for (const auto& part : parts) CHECK(holds(said, part));
  }
}

TEST_CASE("A value of a file that cannot be is told with its line", "[command-line]") {
  const auto said = [](const std::string& text) {
    return refusal(
        [&] { campaign_request(with_file({}, text), fakes::real_catalogs(), "migfuzz"); });
  };
  CHECK(holds(said("[run]\n\ntime = \"soon\"\n"), "migfuzz.toml:3: time: `soon`"));
  CHECK(holds(said("[run]\nfault = \"crahs\"\n"), "migfuzz.toml:2: fault: fault `crahs`"));
  CHECK(holds(said("[run]\nseed = -1\n"), "migfuzz.toml:2: seed: `-1`"));
}

TEST_CASE("Settings that are printed read back to the same", "[command-line]") {
  const auto before =
      typed({"--phase=precopy,commit", "--point=stopcopy/device:*", "--seed=18446744073709551615",
             "--output=a \"b\" \\c", "--jobs=2", "--quiet", "--time=8h"});
  const auto text = config_text(before);
  const auto after = with_file({}, text);
  CHECK(config_text(after) == text);
  for (const auto& option : before.command().options) {
    if (option.command_line) continue;
    INFO(option.name);
    CHECK(after.text(option.name) == before.text(option.name));
    CHECK(after.list(option.name).size() >= before.list(option.name).size());
  }
}

TEST_CASE("The settings of a fresh folder are a file that can be read", "[command-line]") {
  for (const auto& command : commands()) {
    if (!command.in_file) continue;
    auto settings = Settings(command);
    CHECK(refusal([&] {
            add_config(settings, commands(), config_text(Settings(command)), "x");
          }).empty());
  }
}

TEST_CASE("A shell takes quoted words back as they were", "[command-line]") {
  CHECK(shell_quoted("--phase=stopcopy") == "--phase=stopcopy");
  CHECK(shell_quoted("stopcopy/device:*") == "'stopcopy/device:*'");
  CHECK(shell_quoted("--point=stopcopy/device:*") == "--point='stopcopy/device:*'");
  CHECK(shell_quoted("--a b=c") == "'--a b=c'");
  CHECK(shell_quoted("it's") == "'it'\\''s'");
  CHECK(shell_quoted("") == "''");
}

}  // namespace
}  // namespace migfuzz::command_line
