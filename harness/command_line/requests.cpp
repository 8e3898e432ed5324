#include "harness/command_line/requests.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <tuple>

#include "harness/command_line/tiers.h"
#include "harness/core/error.h"
#include "harness/core/mode.h"
#include "harness/io/child.h"
#include "harness/io/files.h"

namespace migfuzz::command_line {
namespace {

// Throws what `check` throws, with the place of the value in front, where that is a file's.
template <typename Check>
void checked(const Settings& settings, std::string_view name, Check check) {
  try {
    check();
  } catch (const UsageError& error) {
    const auto from = settings.from(name);
    if (from.starts_with("--")) throw;
    throw UsageError(fmt::format("{}: {}", from, error.what()));
  }
}

std::uint64_t number(const Settings& settings, std::string_view name, std::uint64_t least,
                     std::uint64_t most) {
  const auto text = settings.text(name);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    throw UsageError(fmt::format("{}: `{}` is not a whole number from {} to {}",
                                 settings.from(name), text, least, most));
  return value;
}

// "64M", "16392K", "1G", plain bytes. QEMU aligns RAM to 8 KiB, and both sides must agree on a
// size.
std::uint64_t memory_bytes(const Settings& settings) {
  const auto text = settings.text("memory");
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const int shift = unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : unit.empty() ? 0 : -1;
  if (error != std::errc() || shift < 0 || value > (std::uint64_t{64} << 30 >> shift) ||
      value << shift == 0 || (value << shift) % 8192 != 0)
    throw UsageError(
        fmt::format("{}: `{}` is not a size of RAM; give a multiple of 8K up to 64G, such as "
                    "16392K, 64M or 1G",
                    settings.from("memory"), text));
  return value << shift;
}

// One of a few words. The message lists them all, and first the one that was meant, perhaps.
void one_of(const std::string& from, const std::string& word,
            const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), word) != known.end()) return;
  const auto near = nearest(word, known);
  std::string take;
  for (std::size_t i = 0; i < known.size(); ++i)
    take += (i == 0 ? "" : i + 1 == known.size() ? " or " : ", ") + known[i];
  throw UsageError(fmt::format("{}: `{}` is not known; take {}{}", from, word, take,
                               near.empty() ? "" : "; nearest: " + near.front()));
}

// A tenth of a run that ends in time is for understanding what it found.
Milliseconds shrink_time(const Settings& settings, const std::optional<Milliseconds>& whole) {
  if (!settings.has("shrink-time")) return whole ? *whole / 10 : Milliseconds(0);
  const auto text = settings.text("shrink-time");
  const auto from = settings.from("shrink-time");
  const auto time = text == "0" ? Milliseconds(0) : duration(from, text);
  if (whole && time >= *whole)
    throw UsageError(fmt::format("{}: {} leaves nothing of --time={} for the cases", from, text,
                                 settings.text("time")));
  return time;
}

std::vector<Phase> phases(const Settings& settings, const std::vector<std::string>& words) {
  std::vector<std::string> known{"all"};
  for (const auto phase : all_phases()) known.emplace_back(to_string(phase));
  std::vector<Phase> list;
  for (const auto& word : words) {
    if (word == "all") return {all_phases().begin(), all_phases().end()};
    const auto phase = phase_from(word);
    if (!phase)
      throw UsageError(
          fmt::format("{}: {}", settings.from("phase"), unknown_word("phase", word, known)));
    list.push_back(*phase);
  }
  return list;
}

// What is not named follows from the phases: post-copy's are those of a mode that has them.
std::vector<std::string> modes(const Settings& settings, const std::vector<Phase>& phases) {
  std::vector<std::string> list;
  checked(settings, "mode", [&] {
    for (const auto& word : settings.list("mode")) {
      if (word == "all") {
        list = all_modes();
        return;
      }
      list.push_back(mode_from(word).name);
    }
  });
  if (!list.empty()) return list;
  for (const auto* mode : {"precopy", "postcopy", "storage"}) {
    const auto has = [&](Phase phase) { return mode_from(mode).has(phase); };
    if (std::any_of(phases.begin(), phases.end(), has)) return {mode};
  }
  return {Plan().mode};
}

std::optional<Transport> transport(const Settings& settings) {
  const auto word = settings.text("transport");
  if (word.empty()) return std::nullopt;
  const auto known = transport_from(word == "unix" ? "unix-tight" : word);
  if (!known) one_of(settings.from("transport"), word, {"tcp", "unix"});
  return known;
}

