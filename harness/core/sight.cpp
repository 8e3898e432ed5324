#include "harness/core/sight.h"

#include <array>
#include <utility>

namespace migfuzz {
namespace {

template <typename E, std::size_t N>
using Words = std::array<std::pair<E, std::string_view>, N>;

// qapi/migration.json, MigrationStatus.
constexpr Words<MigrationStatus, 17> kMigration{{
    {MigrationStatus::unknown, "unknown"},
    {MigrationStatus::none, "none"},
    {MigrationStatus::setup, "setup"},
    {MigrationStatus::cancelling, "cancelling"},
    {MigrationStatus::cancelled, "cancelled"},
    {MigrationStatus::active, "active"},
    {MigrationStatus::postcopy_active, "postcopy-active"},
    {MigrationStatus::postcopy_paused, "postcopy-paused"},
    {MigrationStatus::postcopy_recover, "postcopy-recover"},
    {MigrationStatus::postcopy_recover_setup, "postcopy-recover-setup"},
    {MigrationStatus::completed, "completed"},
    {MigrationStatus::failed, "failed"},
    {MigrationStatus::colo, "colo"},
    {MigrationStatus::pre_switchover, "pre-switchover"},
    {MigrationStatus::device, "device"},
    {MigrationStatus::wait_unplug, "wait-unplug"},
    {MigrationStatus::postcopy_device, "postcopy-device"},
}};

// qapi/run-state.json, RunState.
constexpr Words<RunState, 17> kRun{{
    {RunState::unknown, "unknown"},
    {RunState::debug, "debug"},
    {RunState::inmigrate, "inmigrate"},
    {RunState::internal_error, "internal-error"},
    {RunState::io_error, "io-error"},
    {RunState::paused, "paused"},
    {RunState::postmigrate, "postmigrate"},
    {RunState::prelaunch, "prelaunch"},
    {RunState::finish_migrate, "finish-migrate"},
    {RunState::restore_vm, "restore-vm"},
    {RunState::running, "running"},
    {RunState::save_vm, "save-vm"},
    {RunState::shutdown, "shutdown"},
    {RunState::suspended, "suspended"},
    {RunState::watchdog, "watchdog"},
    {RunState::guest_panicked, "guest-panicked"},
    {RunState::colo, "colo"},
}};

template <typename Table, typename E>
std::string_view word_of(const Table& table, E value) {
  for (const auto& [known, word] : table)
    if (known == value) return word;
  return "?";
}

template <typename E, typename Table>
std::optional<E> value_of(const Table& table, std::string_view word) {
  for (const auto& [value, known] : table)
    if (known == word && word != "unknown") return value;
  return std::nullopt;
}

}  // namespace

std::string_view to_string(MigrationStatus status) { return word_of(kMigration, status); }
std::string_view to_string(MirrorSight::State state) {
  constexpr std::string_view kWords[] = {"none",   "starting", "running", "ready",
                                         "ending", "ended",    "failed"};
  return kWords[static_cast<std::size_t>(state)];
}

std::string_view to_string(RunState state) { return word_of(kRun, state); }
std::optional<MigrationStatus> migration_status_from(std::string_view word) {
  return value_of<MigrationStatus>(kMigration, word);
}
std::optional<RunState> run_state_from(std::string_view word) {
  return value_of<RunState>(kRun, word);
}

}  // namespace migfuzz
