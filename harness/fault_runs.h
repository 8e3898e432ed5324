// The faults of one plan: which of them strike now, and when the channel flows on.
//
// They are listed in the order in which their points are passed. The relay stands at the point of
// each; those that share a point strike together, in the plan's order. Before a fault strikes, the
// ones before it must have shown their effect, as far as that can be seen while the channel stands
// (FaultKind::proof), and one in the same component and on the same side must have been healed,
// because its heal would take the new one along. That is how a kind is injected again.
// The channel flows on when every fault of the point has let it go.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "harness/core/checker.h"
#include "harness/fault_run.h"

namespace migfuzz {

class FaultRuns {
 public:
  /// `kinds`: those of the plan's faults, in their order; all must outlive this.
  FaultRuns(World& world, const Plan& plan, std::vector<const FaultKind*> kinds);

  /// What is to be left of the VM by the whole plan; UsageError when the table does not say.
  Expectation expected() const;
  /// The same, when everything is over: of the faults that really happened.
  Expectation expected_of_delivered() const;

  /// Before the hosts are started, and before `migrate` is sent.
  void before_start();
  void arm();
  /// `migrate` has been sent.
  void restart_deadlines();
  /// A point of the director's own has been reached; true when a fault strikes here.
  bool reach(std::string_view point);
  /// Every fault that has not struck strikes now, wherever the migration is; none of a host whose
  /// process is gone.
  void strike_now();
  /// One has hit a whole host.
  bool hit_host() const;
  /// Lets them strike, prove themselves and be healed; true when something was done.
  bool step();
  void give_up_waiting();
  void heal_all();
  /// Undoes what those that struck the channel and were not to be healed have left of it.
  void mend_channel();
  /// Undoes again whatever any of them may have left behind, before a second migration; not what
  /// was done to the network, if that one goes over another.
  void undo_all(bool other_network);

  /// At a point of the director's own, some fault has not shown its effect.
  bool holds_arbiter() const;
  /// One has not shown its effect, or is still to be healed, and may undo what has settled.
  bool under_way() const;
  bool any_waiting() const;
  bool none_has_struck() const;
  bool all_delivered() const;
  bool any_early() const;
  bool blinds_manager() const;
  /// One fails the guest's disk.
  bool hits_storage() const;
  /// One has done to the source what no later migration survives.
  bool for_good() const;
  /// A fault has ended the process of that side.
  bool ended(Side side) const;
  Clock::time_point acted() const;
  bool empty() const { return runs_.empty(); }

 private:
  struct One {
    FaultRun run;
    bool due = false;  // its point has been reached
    Clock::time_point due_at{};
    bool early = false;  // it struck before the destination was told to run (post-copy)
  };
  bool may_strike(const One& one) const;
  bool awaits_run(const One& one) const;
  bool strike_due();
  void let_flow();

  World& world_;
  const Plan& plan_;
  const std::vector<const FaultKind*> kinds_;
  std::vector<One> runs_;
};

}  // namespace migfuzz
