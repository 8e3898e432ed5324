// What tracing costs: the same no-fault case with and without QEMU's trace events, in turns.
//
//     build/release/bench/trace_cost [QEMU [RUNS [MEMORY_KIB]]]
//
// Both kinds of case are run in one worker, one after the other and in changing order, so that a
// machine that is busy elsewhere is busy for both. Prints both medians, the ratio of each pair of
// neighbours (median), how much was logged, and the events that were logged most: those that come
// once a page are left out of the patterns in harness/hypervisors/tracing.cpp. Ratios are to be
// quoted, not times. Limits: one guest shape, one transport.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "harness/campaign/campaign.h"
#include "harness/core/error.h"
#include "harness/stream/trace_log.h"
#include "tests/fakes/catalogs.h"

namespace migfuzz {
namespace {

using nlohmann::json;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

struct Measured {
  std::vector<double> without, with, ratio, bytes, lines, items;
  std::map<std::string, double> events;  // per case, both hosts
};

double run_one(const Plan& plan, const Catalogs& catalogs, bool trace, Measured& measured) {
  io::Loop loop;
  const auto start = Clock::now();
  const auto run = run_case(loop, plan, catalogs, trace);
  const auto took = std::chrono::duration<double>(Clock::now() - start).count();
  if (run.result.verdict != Verdict::pass) throw InfraError(run.result.headline);
  (trace ? measured.with : measured.without).push_back(took);
  if (!trace) return took;
  double bytes = 0, lines = 0;
  for (const auto* name : {"trace-source.log", "trace-destination.log"}) {
    const auto& text = run.result.evidence.at(name);
    bytes += double(text.size());
    for (const auto& [thread, event] : stream::parse_trace_log(text)) {
      ++lines;
      ++measured.events[event];
    }
  }
  measured.bytes.push_back(bytes);
  measured.lines.push_back(lines);
  measured.items.push_back(double(run.result.reached.size()));
  return took;
}

std::string report(Measured measured, int runs) {
  std::vector<std::pair<double, std::string>> most;
  for (const auto& [event, count] : measured.events) most.emplace_back(count / runs, event);
  std::sort(most.rbegin(), most.rend());
  std::string text = fmt::format(
      "without {:.0f} ms, with {:.0f} ms (medians of {}); ratio of neighbours {:.3f}\n"
      "logged by both hosts of a case: {:.0f} lines, {:.1f} KiB; items reached {:.0f}\n",
      median(measured.without) * 1e3, median(measured.with) * 1e3, runs, median(measured.ratio),
      median(measured.lines), median(measured.bytes) / 1024, median(measured.items));
  for (std::size_t i = 0; i < std::min<std::size_t>(12, most.size()); ++i)
    text += fmt::format("  {:8.1f}  {}\n", most[i].first, most[i].second);
  return text;
}

std::string measure(const Plan& plan, const Catalogs& catalogs, int runs) {
  Measured measured;
  Measured warm;  // the first case of a process is slower: not counted
  run_one(plan, catalogs, true, warm);
  for (int i = 0; i < runs; ++i) {
    const bool traced_first = i % 2 == 0;
    const auto one = run_one(plan, catalogs, traced_first, measured);
    const auto other = run_one(plan, catalogs, !traced_first, measured);
    measured.ratio.push_back(traced_first ? one / other : other / one);
  }
  return report(std::move(measured), runs);
}

int run(const std::string& qemu, int runs, std::uint64_t memory_kib) {
  const auto catalogs = fakes::real_catalogs();
  const TrialFunction trial = [&](io::Loop& inner, const std::string& request) {
    return answer_trial(inner, request, catalogs);
  };
  io::Loop loop;
  Plan plan;
  plan.source.binary = plan.destination.binary = qemu;
  plan.guest.memory_bytes = memory_kib << 10;
  Pool pool(loop, catalogs, trial, 1);
  const auto chosen = choose(pool, plan, memory_kib != 0, catalogs.find_guest("tiny"));
  plan.accel = chosen.accel;
  plan.guest.memory_bytes = chosen.memory_bytes;
  plan.patience_ms = 5000;
  const auto events = traced_events(pool, plan, qemu);
  fmt::print("QEMU {}, {}, {} KiB; {} events are traced\n", chosen.source_version, chosen.accel,
             chosen.memory_bytes >> 10, events.size());
  std::optional<std::string> answer;
  bool gone = false;
  io::Worker worker(loop,
                    [&](io::Line& line) {
                      try {
                        line.write(json(measure(plan, catalogs, runs)).dump());
                      } catch (const std::exception& error) {
                        line.write(json(fmt::format("failed: {}\n", error.what())).dump());
                      }
                      return 0;
                    },
                    {[&](const std::string& text) { answer = text; }, [&] { gone = true; }});
  loop.run_until([&] { return answer || gone; }, Clock::now() + std::chrono::minutes(10));
  if (!answer) throw InfraError("the measuring worker died");
  fmt::print("{}", json::parse(*answer).get<std::string>());
  return 0;
}

}  // namespace
}  // namespace migfuzz

int main(int argc, char** argv) {
  try {
    return migfuzz::run(argc > 1 ? argv[1] : "", argc > 2 ? std::max(1, std::atoi(argv[2])) : 15,
                        argc > 3 ? static_cast<std::uint64_t>(std::atoll(argv[3])) : 0);
  } catch (const std::exception& error) {
    fmt::print(stderr, "trace_cost: {}\n", error.what());
    return 4;
  }
}
