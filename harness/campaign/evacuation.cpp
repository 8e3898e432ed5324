#include "harness/campaign/evacuation.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/campaign/case_evidence.h"
#include "harness/campaign/evacuation_account.h"
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
  std::atomic<std::uint32_t> under_way{0}, settled{0};
  std::atomic<bool> host_lost{false};
};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

class Member final : public Convoy {
 public:
  Member(Board& board, const Evacuation& all, std::uint32_t number, bool leads)
      : board_(board), all_(all), number_(number), leads_(leads) {}

  bool leads() const override { return leads_; }
  // First in the order of their numbers, so that those before the middle have left when it is
  // struck; again whenever there is a place.
  bool begin() override {
    if (holds_place_) return true;
    if (!settled_ && number_ >= board_.settled + all_.at_once) return false;
    auto now = board_.under_way.load();
    do {
      if (now >= all_.at_once) return false;
    } while (!board_.under_way.compare_exchange_weak(now, now + 1));
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

// Of a VM that was not to be struck itself: by where it was when its host was.
void expect_of_member(Evidence& evidence, const Plan& own, const History& history,
                      const Catalogs& catalogs) {
  auto happened = own;
  const auto* struck = history.first("director", "fault", "injected");
  if (struck == nullptr) {
    happened.faults.clear();
    evidence.delivered = true;
  } else if (const auto place = place_at(history, *struck)) {
    for (auto& fault : happened.faults) fault.trigger = *place;
  } else {
    evidence.expected = {Expect::at_most_one, "host-lost-in-switch-over",
                         "its host was lost while it was switched over: on one host, or lost and "
                         "started again"};
    return;
  }
  if (const auto expected = catalogs.expected(happened)) evidence.expected = *expected;
}

json to_json(const MovedVm& vm) {
  auto migrations = json::array();
  for (const auto& one : vm.migrations) migrations.push_back({one.from_ns, one.to_ns});
  return {{"survivor", vm.survivor}, {"restarts", vm.restarts}, {"migrations", migrations}};
}

MovedVm moved_vm_from(const json& value) {
  MovedVm vm{value.at("survivor"), value.at("restarts"), {}};
  for (const auto& one : value.at("migrations")) vm.migrations.push_back({one.at(0), one.at(1)});
  return vm;
}

// "qmp-source.log" of VM 2 is "qmp-source-vm-2.log".
std::string file_of_vm(const std::string& file, std::size_t number) {
  const auto dot = file.rfind('.');
  return fmt::format("{}-vm-{}{}", file.substr(0, dot), number, file.substr(dot));
}

json run_member(const Plan& plan, std::uint32_t number, Board& board, const Catalogs& catalogs,
                bool trace) {
  io::Loop loop;
  const auto own = plan_of_vm(plan, number, catalogs);
  const bool leads = number == leader_of(plan.evacuation);
  Member member(board, plan.evacuation, number, leads);
  CaseResult result;
  MovedVm moved{"unknown", 0, {}};
  try {
    const auto& guest = catalogs.find_guest(own.guest.name);
    const auto& protocol = catalogs.find_protocol(own.protocol);
    const auto world = catalogs.find_hypervisor(own.hypervisor).build(loop, own, guest, protocol);
    if (trace) world->trace_hosts();
    try {
      auto evidence = direct(own, *world, protocol, guest, catalogs.kinds_of(own), &member);
      if (!leads) expect_of_member(evidence, own, world->history(), catalogs);
      result = judge(own, world->history(), evidence, catalogs.checkers);
    } catch (const InfraError& error) {
      result = untold(own, error.what());
    }
    moved = moved_vm(result.survivor, world->history());
    try {
      collect_evidence(result, *world);
    } catch (const InfraError&) {
      // No host came up: the headline says why.
    }
  } catch (const std::exception& error) {
    result = untold(own, error.what());
  }
  member.settled();  // whoever failed must not keep the others waiting
  return {{"result", migfuzz::to_json(result)},
          {"evidence", result.evidence},
          {"moved", to_json(moved)}};
}

struct Vm {
  pid_t pid = -1;
  io::MemoryFile answer{"vm"};
};

void start(Vm& vm, const Plan& plan, std::uint32_t number, Board& board, const Catalogs& catalogs,
           bool trace) {
  vm.pid = io::run_apart([&] {
    const auto text = run_member(plan, number, board, catalogs, trace)
                          .dump(-1, ' ', false, json::error_handler_t::replace);
    vm.answer.write(std::as_bytes(std::span(text)));
  });
}

void join(CaseRun& run, const CaseResult& vm, std::size_t number) {
  for (const auto& finding : vm.findings) {
    if (finding.verdict == Verdict::pass) continue;
    run.result.findings.push_back(finding);
    run.result.findings.back().what = fmt::format("VM {}: {}", number, finding.what);
  }
}

}  // namespace

CaseRun run_evacuation(const Plan& plan, const Catalogs& catalogs, bool trace) {
  check_plan(plan, catalogs);
  const io::SharedMemory memory(sizeof(Board));
  Board& board = *new (memory.address()) Board;
  std::vector<Vm> vms(plan.evacuation.vms);
  for (std::uint32_t i = 0; i < vms.size(); ++i) start(vms[i], plan, i, board, catalogs, trace);
  const auto deadline = Clock::now() + kVmsLimit;
  std::string late;
  for (std::size_t i = 0; i < vms.size(); ++i)
    if (!io::wait_for_end(vms[i].pid, deadline)) late += fmt::format(" {}", i);
  if (!late.empty())
    throw InfraError(fmt::format("these VMs of the evacuation had not ended after {} s:{}",
                                 kVmsLimit.count() / 1000, late));

  CaseRun run;
  std::vector<CaseResult> results;
  std::vector<MovedVm> moved;
  std::map<std::string, std::string> evidence;
  std::set<std::string> reached;
  const auto leader = leader_of(plan.evacuation);
  for (std::size_t i = 0; i < vms.size(); ++i) {
    const auto text = vms[i].answer.text();
    if (text.empty()) throw InfraError(fmt::format("VM {} of the evacuation ended unheard", i));
    const auto answer = json::parse(text);
    results.push_back(case_result_from_json(answer.at("result")));
    for (const auto& [file, text_of_file] : answer.at("evidence").items())
      evidence[i == leader ? file : file_of_vm(file, i)] = text_of_file;
    moved.push_back(moved_vm_from(answer.at("moved")));
    reached.insert(results.back().reached.begin(), results.back().reached.end());
  }
  run.result = results[leader];
  run.result.evidence = std::move(evidence);
  run.result.reached.assign(reached.begin(), reached.end());
  run.result.plan = plan;
  run.result.id = case_id(plan);
  run.result.findings.clear();
  run.result.findings.push_back(account(plan.evacuation, moved));
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
