// What became of the VMs of an evacuation, and each way in which one is not accounted for.
//
// Run alone: unit_campaign "[evacuation]".
#include "harness/campaign/evacuation_account.h"

#include <catch2/catch.hpp>

namespace migfuzz {
namespace {

History history(std::initializer_list<Event> events) {
  std::vector<Event> all(events);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].seq = i;
  return History::from_events(std::move(all));
}

Event event(std::int64_t at_ns, const char* actor, const char* kind, const char* name,
            Fields fields = {}) {
  return {0, at_ns, actor, kind, name, std::move(fields)};
}

Event status(std::int64_t at_ns, const char* word) {
  return event(at_ns, "source", "qmp-event", "MIGRATION", {{"status", std::string(word)}});
}

std::vector<MovedVm> all_on(const char* survivor) {
  return std::vector<MovedVm>(3, MovedVm{survivor, 0, {{0, 1}}});
}

std::uint32_t at_once(std::vector<Migration> migrations) {
  return most_at_once({{"destination", 0, std::move(migrations)}});
}

TEST_CASE("Migrations that meet are counted where one begins", "[evacuation]") {
  CHECK(at_once({}) == 0);
  CHECK(at_once({{0, 10}, {10, 20}}) == 1);
  CHECK(at_once({{0, 10}, {9, 20}}) == 2);
  CHECK(at_once({{0, 30}, {5, 10}, {20, 25}}) == 2);
  CHECK(at_once({{0, 30}, {5, 22}, {20, 25}}) == 3);
  CHECK(most_at_once(all_on("destination")) == 3);
}

TEST_CASE("A migration is under way until QEMU or the manager says otherwise", "[evacuation]") {
  const auto lengths = [](std::initializer_list<Event> events) {
    std::vector<std::int64_t> all;
    for (const auto& one : moved_vm("source", history(events)).migrations)
      all.push_back(one.to_ns - one.from_ns);
    return all;
  };
  const auto begins = event(5, "source", "qmp-command", "migrate");
  using Lengths = std::vector<std::int64_t>;
  CHECK(lengths({begins, status(6, "active"), status(9, "completed"),
                 event(50, "arbiter", "decision", "done")}) == Lengths{4});
  CHECK(lengths({begins, status(9, "failed")}) == Lengths{4});
  CHECK(lengths({begins, event(8, "source", "process", "exited"),
                 event(50, "director", "note", "x")}) == Lengths{3});
  CHECK(lengths({begins, event(12, "arbiter", "decision", "done"),
                 event(50, "director", "note", "x")}) == Lengths{7});
  CHECK(lengths({begins, event(30, "director", "note", "x")}) == Lengths{25});
  CHECK(lengths({begins, status(9, "failed"), event(20, "source", "qmp-command", "migrate"),
                 status(30, "completed")}) == Lengths{4, 10});
}

TEST_CASE("Where a VM stood when its host was lost is a place of the table, or a race",
          "[evacuation]") {
  const auto place = [](std::vector<Event> before) {
    before.push_back(event(99, "director", "fault", "injected"));
    for (std::size_t i = 0; i < before.size(); ++i) before[i].seq = i;
    const auto struck = before.back();
    before.push_back(event(100, "destination", "qmp-event", "RESUME"));  // too late to count
    before.back().seq = before.size() - 1;
    const auto found = place_at(History::from_events(before), struck);
    return found ? to_string(found->point) : "";
  };
  const auto phase = [](const char* name) { return event(1, "channel", "phase", name); };
  CHECK(place({}) == "prepare/ready");
  CHECK(place({phase("prepare")}) == "prepare/ready");
  CHECK(place({phase("prepare"), phase("reserve"), phase("precopy")}) == "precopy/begin");
  CHECK(place({phase("precopy"), phase("stopcopy")}).empty());
  CHECK(place({phase("precopy"), phase("stopcopy"), phase("commit")}).empty());
  CHECK(place({phase("commit"), event(2, "destination", "qmp-event", "RESUME")}) ==
        "activate/resumed");
}

TEST_CASE("Each VM is accounted for, once", "[evacuation]") {
  const auto verdict = [](const std::vector<MovedVm>& vms, std::uint32_t allowed = 3) {
    return account({3, allowed}, vms).verdict;
  };
  CHECK(verdict(all_on("destination")) == Verdict::pass);
  CHECK(verdict(all_on("destination"), 2) == Verdict::fail);
  CHECK(verdict(all_on("both")) == Verdict::fail);
  CHECK(verdict(all_on("none")) == Verdict::fail);
  CHECK(verdict(all_on("unknown")) == Verdict::infra);
  auto restarted = all_on("destination");
  restarted[1].survivor = "none";
  restarted[1].restarts = 1;
  CHECK(verdict(restarted) == Verdict::pass);
  restarted[1].restarts = 2;
  CHECK(verdict(restarted) == Verdict::fail);
}

TEST_CASE("Every start of a VM from its disk is counted", "[evacuation]") {
  CHECK(moved_vm("none", history({})).restarts == 0);
  const auto start = event(5, "restarted", "process", "started");
  CHECK(moved_vm("none", history({start, event(6, "source", "process", "started"), start}))
            .restarts == 2);
}

}  // namespace
}  // namespace migfuzz
