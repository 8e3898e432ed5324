// policy: what the plan asks of the manager besides the migration was done, once, and is on record.
//
//  notice    the guest was told before its migration, and answered
//  storage   no migration was started while a host did not reach the disk
//  restart   a VM that is lost was started from its disk exactly once, by a journalled decision,
//            when no other process could run it; one that is not lost was not
//  back-off  a second migration was begun no earlier than that after it was due
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

class PolicyChecker final : public Checker {
 public:
  std::string_view name() const override { return "policy"; }
  std::string_view claim() const override {
    return "the manager did what the plan asks of it, once, and wrote it down";
  }

  std::vector<Finding> check(const Plan& plan, const History& history,
                             const Evidence& e) const override {
    if (plan.policy == Policy()) return {checkers::good(name(), "the plan asks for nothing more")};
    std::vector<Finding> findings;
    if (plan.policy.notice) findings.push_back(notice(e));
    if (plan.policy.checks_storage) findings.push_back(storage(history));
    if (plan.policy.restarts || plan.policy.moves_blocked)
      findings.push_back(restart(plan, history, e));
    if (plan.policy.backoff_ms != 0) findings.push_back(backoff(plan, history));
    return findings;
  }

 private:
  Finding notice(const Evidence& e) const {
    if (!e.notice) return checkers::good(name(), "nothing was to be told to the guest");
    if (e.notice->count() < 0)
      return checkers::broken(name(), "notice-unanswered",
                              "the guest was told of the migration and did not answer");
    return checkers::good(name(), fmt::format("the guest was told of the migration, and answered "
                                              "after {} ms",
                                              e.notice->count()));
  }

  Finding storage(const History& history) const {
    const auto* looked = history.first("arbiter", "policy", "storage looked at");
    if (looked == nullptr) return checkers::good(name(), "no migration was asked for");
    const auto answer = text_field(*looked, "answer").value_or("");
    if (answer == "both hosts reach it") return checkers::good(name(), "storage: " + answer);
    const auto first = history.first_migration();
    for (const auto& event : first.events())
      if (event.actor == "source" && event.kind == "qmp-command" && event.name == "migrate")
        return checkers::broken(name(), "migrated-without-storage",
                                "a migration was started although " + answer);
    return checkers::good(name(), "no migration was started: " + answer);
  }

  Finding backoff(const Plan& plan, const History& history) const {
    const auto* retry = history.first("director", "retry", "begins");
    if (retry == nullptr) return checkers::good(name(), "no second migration was due");
    const auto* due = history.first("arbiter", "policy", "back-off");
    if (due == nullptr)
      return checkers::broken(name(), "no-back-off", "a second migration was made at once");
    for (const auto& event : history.events()) {
      if (event.at_ns < retry->at_ns || event.actor != "source" || event.name != "migrate" ||
          event.kind != "qmp-command")
        continue;
      const auto waited_ms = static_cast<double>(event.at_ns - due->at_ns) / 1e6;
      const auto what = fmt::format("the second migration began {:.0f} ms after it was due, the "
                                    "back-off is {} ms",
                                    waited_ms, plan.policy.backoff_ms);
      return waited_ms < plan.policy.backoff_ms ? checkers::broken(name(), "no-back-off", what)
                                                : checkers::good(name(), what);
    }
    return checkers::good(name(), "no second migration was begun");
  }

  // Of every process that could run the VM the end is on record before the new one's start.
  static std::string alive_at_restart(const History& history) {
    std::set<std::string> alive;
    for (const auto& event : history.events()) {
      if (event.kind != "process") continue;
      if (event.actor == "restarted" && event.name == "started")
        return alive.empty() ? "" : *alive.begin();
      if (event.name == "started") alive.insert(event.actor);
      if (event.name == "exited") alive.erase(event.actor);
    }
    return "";
  }

  static std::size_t count(const History& history, std::string_view actor, std::string_view kind,
                           std::string_view what) {
    const auto& all = history.events();
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const Event& one) {
      return one.actor == actor && one.kind == kind && one.name == what;
    }));
  }

  Finding restart(const Plan& plan, const History& history, const Evidence& e) const {
    const auto decisions = count(history, "arbiter", "decision", "restart");
    const auto starts = count(history, "restarted", "process", "started");
    const bool due = must_restart(plan, e);
    if (!e.restart && !due) return checkers::good(name(), "no restart was due, and none was made");
    if (!e.restart)
      return checkers::broken(name(), "not-restarted", "the VM is lost and was not started again");
    if (!due)
      return checkers::broken(name(), "restarted-beside-owner",
                              "the VM was started again although it was not lost");
    if (e.restart->refused)
      return checkers::good(name(), "the VM was not started again: " + e.restart->why);
    if (decisions != 1 || starts != 1)
      return checkers::broken(name(), "restarted-twice",
                              fmt::format("{} decisions and {} processes instead of one each",
                                          decisions, starts));
    if (const auto other = alive_at_restart(history); !other.empty())
      return checkers::broken(name(), "restarted-too-early",
                              "the VM was started again before the process of " + other +
                                  " had ended");
    if (e.restart->records.broken)
      return checkers::broken(name(), "restart-broken",
                              "the restarted VM: " + *e.restart->records.broken);
    if (e.restart->beats == 0)
      return checkers::broken(name(), "restart-dead", "the restarted VM makes no step");
    return checkers::good(name(), fmt::format("started again from its disk, once: {}",
                                              e.restart->why));
  }

  static bool must_restart(const Plan& plan, const Evidence& e) {
    if (plan.policy.moves_blocked && !e.blocked.empty()) return true;
    return plan.policy.restarts && is_lost(e);
  }
};

}  // namespace

std::unique_ptr<Checker> make_policy() { return std::make_unique<PolicyChecker>(); }

}  // namespace migfuzz
