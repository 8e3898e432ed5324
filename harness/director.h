// The director runs one Plan against one World, top to bottom, and hands over what it saw.
//
// Straight-line and single-threaded: it pumps the world, looks, decides, acts. Handlers never act.
// It judges nothing: checkers do that afterwards, from the Evidence it returns.
#pragma once

#include "harness/core/checker.h"
#include "harness/core/convoy.h"
#include "harness/core/fault.h"
#include "harness/core/guest.h"
#include "harness/core/protocol.h"
#include "harness/core/world.h"

namespace migfuzz {

/// How long a case may take to settle after its last heal. QEMU's own longest time-out on these
/// paths is none at all, so the bound is the harness's: far above the slowest good case seen (1.5
/// s).
inline constexpr Milliseconds kSettleLimit{15000};
/// How long the migration may take to reach the trigger.
inline constexpr Milliseconds kTriggerLimit{20000};
/// Runs the plan. Throws InfraError when the environment fails; everything else is evidence.
/// `kinds` are those of the plan's faults, in their order; they must outlive the call.
/// `convoy`: of a VM that leaves its host together with others; it must outlive the call, too.
Evidence direct(const Plan& plan, World& world, const Protocol& protocol, const Guest& guest,
                std::vector<const FaultKind*> kinds, Convoy* convoy = nullptr);

}  // namespace migfuzz
