// Several faults in one plan: which go together, and what is to be left of the VM.
//
// Two reviewed rules in the place of a table of all pairs. Effects are either *survived in flight*
// (a slow or silent channel, a pause, blindness, storage and an arbiter that come back: the
// migration goes on and only takes longer) or *decisive* (a host lost, the channel cut, a cancel, a
// refused stream: it ends there). What was survived changes nothing of what the decisive one
// leaves; behind a decisive one only the points of `activate` can still be reached, and only where
// the destination gets the VM. What neither rule speaks of has no expectation and is not run.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "harness/core/fault.h"
#include "harness/core/outcome.h"

namespace migfuzz {

inline constexpr std::size_t kFaultsAtOnceMax = 4;

/// Of a plan with two faults or more; `effects` are theirs, in the plan's order.
std::optional<Expectation> combined_outcome(const Plan& plan, std::span<const Effect> effects);

/// Why these faults have no meaning together, in one clause; empty: they have one. For what depends
/// on how a kind works and not only on what it amounts to: a proof that another fault takes away, a
/// heal that heals the other, a command that cannot arrive.
std::string not_together(const Plan& plan, std::span<const FaultKind* const> kinds);

/// Faults of these sides can hit the same part: `channel` is of both hosts.
bool meet(Side a, Side b);

/// False where the first is known to be passed after the second. Devices have the order in which
/// the machine saves them, which only a plan's author knows: those are taken as they are written.
bool may_precede(const Trigger& first, const Trigger& second);

}  // namespace migfuzz
