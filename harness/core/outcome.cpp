#include "harness/core/outcome.h"

#include <array>

namespace migfuzz {
namespace {

// Reviewed as one piece. The order matters: the first rule that matches decides.
constexpr std::array kTable{
    OutcomeRule{"damage-is-seen",
                "",
                "corrupt",
                {},
                true,
                true,
                {},
                Expect::seen,
                "without TLS the stream has no checksum over pages: QEMU cannot notice, the memory "
                "checker must"},
    // --- healed in time
    // -----------------------------------------------------------------------------
    OutcomeRule{"healed-hole",
                "",
                "stall port-disabled link-down",
                {},
                true,
                true,
                true,
                Expect::destination,
                "TCP delivers every byte once a silent path is back; a hole shorter than the "
                "manager's patience costs time and nothing else"},
    OutcomeRule{"healed-hang",
                "",
                "hang",
                {},
                true,
                true,
                true,
                Expect::one,
                "a host that comes back before it is fenced goes on; one that is fenced has lost"},
    // --- the source is gone
    // -------------------------------------------------------------------------
    OutcomeRule{"source-lost-before-eof", "", "crash host-crash hang", Side::source, true, false,
                false, Expect::loss,
                "the original host must stay stable until commitment (Clark et al., NSDI'05, 3.2): "
                "before QEMU_VM_EOF the destination's image is incomplete"},
    OutcomeRule{"source-lost-after-eof", "", "crash host-crash hang", Side::source, false, true,
                false, Expect::destination,
                "from QEMU_VM_EOF on the destination has the complete image (savevm.c: the VMDESC "
                "behind it is not needed to run)"},
    // --- the destination is gone
    // --------------------------------------------------------------------
    OutcomeRule{
        "destination-lost-before-eof", "", "crash host-crash hang", Side::destination, true, false,
        false, Expect::source,
        "the source owns the VM until commitment and resumes on any failure (Clark et al.)"},
    OutcomeRule{"destination-lost-after-eof", "handshake", "crash host-crash hang",
                Side::destination, false, true, false, Expect::source,
                "the destination was not told to run yet: the source's image is current"},
    OutcomeRule{"destination-lost-after-eof-autostart", "autostart", "crash host-crash hang",
                Side::destination, false, true, false, Expect::double_run,
                "the destination may run before it acknowledges, and its end looks like a failed "
                "migration to the source"},
    // --- the channel is gone
    // ------------------------------------------------------------------------
    OutcomeRule{"channel-lost-before-eof",
                "",
                "reset close truncate stall port-disabled link-down",
                {},
                true,
                false,
                false,
                Expect::source,
                "the destination cannot have acknowledged: the source resumes (migration.c, "
                "migration_iteration_finish)"},
    OutcomeRule{"acknowledgement-lost",
                "handshake",
                "reset close truncate stall port-disabled link-down",
                {},
                false,
                true,
                false,
                Expect::one,
                "whether the acknowledgement passed is a race; fencing before resuming leaves one"},
    OutcomeRule{
        "acknowledgement-lost-autostart",
        "autostart",
        "reset close truncate stall port-disabled link-down",
        {},
        false,
        true,
        false,
        Expect::double_run,
        "the destination runs before it acknowledges: the two generals' hazard of autostart"},
};

bool names(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto space = list.find(' ');
    if (list.substr(0, space) == word) return true;
    list = space == std::string_view::npos ? std::string_view() : list.substr(space + 1);
  }
  return false;
}

bool matches(const OutcomeRule& rule, const Plan& plan, const FaultSpec& fault) {
  // A hole that outlasts the manager's patience is given up before it is healed.
  const bool in_time = fault.heal_after_ms > 0 && fault.heal_after_ms < plan.patience_ms;
  const bool after_eof = fault.trigger.point.phase >= Phase::commit;
  return (rule.protocol.empty() || rule.protocol == plan.protocol) &&
         names(rule.faults, fault.kind) && (!rule.side || *rule.side == fault.side) &&
         (after_eof ? rule.after_eof : rule.before_eof) &&
         (!rule.healed || *rule.healed == in_time);
}

}  // namespace

std::string_view to_string(Expect expect) {
  switch (expect) {
    case Expect::source:
      return "the source runs on";
    case Expect::destination:
      return "the destination runs";
    case Expect::one:
      return "exactly one host runs";
    case Expect::loss:
      return "the VM is lost, as expected";
    case Expect::seen:
      return "the damage is seen";
    case Expect::double_run:
      return "both may run: a hazard of the protocol";
  }
  return "?";
}

std::span<const OutcomeRule> outcome_table() { return kTable; }

std::optional<Expectation> expected_outcome(const Plan& plan) {
  if (plan.faults.empty())
    return Expectation{Expect::destination, "no-fault", "nothing fails: the migration completes"};
  if (plan.faults.size() > 1) return std::nullopt;  // the table speaks of single faults
  for (const auto& rule : kTable)
    if (matches(rule, plan, plan.faults.front()))
      return Expectation{rule.expect, rule.rule, rule.reason};
  return std::nullopt;
}

}  // namespace migfuzz
