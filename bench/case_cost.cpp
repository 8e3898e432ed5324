// What a case costs: the same migration bare and as a full migfuzz case, alternating in one run.
//
//   case_cost [QEMU [RUNS]]      default: qemu-system-x86_64 of PATH, 15 runs of each
//
// Bare: two QEMUs started, guest up, `migrate` directly from one to the other, completed, both
// killed: no relay, no checks, no orderly end. Full: a no-fault case as the campaign runs it.
// Prints medians, their ratio, where the full case's time goes, the harness's own CPU share of it,
// and cases per hour of the stop-and-copy cells with all cores. Ratios are to be quoted, not
// absolute times. Limits: one transport (AF_UNIX tight, the harness's most costly) and one guest
// shape.
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "harness/campaign/campaign.h"
#include "harness/core/error.h"
#include "harness/hypervisors/qemu_host.h"
#include "tests/fakes/catalogs.h"

namespace migfuzz {
namespace {

using nlohmann::json;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double own_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

// Two QEMUs, one migration, nothing else.
void migrate_bare(io::Loop& loop, const Plan& plan, const Guest& guest) {
  const auto deadline = Clock::now() + Milliseconds(20000);
  History history;
  QemuHostSpec spec;
  spec.binary = plan.source.binary;
  spec.accel = plan.accel;
  spec.shape = plan.guest;
  spec.guest = &guest;
  QemuHost source(loop, spec, history, [] {});
  spec.side = Side::destination;
  spec.incoming = true;
  QemuHost destination(loop, spec, history, [] {});
  source.connect(deadline);
  destination.connect(deadline);
  auto [there, here] = io::socket_pair();
  destination.monitor().call("getfd", {{"fdname", "channel"}}, deadline, there.get());
  source.monitor().call("getfd", {{"fdname", "channel"}}, deadline, here.get());
  destination.monitor().call("migrate-incoming", {{"uri", "fd:channel"}}, deadline);
  const json events = json::array({{{"capability", "events"}, {"state", true}},
                                   {{"capability", "return-path"}, {"state", true}}});
  source.monitor().call("migrate-set-capabilities", {{"capabilities", events}}, deadline);
  source.monitor().call("migrate-set-parameters", {{"max-bandwidth", 0}}, deadline);
  const io::Ticker look(loop, Milliseconds(4), [] {});
  const auto wait = [&](const std::function<bool()>& done) {
    if (!loop.run_until(done, deadline)) throw InfraError("the bare migration did not complete");
  };
  wait([&] { return source.last_step() > 0; });
  source.monitor().call("migrate", {{"uri", "fd:channel"}}, deadline);
  wait([&] { return source.sight(Milliseconds(1000)).migration == MigrationStatus::completed; });
  wait([&] { return destination.last_step() > 0; });
  source.process().signal(SIGKILL);
  destination.process().signal(SIGKILL);
}

struct Parts {
  std::vector<double> bare, full, cpu, up, moved, verified, ended;
};

// When the parts of a full case ended, from its own history: milliseconds.
void take_parts(Parts& parts, const CaseResult& result) {
  const auto at = [&](std::string_view actor, std::string_view kind, std::string_view name) {
    const auto* event = result.history.first(actor, kind, name);
    return event != nullptr ? double(event->at_ns) / 1e6 : 0.0;
  };
  const auto up = at("director", "phase", "prepare"), moved = at("arbiter", "decision", "done");
  const auto stopped = at("destination", "qmp-command", "quit");
  parts.up.push_back(up);
  parts.moved.push_back(moved - up);
  parts.verified.push_back(stopped - moved);
  parts.ended.push_back(result.duration_ms - stopped);
}

Parts measure(const Plan& plan, const Catalogs& catalogs, int runs) {
  Parts parts;
  for (int i = 0; i < runs; ++i) {
    io::Loop loop;
    auto start = Clock::now();
    migrate_bare(loop, plan, catalogs.find_guest("tiny"));
    parts.bare.push_back(seconds_since(start));
    start = Clock::now();
    const auto cpu = own_cpu_seconds();
    const auto run = run_case(loop, plan, catalogs);
    parts.full.push_back(seconds_since(start));
    parts.cpu.push_back(own_cpu_seconds() - cpu);
    if (run.result.verdict != Verdict::pass) throw InfraError(run.result.headline);
    take_parts(parts, run.result);
  }
  return parts;
}

std::string report(const Parts& p) {
  const double full = median(p.full), bare = median(p.bare);
  return fmt::format(
      "bare median {:.0f} ms (least {:.0f}), full case median {:.0f} ms (least {:.0f}), ratio of "
      "medians {:.2f}\n"
      "full case: both hosts up {:.0f} ms, migration and settling {:.0f} ms, survivor's proof "
      "{:.0f} "
      "ms, orderly end {:.0f} ms\n"
      "harness's own CPU {:.0f} ms a case, {:.0f} % of its time\n",
      bare * 1e3, *std::min_element(p.bare.begin(), p.bare.end()) * 1e3, full * 1e3,
      *std::min_element(p.full.begin(), p.full.end()) * 1e3, full / bare, median(p.up),
      median(p.moved), median(p.verified), median(p.ended), median(p.cpu) * 1e3,
      100 * median(p.cpu) / full);
}

int run(const std::string& qemu, int runs) {
  const auto catalogs = fakes::real_catalogs();
  const TrialFunction trial = [&](io::Loop& inner, const std::string& request) {
    return answer_trial(inner, request, catalogs);
  };
  io::Loop loop;
  Plan plan;
  plan.source.binary = plan.destination.binary = qemu;
  const auto cores = static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN));
  Pool pool(loop, catalogs, trial, cores);
  const auto chosen = choose(pool, plan, false, catalogs.find_guest("tiny"));
  plan.accel = chosen.accel;
  plan.guest.memory_bytes = chosen.memory_bytes;
  plan.transport = Transport::unix_tight;
  plan.patience_ms = 5000;
  fmt::print("QEMU {}, {}, {} KiB, {} cores\n", chosen.source_version, chosen.accel,
             chosen.memory_bytes >> 10, cores);

