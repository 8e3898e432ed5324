// Every checker, one line each, in the order in which the first broken promise names the signature:
// a process that aborted explains a lost VM, a double run explains a rollback, not the other way
// round.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/core/checker.h"

namespace migfuzz {

std::unique_ptr<Checker> make_single_owner();
std::unique_ptr<Checker> make_memory();
std::unique_ptr<Checker> make_no_rollback();
std::unique_ptr<Checker> make_disk();
std::unique_ptr<Checker> make_survivor();
std::unique_ptr<Checker> make_truth();
std::unique_ptr<Checker> make_liveness();
std::unique_ptr<Checker> make_clean_exit();
std::unique_ptr<Checker> make_retry();
std::unique_ptr<Checker> make_clock();
std::unique_ptr<Checker> make_network();
std::unique_ptr<Checker> make_policy();

std::vector<std::unique_ptr<Checker>> all_checkers();

/// Who runs the guest at the end, by the evidence of its own steps after the arbiter was done.
enum class Survivor { source, destination, both, none };
Survivor survivor_of(const Evidence& evidence);
std::string_view to_string(Survivor survivor);

namespace checkers {
/// Of a source that was waited for in vain: the function of multifd in which its migration thread
/// stood. Whatever the fault was, that is where it shows; empty: it stood elsewhere.
std::string stood_in_side_channels(const History& history);
/// A finding of `pass` with its proof.
Finding good(std::string_view checker, std::string what);
/// A broken promise.
Finding broken(std::string_view checker, std::string symptom, std::string what,
               std::string reason = {});
}  // namespace checkers

}  // namespace migfuzz
