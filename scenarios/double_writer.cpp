// double-writer: what protects a disk when the arbiter breaks its rule and runs a second host.
//
// For each kind of disk one migration completes and the destination is told to run; then the source
// is told to run, too. Where QEMU holds image locks (raw, qcow2) its refusal must be seen; where
// nothing protects (none, nbd) both hosts must be seen to run, which is a hazard of that disk. The
// other answer is a failure either way, and each answer is a note of the run. With --cases more
// than one round is run.
#include "scenarios/catalog.h"

namespace migfuzz {
namespace {

Drawn draw_double_writers(const ScenarioRequest& request, const Catalogs&) {
  Drawn drawn;
  std::uint64_t state = request.base.seed;
  const auto count = request.cases != 0 ? request.cases : std::size(kDisks);
  for (std::uint64_t i = 0; i < count; ++i) {
    PlannedCase one;
    one.plan = request.base;
    one.plan.scenario = "double-writer";
    one.plan.plant = "double-writer";
    one.plan.protocol = "handshake";  // the moment at which both hosts stand still
    one.plan.disk = kDisks[i % std::size(kDisks)];
    one.plan.patience_ms = 5000;
    one.plan.guest.seed = next_random(state);
    drawn.cases.push_back(std::move(one));
  }
  return drawn;
}

}  // namespace

Scenario make_double_writer() {
  return {"double-writer",
          "runs the VM twice on each kind of disk: does QEMU's image lock refuse it?",
          draw_double_writers};
}

}  // namespace migfuzz
