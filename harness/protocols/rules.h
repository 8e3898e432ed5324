// What every manager does alike when a migration makes no progress, and when a source is dead.
//
// Shared by the protocols so that the order of escalation is written, reviewed and proved once:
// first the mildest means, and whoever may hold the only complete image is fenced last.
#pragma once

#include "harness/core/protocol.h"

namespace migfuzz::protocols {

/// `migrate` is not sent yet: the disk is mirrored, and the source owns everything.
Decision before_migration(const Situation& situation);
/// The migration runs and both processes live: continue it, wait, or give it up step by step.
Decision supervise(const Situation& situation);
/// The source is proved dead and nobody was given the VM: what becomes of the destination.
/// Never `done` while the destination may still turn out to hold the whole image.
Decision salvage(const Situation& situation);
/// The source said that it leaves (somebody told it to quit): its migration fails because of that,
/// and it will not run again. It is not the owner of anything any more, only not dead yet.
Decision see_off(const Situation& situation);
/// The VM was given back to the source: the destination is ended first, then the source runs.
Decision after_take_back(const Situation& situation);
/// The destination was told to go on while the source still has pages, or is about to: from
/// postcopy-active on until it has them all. Nothing when the migration is not in post-copy.
/// `starts_paused`: the destination waits for `cont`.
std::optional<Decision> in_postcopy(const Situation& situation, bool starts_paused);
/// The source has saved its image into a file, or is dead: the destination is to load it. Nothing
/// before that, when it has loaded it, and in a mode without a file.
std::optional<Decision> through_file(const Situation& situation);
/// A snapshot is taken while the source runs on: what ends it. Nothing in other modes, and while
/// it goes on.
std::optional<Decision> of_snapshot(const Situation& situation);
/// True when QEMU gave the migration up: it resumes the source by itself then.
bool given_up(MigrationStatus status);

}  // namespace migfuzz::protocols
