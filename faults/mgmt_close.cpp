// mgmt-close: the manager's connections to one QEMU break, and new ones are not served until the
// heal.
//
// Both monitors end as a reader of QEMU sees it; another client takes each of them, and QEMU serves
// one client at a time, so the manager's next connections wait without a greeting. At the heal the
// other client goes, the manager is greeted, negotiates anew and asks for the states: events of the
// meantime are not repeated. Commands of the manager fail until then. Limit: a stranger that never
// negotiates stands for every reason why a manager cannot connect.
// Proof: the kernel lists QEMU's one accepted connection as the stranger's, the stranger was
// greeted (so QEMU had closed its end of ours), and our new connection waits in the queue without a
// greeting.
#include "faults/catalog.h"

namespace migfuzz {

FaultKind make_mgmt_close() {
  FaultKind kind;
  kind.name = "mgmt-close";
  kind.summary = "the manager's connections to one QEMU break and cannot be opened until the heal";
  kind.component = "management";
  kind.effect = Effect::blinds_manager;
  kind.sides = {Side::source, Side::destination};
  kind.transport = Transport::unix_tight;
  kind.heal_after_ms = 150;
  kind.patience_ms = 3000;  // a manager more patient than the gap, or it would fence
  kind.must_heal = true;
  kind.flow = Flow::at_delivery;
  kind.colour = "#3b6ea5";
  kind.excluded = [](const Trigger& at, Side side) -> std::string {
    if (at.point.phase == Phase::storage)
      return "what the mirror has to be told there would be lost";
    const bool unsent = at.point.phase == Phase::prepare && at.point.name == "ready";
    return unsent && side == Side::source ? "nobody could send `migrate`" : "";
  };
  kind.inject = [](World& world, const FaultSpec& spec) { world.close_management(spec.side); };
  kind.delivered = [](World& world, const FaultSpec& spec) {
    return world.management_shut_out(spec.side);
  };
  kind.heal = [](World& world, const FaultSpec& spec) { world.restore_management(spec.side); };
  // QEMU listens with a queue of one: it has to take these connections before the next ones.
  kind.over = [](World& world, const FaultSpec& spec) {
    return world.management_restored(spec.side);
  };
  return kind;
}

}  // namespace migfuzz
