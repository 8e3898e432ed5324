#include "harness/campaign/evacuation.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>

#include "harness/core/convoy.h"
#include "harness/core/error.h"
#include "harness/core/scenario.h"
#include "harness/director.h"
#include "harness/io/fd.h"
#include "harness/io/fork.h"
#include "harness/judge.h"

namespace migfuzz {
namespace {

using nlohmann::json;

// Below what the pool gives a case: a VM that waits, migrates and is started again ends before.
constexpr Milliseconds kVmsLimit{80000};

/// In memory that all processes of the case share.
struct Board {
  std::atomic<std::uint32_t> under_way{0}, most_under_way{0}, settled{0};
  std::atomic<bool> host_lost{false};
};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

class Member final : public Convoy {
 public:
  Member(Board& board, const Evacuation& all, std::uint32_t number, bool leads)
      : board_(board), all_(all), number_(number), leads_(leads) {}

  bool leads() const override { return leads_; }
  // In the order of their numbers, so that those before the middle have left when it is struck.
  bool begin() override {
    if (holds_place_) return true;
    if (number_ >= board_.settled + all_.at_once) return false;
    const auto now = ++board_.under_way;
    auto most = board_.most_under_way.load();
    while (most < now && !board_.most_under_way.compare_exchange_weak(most, now)) {
    }
    return holds_place_ = true;
  }
  void settled() override {
    if (std::exchange(holds_place_, false)) --board_.under_way;
    if (!std::exchange(settled_, true)) ++board_.settled;
  }
  bool all_settled() const override { return board_.settled >= all_.vms; }
  void lose_host() override { board_.host_lost = true; }
  bool host_lost() const override { return board_.host_lost; }

 private:
  Board& board_;
  const Evacuation all_;
  const std::uint32_t number_;
  const bool leads_;
  bool holds_place_ = false, settled_ = false;
};

// The middle one: VMs before it have left, VMs behind it have not.
std::uint32_t leader_of(const Evacuation& all) { return all.vms / 2; }

// A fault of one process strikes the VM in the middle alone; that of a host, all that it has.
Plan plan_of_vm(const Plan& plan, std::uint32_t number, const Catalogs& catalogs) {
  auto own = plan;
  own.evacuation = {};
  std::uint64_t state = plan.guest.seed + number;
  own.guest.seed = next_random(state);
  if (number == leader_of(plan.evacuation)) return own;
  std::erase_if(own.faults, [&](const FaultSpec& fault) {
    return catalogs.find_fault(fault.kind).component != "host";
  });
  for (auto& fault : own.faults) fault.trigger = trigger_from("prepare/ready");
  return own;
}

// Who is hit by another VM's fault is hit at a place that no plan chose.
void expect_of_member(Evidence& evidence, const Plan& own, const History& history,
                      const Catalogs& catalogs) {
  if (history.first("director", "fault", "injected") != nullptr) {
    evidence.expected = {Expect::at_most_one, "host-lost-meanwhile",
                         "its host was lost at whatever stage its migration was: it is on one "
                         "host, or it is lost and started again"};
    return;
  }
  auto untouched = own;
  untouched.faults.clear();
  evidence.delivered = true;
  if (const auto expected = catalogs.expected(untouched)) evidence.expected = *expected;
}

std::string history_lines(const History& history) {
  std::string text;
  for (const auto& event : history.events()) text += to_json(event).dump() + "\n";
  return text;
}

json run_member(const Plan& plan, std::uint32_t number, Board& board, const Catalogs& catalogs) {
  io::Loop loop;
  const auto own = plan_of_vm(plan, number, catalogs);
  const bool leads = number == leader_of(plan.evacuation);
  Member member(board, plan.evacuation, number, leads);
  CaseResult result;
  std::string history;
  try {
    const auto& guest = catalogs.find_guest(own.guest.name);
    const auto& protocol = catalogs.find_protocol(own.protocol);
    const auto world = catalogs.find_hypervisor(own.hypervisor).build(loop, own, guest, protocol);
    try {
      auto evidence = direct(own, *world, protocol, guest, catalogs.kinds_of(own), &member);
      if (!leads) expect_of_member(evidence, own, world->history(), catalogs);
      result = judge(own, world->history(), evidence, catalogs.checkers);
    } catch (const InfraError& error) {
      result = untold(own, error.what());
    }
    history = history_lines(world->history());
  } catch (const std::exception& error) {
    result = untold(own, error.what());
  }
  member.settled();  // whoever failed must not keep the others waiting
  return {{"result", to_json(result)}, {"history", history}};
}

struct Vm {
  pid_t pid = -1;
  io::MemoryFile answer{"vm"};
};

void start(Vm& vm, const Plan& plan, std::uint32_t number, Board& board,
           const Catalogs& catalogs) {
  vm.pid = io::run_apart([&] {
    const auto text = run_member(plan, number, board, catalogs)
                          .dump(-1, ' ', false, json::error_handler_t::replace);
    vm.answer.write(std::as_bytes(std::span(text)));
  });
}

std::size_t count(const History& history, std::string_view actor, std::string_view kind,
                  std::string_view name) {
  const auto& all = history.events();
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const Event& one) {
    return one.actor == actor && one.kind == kind && one.name == name;
  }));
}