std::vector<Side> sides(const Settings& settings) {
  std::vector<Side> list;
  for (const auto& word : settings.list("side")) {
    one_of(settings.from("side"), word, {"source", "destination", "channel"});
    list.push_back(*side_from(word));
  }
  return list;
}

void check_qemu(const std::string& from, const std::string& binary) {
  if (!binary.empty() && !io::find_executable(binary))
    throw UsageError(
        fmt::format("{}: {} is not an executable file; name a qemu-system-x86_64", from, binary));
}

// Every source with every destination; without a name QEMU's own of PATH.
std::vector<std::pair<HypervisorSpec, HypervisorSpec>> pairs(const Settings& settings) {
  const auto list = [&](std::string_view name) {
    auto given = settings.list(name);
    for (const auto& binary : given) check_qemu(settings.from(name), binary);
    return given.empty() ? std::vector<std::string>{""} : given;
  };
  std::vector<std::pair<HypervisorSpec, HypervisorSpec>> all;
  const auto destinations = list("destination-qemu");
  for (const auto& source : list("source-qemu"))
    for (const auto& destination : destinations) all.push_back({{source}, {destination}});
  return all;
}

Plan base_plan(const Settings& settings) {
  Plan plan;
  std::random_device device;
  plan.seed = settings.has("seed") ? number(settings, "seed", 0, UINT64_MAX >> 1) : device();
  plan.guest.name = settings.text("guest");
  plan.accel = settings.text("accel");
  one_of(settings.from("accel"), plan.accel, {"auto", "kvm", "tcg"});
  std::tie(plan.source, plan.destination) = pairs(settings).front();
  if (settings.has("disk")) plan.disk = settings.text("disk");
  one_of(settings.from("disk"), plan.disk, {std::begin(kDisks), std::end(kDisks)});
  if (settings.has("machine")) plan.machine = settings.text("machine");
  if (settings.has("memory")) plan.guest.memory_bytes = memory_bytes(settings);
  return plan;
}

unsigned jobs(const Settings& settings) {
  if (!settings.text("jobs").empty())
    return static_cast<unsigned>(number(settings, "jobs", 1, 256));
  // A case waits for half of its time: twice as many as cores keep them busy.
  const auto cores = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  return static_cast<unsigned>(2 * cores);
}

// `none` is none; a run that names no list takes the one that came with the program.
std::vector<KnownIssue> known_issues(const Settings& settings, bool shipped) {
  const auto path = settings.text("known-issues");
  if (path.empty() && shipped)
    return known_issues_from_text(std::string(shipped_known_issues()), "the list of the program");
  if (path.empty() || path == "none") return {};
  return known_issues_from_text(io::read_input(path, 16 << 20), path);
}

// Every word that a catalog must know.
void check_words(const CampaignRequest& request, const Settings& settings,
                 const Catalogs& catalogs) {
  checked(settings, "scenario", [&] { catalogs.find_scenario(request.scenario); });
  checked(settings, "protocol", [&] {
    for (const auto& protocol : request.protocols) catalogs.find_protocol(protocol);
  });
  checked(settings, "guest", [&] { catalogs.find_guest(settings.text("guest")); });
  checked(settings, "fault", [&] {
    for (const auto& fault : request.draw.faults) catalogs.find_fault(fault);
  });
  checked(settings, "point", [&] {
    for (const auto& point : request.draw.points)
      if (point.find('*') == std::string::npos) trigger_from(point);
  });
}

}  // namespace

Milliseconds duration(const std::string& option, const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::uint64_t seconds = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  constexpr std::uint64_t kMost = 365 * 24 * 3600;
  if (error != std::errc() || seconds == 0 || value == 0 || value > kMost / seconds)
    throw UsageError(
        fmt::format("{}: `{}` is not a length of time such as 90s, 10m or 8h", option, text));
  return std::chrono::seconds(value * seconds);
}

