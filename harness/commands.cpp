#include "harness/commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "harness/campaign/bundle.h"
#include "harness/core/error.h"
#include "harness/core/scenario.h"
#include "harness/io/archive.h"
#include "harness/io/capabilities.h"
#include "harness/io/child.h"
#include "harness/io/files.h"

namespace migfuzz {
namespace {

using nlohmann::json;

std::string kinds_that_need(std::string_view capability, const Catalogs& catalogs) {
  std::string kinds;
  for (const auto& kind : catalogs.faults)
    if (kind.needs == capability) kinds += (kinds.empty() ? "" : ", ") + std::string(kind.name);
  return kinds;
}

struct Check {
  std::string name;
  bool present;
  std::string why;
  std::string cost;  // of its absence
};

void print(const Check& check) {
  fmt::print("{} {:<22} {}\n", check.present ? "present" : "ABSENT ", check.name, check.why);
  if (!check.present) fmt::print("{:>31}costs you: {}\n", "", check.cost);
}

Check check_accelerator(Pool& pool, const Plan& base, const std::string& accel) {
  const json request{{"job", "trial"},
                     {"binary", base.source.binary},
                     {"accel", accel},
                     {"machine", base.machine},
                     {"memory_bytes", std::uint64_t{16} << 20},
                     {"guest", base.guest.name},
                     {"limit_ms", accel == "kvm" ? 1000 : 15000}};
  const auto answer = json::parse(pool.trial(request.dump(), Milliseconds(45000)));
  const bool beats = answer.at("beats");
  return {accel, beats,
          beats ? fmt::format("QEMU {} ran the guest", answer.at("version").get<std::string>())
                : answer.at("why").get<std::string>(),
          accel == "kvm" ? "speed, and findings that only show with KVM; TCG is used instead"
                         : "everything: no guest runs here"};
}

// "loadvm 12, migrate 9, …": how many there are of each group.
std::string groups_of(const std::vector<std::string>& events) {
  std::map<std::string, std::size_t> groups;
  for (const auto& event : events) {
    const auto whole = event.starts_with("qemu_") ? event.substr(5) : event;
    ++groups[whole.substr(0, whole.find('_'))];
  }
  std::string text;
  for (const auto& [name, count] : groups)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
  return text;
}

Check check_tracing(Pool& pool, Plan base, const std::string& binary) {
  base.accel = "tcg";
  base.guest.memory_bytes = std::uint64_t{16} << 20;
  const auto events = traced_events(pool, base, binary);
  const auto name = binary.empty() ? "qemu-system-x86_64" : binary;
  return {"trace events", !events.empty(),
          events.empty() ? name + " writes none about migration to its log"
                         : fmt::format("{} writes {} about migration to its log: {}", name,
                                       events.size(), groups_of(events)),
          "feedback: a search does not see what is new inside QEMU"};
}

// What is to be run again: one plan, perhaps out of a bundle, or all those of a run's folder in
// the order of their starts.
struct ToReplay {
  std::vector<Plan> plans;
  std::optional<OpenBundle> bundle;
};

ToReplay read_plans(const std::string& given) {
  if (const auto database = given + "/results.db"; io::is_there(database)) {
    const Store store(database, Store::Access::read);
    ToReplay all;
    if (const auto run = store.last_run())
      for (auto& one : store.drawn(run->id)) all.plans.push_back(std::move(one.plan));
    if (all.plans.empty()) throw UsageError(fmt::format("{}: no case was started", database));
    return all;
  }
  if (!io::is_folder(given) && io::is_archive(given)) {
    auto bundle = open_bundle(given);
    fmt::print("bundle of {}\n    {}\n", bundle.made, bundle.signature);
    return {{bundle.plan}, bundle};
  }
  return {{read_stored_plan(given).plan}, std::nullopt};
}

// A plan from another machine names paths of that machine: the same name is looked for on PATH.
void replace_binary(HypervisorSpec& spec, Side side, const std::string& given, bool quiet) {
  if (!given.empty()) {
    spec.binary = given;
    return;
  }
  if (spec.binary.empty() || io::find_executable(spec.binary)) return;
  const auto name = spec.binary.substr(spec.binary.rfind('/') + 1);
  const auto found = io::find_executable(name);
  if (!found)
    throw UsageError(fmt::format("the {}'s QEMU {} is not here, and no {} on PATH; name one with "
                                 "--{}-qemu",
                                 to_string(side), spec.binary, name, to_string(side)));
  if (!quiet)
    fmt::print("the {}'s QEMU {} is not here: {} is used\n", to_string(side), spec.binary, *found);
  spec.binary = *found;
}

void compare_versions(const OpenBundle& bundle, const Chosen& chosen) {
  const auto compare = [](const char* host, const std::string& then, const std::string& now) {
    if (then != now)
      fmt::print("the {} is QEMU {}, the bundle's was {}: it may behave otherwise\n", host, now,
                 then);
  };
  compare("source", bundle.source_version, chosen.source_version);
  compare("destination", bundle.destination_version, chosen.destination_version);
}

}  // namespace

int replay(io::Loop& loop, const ReplayRequest& request, const Catalogs& catalogs,
           const TrialFunction& trial) {
  auto [plans, bundle] = read_plans(request.path);
  std::vector<PlannedCase> cases;
  for (auto& plan : plans) {
    const bool again = &plan != &plans.front();  // of many plans it is said once
    replace_binary(plan.source, Side::source, request.source_qemu, again);
    replace_binary(plan.destination, Side::destination, request.destination_qemu, again);
    check_plan(plan, catalogs);
  }
  for (std::uint64_t i = 0; i < request.times; ++i)
    for (const auto& plan : plans) cases.push_back({plan, std::nullopt});
  const auto count_of_cases = cases.size();
  Pool pool(loop, catalogs, trial, request.jobs);
  // The stored accelerator is part of the plan: another one would be another case.
  if (const auto& first = plans.front(); first.accel != "auto") {
    const auto& guest = catalogs.find_guest(first.guest.name);
    const auto chosen = choose(pool, first, true, guest);
    boot_once(pool, first, guest);
    if (bundle) compare_versions(*bundle, chosen);
  }
  int signal = 0;
  const io::Signals signals(loop, [&](int number) { signal = number; });
  ListSource source(std::move(cases));
  std::map<std::string, std::size_t> outcomes;
  Summary summary;
  std::vector<CaseResult> results;
  std::unique_ptr<Output> output;
  if (!request.output.empty()) output = std::make_unique<Output>(request.output);
  pool.run(
      source,
      [&](Pool::Done& done) {
        const auto& result = done.result;
        const auto line = result.signature.empty()
                              ? std::string(to_string(result.verdict))
                              : fmt::format("{}  {}", to_string(result.verdict), result.signature);
        ++outcomes[line];
        if (!request.quiet) fmt::print("{}\n    {}\n", line, result.headline);
        results.push_back(result);
        if (output) output->add(std::move(done.result));
      },
      [&] { return signal != 0; });
  for (const auto& [line, count] : outcomes)
    fmt::print("{} of {}: {}\n", count, count_of_cases, line);
  sum_up(summary, results, Matrix());
  if (output && output->begun()) output->finish(summary, nullptr, true);
  if (signal != 0) return 128 + signal;
  return exit_status(summary);
}

int doctor(io::Loop& loop, const Plan& base, const Catalogs& catalogs, const TrialFunction& trial) {
  fmt::print("migfuzz on this machine, as {}:\n", ::geteuid() == 0 ? "root" : "an ordinary user");
  const auto binary = base.source.binary.empty() ? "qemu-system-x86_64" : base.source.binary;
  const auto path = io::find_executable(binary);
  print({"qemu", path.has_value(), path ? *path : binary + " is not an executable file",
         "everything: install qemu-system-x86 or name one with --source-qemu"});
  if (!path) return 4;
  Pool pool(loop, catalogs, trial, 1);
  std::optional<Check> tcg;
  try {
    tcg = check_accelerator(pool, base, "tcg");
  } catch (const CannotRun& error) {
    print({"namespaces", false, error.what(),
           "everything: run as root, or allow unprivileged user namespaces"});
    return 4;
  }
  print({"namespaces", true, "PID, mount, network and IPC namespaces of a worker's own", ""});
  print(*tcg);
  print(check_accelerator(pool, base, "kvm"));
  print(check_tracing(pool, base, base.source.binary));
  if (!(base.source == base.destination))
    print(check_tracing(pool, base, base.destination.binary));
  const auto missing = pool.missing_capabilities();
  for (const auto& [name, what] : io::all_capabilities()) {
    const auto found = missing.find(std::string(name));
    print({std::string(name), found == missing.end(),
           found == missing.end() ? std::string(what) : found->second,
           "the fault kinds that need it: " + kinds_that_need(name, catalogs)});
  }
  const bool root = ::geteuid() == 0;
  print({"userfaultfd", root, root ? "root may use it" : "needs root",
         "post-copy phases, which this version does not run yet"});
  return tcg->present ? 0 : 4;
}

int rewrite_reports(const std::string& folder, const Reports& reports) {
  auto [summary, results] = Output::read(folder);
  name_bundles(folder, summary);
  Output::write(folder, summary, results, reports);
  fmt::print("report: {}/report.html\n", folder);
  return 0;
}

}  // namespace migfuzz