// Where a VM has ended: "destination", "source", "restarted", "both", "none".
std::string place_of(const CaseResult& vm) {
  if (vm.survivor != "none") return vm.survivor;
  return count(vm.history, "restarted", "process", "started") > 0 ? "restarted" : "none";
}

Finding account(const Plan& plan, const std::vector<CaseResult>& vms, std::uint32_t most) {
  std::map<std::string, int> places;
  std::string bad;
  bool unheard = false;  // of a VM that this harness could not run to its end nothing is known
  for (std::size_t i = 0; i < vms.size(); ++i) {
    const auto place = place_of(vms[i]);
    ++places[place];
    const auto starts = count(vms[i].history, "restarted", "process", "started");
    unheard = unheard || place == "unknown";
    if (place == "both" || place == "unknown")
      bad += fmt::format("; VM {} runs on: {}", i, place);
    if (place == "none") bad += fmt::format("; VM {} runs nowhere", i);
    if (starts > 1) bad += fmt::format("; VM {} was restarted {} times", i, starts);
  }
  if (most > plan.evacuation.at_once)
    bad += fmt::format("; {} migrations at once, allowed {}", most, plan.evacuation.at_once);
  std::string where;
  for (const auto& [place, vm_count] : places)
    where += fmt::format("{}{} {}", where.empty() ? "" : ", ", vm_count, place);
  const auto what = fmt::format("{} VMs: {}; at most {} migrations at once{}", vms.size(), where,
                                most, bad);
  const auto verdict = unheard ? Verdict::infra : bad.empty() ? Verdict::pass : Verdict::fail;
  return {"evacuation", verdict, what, bad.empty() ? "" : "vm-unaccounted", ""};
}

void join(CaseRun& run, const CaseResult& vm, std::size_t number) {
  for (const auto& finding : vm.findings) {
    if (finding.verdict == Verdict::pass) continue;
    run.result.findings.push_back(finding);
    run.result.findings.back().what = fmt::format("VM {}: {}", number, finding.what);
  }
}

}  // namespace

CaseRun run_evacuation(const Plan& plan, const Catalogs& catalogs) {
  check_plan(plan, catalogs);
  const io::SharedMemory memory(sizeof(Board));
  Board& board = *new (memory.address()) Board;
  std::vector<Vm> vms(plan.evacuation.vms);
  for (std::uint32_t i = 0; i < vms.size(); ++i) start(vms[i], plan, i, board, catalogs);
  const auto deadline = Clock::now() + kVmsLimit;
  std::string late;
  for (std::size_t i = 0; i < vms.size(); ++i)
    if (!io::wait_for_end(vms[i].pid, deadline)) late += fmt::format(" {}", i);
  if (!late.empty())
    throw InfraError(fmt::format("these VMs of the evacuation had not ended after {} s:{}",
                                 kVmsLimit.count() / 1000, late));

  CaseRun run;
  std::vector<CaseResult> results;
  for (std::size_t i = 0; i < vms.size(); ++i) {
    const auto text = vms[i].answer.text();
    if (text.empty()) throw InfraError(fmt::format("VM {} of the evacuation ended unheard", i));
    const auto answer = json::parse(text);
    results.push_back(case_result_from_json(answer.at("result")));
    run.result.evidence[fmt::format("history-vm-{}.jsonl", i)] = answer.at("history");
  }
  const auto& middle = results[leader_of(plan.evacuation)];
  auto evidence = std::move(run.result.evidence);
  run.result = middle;
  run.result.evidence = std::move(evidence);
  run.result.evidence["history.jsonl"] =
      run.result.evidence[fmt::format("history-vm-{}.jsonl", leader_of(plan.evacuation))];
  run.result.plan = plan;
  run.result.id = case_id(plan);
  run.result.findings.clear();
  run.result.findings.push_back(account(plan, results, board.most_under_way));
  for (std::size_t i = 0; i < results.size(); ++i) {
    join(run, results[i], i);
    run.result.duration_ms = std::max(run.result.duration_ms, results[i].duration_ms);
  }
  // A finding of `survivor` names a case; here all VMs together do.
  auto survivor = run.result.findings.front();
  survivor.checker = "survivor";
  run.result.findings.insert(run.result.findings.begin() + 1, survivor);
  for (auto& finding : look_at(catalogs.promises_of(plan),
                               {plan, run.result.history, Evidence(), run.result}))
    run.result.findings.push_back(std::move(finding));
  name_verdict(run.result);
  return run;
}

}  // namespace migfuzz