CampaignRequest campaign_request(const Settings& given, const Catalogs& catalogs,
                                 const std::string& command) {
  const auto settings = with_tier(given);
  CampaignRequest request;
  request.scenario = settings.text("scenario");
  request.protocols = settings.list("protocol");
  if (request.protocols.empty()) request.protocols = {"handshake"};
  request.draw.points = settings.list("point");
  request.draw.faults = settings.list("fault");
  check_words(request, settings, catalogs);
  const auto& scenario = catalogs.find_scenario(request.scenario);
  // A search looks everywhere where it is not told to stay away.
  auto chosen = settings.list("phase");
  if (chosen.empty() && scenario.promises.empty())
    chosen = {request.scenario == kSearchScenario ? "all" : "stopcopy"};
  request.draw.phases = phases(settings, chosen);
  request.draw.sides = sides(settings);
  request.draw.base = base_plan(settings);
  if (!settings.has("guest") && !scenario.guest.empty())
    request.draw.base.guest.name = scenario.guest;
  request.draw.base.protocol = request.protocols.front();
  request.modes = modes(settings, request.draw.phases);
  if (!settings.has("mode") && !scenario.modes.empty()) request.modes = scenario.modes;
  request.modes_given = settings.has("mode");
  request.draw.base.mode = request.modes.front();
  request.draw.transport = transport(settings);
  if (settings.has("cases")) request.draw.cases = number(settings, "cases", 1, 10000000);
  if (settings.has("cells")) request.most_cells = number(settings, "cells", 1, 10000000);
  if (request.most_cells != 0 && request.scenario != "cells" && scenario.promises.empty())
    throw UsageError(fmt::format("{}: --scenario={} has no cells; take --cases instead",
                                 settings.from("cells"), request.scenario));
  request.pairs = pairs(settings);
  request.machine_given = settings.has("machine");
  request.memory_given = settings.has("memory");
  request.disk_given = settings.has("disk");
  if (!request.disk_given && !scenario.disk.empty()) {
    request.draw.base.disk = scenario.disk;
    request.disk_given = true;
  }
  request.jobs = jobs(settings);
  request.output = settings.text("output");
  request.quiet = settings.flag("quiet");
  request.resume = settings.flag("resume");
  request.seed_given = settings.has("seed");
  checked(settings, "shard", [&] { request.shard = shard_from(settings.text("shard")); });
  if (settings.has("shard") && !request.seed_given && !request.resume)
    throw UsageError(
        fmt::format("{}: give --seed, too: without it each shard draws numbers of its "
                    "own",
                    settings.from("shard")));
  if (settings.has("time")) request.time = duration(settings.from("time"), settings.text("time"));
  one_of(settings.from("feedback"), settings.text("feedback"), {"auto", "on", "watch", "off"});
  request.feedback = *feedback_from(settings.text("feedback"));
  request.command = command;
  request.known_issues = known_issues(settings, true);
  request.corpus = settings.text("corpus");
  request.confirm = number(settings, "confirm", 1, 10000);
  request.shrink_time = shrink_time(settings, request.time);
  return request;
}

ReplayRequest replay_request(const Settings& settings) {
  ReplayRequest request;
  request.path = settings.arguments.front();
  request.times = number(settings, "times", 1, 1000000);
  request.jobs = jobs(settings);
  request.quiet = settings.flag("quiet");
  request.output = settings.text("output");
  request.source_qemu = settings.text("source-qemu");
  request.destination_qemu = settings.text("destination-qemu");
  check_qemu(settings.from("source-qemu"), request.source_qemu);
  check_qemu(settings.from("destination-qemu"), request.destination_qemu);
  return request;
}

ShrinkCommand shrink_request(const Settings& settings) {
  ShrinkCommand request;
  request.path = settings.arguments.front();
  request.output = settings.has("output")        ? settings.text("output")
                   : io::is_folder(request.path) ? request.path
                                                 : "migfuzz-shrink";
  request.corpus = settings.text("corpus");
  if (settings.text("shrink-time") == "0")
    throw UsageError(
        fmt::format("{}: 0 leaves no time to shrink in", settings.from("shrink-time")));
  if (settings.has("shrink-time"))
    request.time = duration(settings.from("shrink-time"), settings.text("shrink-time"));
  request.confirm = number(settings, "confirm", 1, 10000);
  request.jobs = jobs(settings);
  request.quiet = settings.flag("quiet");
  request.known_issues = known_issues(settings, false);
  return request;
}

Plan doctor_plan(const Settings& settings) {
  Plan plan;
  plan.guest.name = "tiny";
  plan.accel = settings.text("accel");
  one_of(settings.from("accel"), plan.accel, {"auto", "kvm", "tcg"});
  std::tie(plan.source, plan.destination) = pairs(settings).front();
  return plan;
}

}  // namespace migfuzz::command_line