  // Both are measured inside one worker, so that namespaces cost them the same.
  std::optional<std::string> answer;
  bool gone = false;
  io::Worker worker(loop,
                    [&](io::Line& line) {
                      try {
                        line.write(json(report(measure(plan, catalogs, runs))).dump());
                      } catch (const std::exception& error) {
                        line.write(json(fmt::format("failed: {}\n", error.what())).dump());
                      }
                      return 0;
                    },
                    {[&](const std::string& text) { answer = text; }, [&] { gone = true; }});
  loop.run_until([&] { return answer || gone; }, Clock::now() + std::chrono::minutes(10));
  if (!answer) throw InfraError("the measuring worker died");
  fmt::print("{}", json::parse(*answer).get<std::string>());

  ScenarioRequest request;
  request.base = plan;
  request.base.patience_ms = Plan().patience_ms;
  ListSource cases(catalogs.find_scenario("cells").draw(request, catalogs).cases);
  const auto start = Clock::now();
  std::size_t done = 0;
  pool.run(
      cases, [&](const Pool::Done&) { ++done; }, [] { return false; });
  fmt::print("{} stop-and-copy cells on {} cores: {:.0f} per hour\n", done, cores,
             double(done) * 3600 / seconds_since(start));
  return 0;
}

}  // namespace
}  // namespace migfuzz

int main(int argc, char** argv) {
  try {
    return migfuzz::run(argc > 1 ? argv[1] : "", argc > 2 ? std::max(1, std::atoi(argv[2])) : 15);
  } catch (const std::exception& error) {
    fmt::print(stderr, "case_cost: {}\n", error.what());
    return 4;
  }
}
