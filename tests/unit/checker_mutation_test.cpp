// Mutation of the checkers: two good cases, and one planted defect at a time.
//
// The unmutated cases must pass every checker. Each mutant differs from one of them in one thing
// that a broken stack would leave behind, and the checker meant for it must reject it by its name
// and symptom. A checker that somebody weakens loses a mutant here. Run alone: unit_checkers
// "[mutation]".
#include <catch2/catch.hpp>
#include <set>

#include "harness/checkers/catalog.h"
#include "harness/judge.h"
#include "tests/fakes/evidence_builder.h"

namespace migfuzz {
namespace {

using fakes::Golden;
using fakes::good_disk;
using fakes::healthy;
using fakes::source_ran_on;
using fakes::wrong_page;

struct Mutant {
  const char* what;
  Golden (*of)();
  void (*mutate)(Golden&, Evidence&);
  const char* checker;
  const char* symptom;
};

Golden completed() {
  Golden g = healthy();
  g.evidence.disk = good_disk();
  g.evidence.network = fakes::good_network(Side::destination);
  return g;
}
Golden failed() {
  Golden g = source_ran_on();
  g.evidence.disk = good_disk();
  g.evidence.network = fakes::good_network(Side::source);
  return g;
}
void spoil(std::optional<ImageExam>& exam, const PageFault& page) {
  exam->wrong = {page};
  exam->wrong_pages = 1;
}

const Mutant kMutants[] = {
    // --- memory ---
    {"a page is dropped at the switch", completed,
     [](Golden&, Evidence& e) { spoil(e.exam_at_switch, wrong_page(3, 0)); }, "memory",
     "stale-page"},
    {"a page is stale at the end", completed,
     [](Golden&, Evidence& e) { spoil(e.destination.exam, wrong_page(3, 24)); }, "memory",
     "stale-page"},
    {"a page is damaged", completed,
     [](Golden&, Evidence& e) { spoil(e.destination.exam, wrong_page(3)); }, "memory",
     "wrong-page"},
    {"a page of the surviving source is damaged", failed,
     [](Golden&, Evidence& e) { spoil(e.source.exam, wrong_page(5)); }, "memory", "wrong-page"},
    {"the guest finds a page changed", completed,
     [](Golden&, Evidence& e) {
       e.records.records.push_back({.kind = GuestRecord::Kind::self_check_failed, .step = 41});
     },
     "memory", "wrong-page"},
    {"the images differ outside of the owned pages", completed,
     [](Golden&, Evidence& e) {
       e.pair = PairEvidence{9, 1, {0x1000}};
     },
     "memory", "images-differ"},
    {"the image has no control block", completed,
     [](Golden&, Evidence& e) { e.destination.exam->readable = false; }, "memory",
     "image-unreadable"},
    // --- records ---
    {"a step is repeated", completed,
     [](Golden&, Evidence& e) { e.records.broken = "line 31: step 29 follows 30"; }, "no-rollback",
     "rollback"},
    {"a step is lost", completed,
     [](Golden&, Evidence& e) { e.records.broken = "line 31: step 33 follows 30"; }, "no-rollback",
     "rollback"},
    {"a step is rewritten", completed,
     [](Golden&, Evidence& e) { e.records.broken = "line 31: the chain does not fit"; },
     "no-rollback", "rollback"},
    {"the image is behind its records", completed,
     [](Golden&, Evidence& e) { e.records_disagree = "records end at 40, the image at 37"; },
     "no-rollback", "image-behind-records"},
    // --- disk ---
    {"an acknowledged write is lost", completed, [](Golden&, Evidence& e) { e.disk->missing = 1; },
     "disk", "write-lost"},
    {"a loser wrote", failed, [](Golden&, Evidence& e) { e.disk->foreign = 1; }, "disk",
     "loser-wrote"},
    {"a write is newer than the survivor", failed, [](Golden&, Evidence& e) { e.disk->newer = 1; },
     "disk", "write-from-the-future"},
    {"a write is torn", completed, [](Golden&, Evidence& e) { e.disk->torn = 1; }, "disk",
     "torn-write"},
    // --- owners ---
    {"the source runs on beside the destination", completed,
     [](Golden& g, Evidence&) {
       g.on_source({110, 5});
     },
     "single-owner", "double-run"},
    {"the destination runs although it was fenced", failed,
     [](Golden& g, Evidence&) {
       g.on_destination({104, 8});
     },
     "single-owner", "double-run"},
    {"the source runs beside the second destination", failed,
     [](Golden& g, Evidence&) {
       g.on_source({216, 4});
     },
     "single-owner", "double-run"},
    {"both hosts run at the end", completed,
     [](Golden&, Evidence& e) { e.beats_after_settle_source = 3; }, "survivor", "double-run"},
    {"nobody runs at the end", completed,
     [](Golden&, Evidence& e) { e.beats_after_settle_destination = 0; }, "survivor", "vm-lost"},
    {"the wrong host survives", completed, [](Golden& g, Evidence&) { g.expect(Expect::source); },
     "survivor", "wrong-survivor"},
    {"a VM survives what it cannot survive", failed,
     [](Golden& g, Evidence&) { g.expect(Expect::loss); }, "survivor", "unexpected-survivor"},
    {"a VM is lost that ran on its destination", completed,
     [](Golden& g, Evidence& e) {
       g.expect(Expect::one);
       e.beats_after_settle_destination = 0;
       e.destination.at_settle.dead = true;
     },
     "survivor", "vm-lost"},
    // --- truth ---
    {"the source lies about its completion", failed,
     [](Golden& g, Evidence&) { g.status(103, "source", "completed"); }, "truth",
     "false-completion"},
    {"the source lies about its second completion", failed,
     [](Golden& g, Evidence& e) {
       e.retry->exam_at_switch.reset();
       g.without("destination-2", "heartbeat");
     },
     "truth", "false-completion"},
    {"a host lies about having been told to run", completed,
     [](Golden& g, Evidence&) {
       g.without("destination", "qmp-event", "RESUME");
       g.event(105, "destination", "qmp-reply", "cont");
     },
     "truth", "cont-without-effect"},
    {"a host lies about running", completed,
     [](Golden&, Evidence& e) { e.beats_after_settle_destination = 0; }, "truth", "false-running"},
    // --- ends ---
    {"nothing settles", completed, [](Golden&, Evidence& e) { e.settled = false; }, "liveness",
     "not-settled"},
    {"a host is deaf to quit", completed, [](Golden&, Evidence& e) { e.source.ending.reset(); },
     "liveness", "does-not-end"},
    {"the second destination is deaf to quit", failed,
     [](Golden&, Evidence& e) { e.retry->destination.ending.reset(); }, "liveness", "does-not-end"},
    {"a process ends by a signal", completed,
     [](Golden&, Evidence& e) {
       e.source.ending = Ending{0, 11};
     },
     "clean-exit", "signal:SIGSEGV-source"},
    {"a process is killed by nobody known", completed,
     [](Golden&, Evidence& e) {
       e.destination.ending = Ending{0, 9};
     },
     "clean-exit", "signal:SIGKILL-destination"},
    {"an assertion fails", completed,
     [](Golden&, Evidence& e) { e.destination.messages = "qemu: x.c:1: Assertion `a' failed."; },
     "clean-exit", "assertion"},
    {"a process ends with an error", completed,
     [](Golden&, Evidence& e) {
       e.source.ending = Ending{1, 0};
     },
     "clean-exit", "exit-status-source"},
    {"the second destination ends with an error", failed,
     [](Golden&, Evidence& e) {
       e.retry->destination.ending = Ending{1, 0};
     },
     "clean-exit", "exit-status-second-destination"},
    // --- a second migration ---
    {"the second migration is refused", failed,
     [](Golden&, Evidence& e) { e.retry->refused = "There's a migration process in progress"; },
     "retry", "retry-refused"},
    {"the second migration does not settle", failed,
     [](Golden&, Evidence& e) { e.retry->settled = false; }, "retry", "retry-not-settled"},
    {"the second migration leaves the VM where it was", failed,
     [](Golden&, Evidence& e) {
       std::swap(e.retry->beats_after_settle_source, e.retry->beats_after_settle_destination);
     },
     "retry", "retry-failed"},
    {"the second migration loses the VM", failed,
     [](Golden&, Evidence& e) { e.retry->beats_after_settle_destination = 0; }, "retry",
     "retry-lost-vm"},
    {"the second migration makes two owners", failed,
     [](Golden&, Evidence& e) { e.retry->beats_after_settle_source = 3; }, "retry",
     "retry-double-run"},
    {"the second migration loses a page", failed,
     [](Golden&, Evidence& e) { spoil(e.retry->exam_at_switch, wrong_page(3, 24)); }, "retry",
     "retry-lost-pages"},
    {"the second migration's images differ", failed,
     [](Golden&, Evidence& e) {
       e.retry->pair = PairEvidence{9, 1, {0x1000}};
     },
     "retry", "retry-images-differ"},
    {"the second migration brings an old image", failed,
     [](Golden&, Evidence& e) { e.retry->records_disagree = "records end at 60, the image at 57"; },
     "retry", "retry-image-behind-records"},
    // --- the VM on the network ---
    {"a second owner that only sends", completed,
     [](Golden&, Evidence& e) {
       e.network->frames.push_back({Side::source, 120'000'000, VmFrame::Kind::traffic});
     },
     "network", "two-senders"},
    {"the destination speaks while the source runs", failed,
     [](Golden& g, Evidence& e) {
       g.on_source({90, 60});
       e.network->frames.push_back({Side::destination, 30'000'000, VmFrame::Kind::traffic});
     },
     "network", "two-senders"},
    {"the VM answers no ping any more", completed,
     [](Golden&, Evidence& e) { e.network->pinged_again = false; }, "network", "unreachable"},
    {"the client's connection is reset", failed,
     [](Golden&, Evidence& e) { e.network->client.broken = "Connection reset by peer"; },
     "network", "connection-lost"},
    {"the client's connection stands still", completed,
     [](Golden&, Evidence& e) { e.network->echoed_again = false; }, "network",
     "connection-stands-still"},
    {"the switch looks for the VM where it was", completed,
     [](Golden&, Evidence& e) { e.network->place = Side::source; }, "network", "wrong-port"},
    // --- the guest's clock ---
    {"the clock goes back at the switch", completed,
     [](Golden&, Evidence& e) { e.clock[1].guest.ns = e.clock[0].guest.ns - 1; }, "clock",
     "clock-went-back"},
    {"the guest sees its clock go back", completed,
     [](Golden&, Evidence& e) { e.clock[2].guest.went_back = 1; }, "clock", "clock-went-back"},
    {"the clock jumps at the switch", completed,
     [](Golden&, Evidence& e) { e.clock[2].guest.ns += 10'000'000'000; }, "clock", "clock-jumped"},
    // --- the manager's policies ---
    {"nobody started the lost VM again", completed,
     [](Golden& g, Evidence& e) {
       g.plan.policy.restarts = true;
       e.source.at_settle.dead = e.destination.at_settle.dead = true;
     },
     "policy", "not-restarted"},
    {"the clock goes back at the second switch", failed,
     [](Golden&, Evidence& e) { e.clock[3].guest.ns = 0; }, "clock", "clock-went-back"},
};

TEST_CASE("The unmutated cases pass every checker", "[mutation]") {
  for (const auto& good : {completed(), failed()})
    for (const auto& checker : all_checkers())
      for (const auto& finding : checker->check(good.plan, good.history(), good.evidence)) {
        INFO(finding.checker << ": " << finding.what);
        CHECK(finding.verdict == Verdict::pass);
      }
}

TEST_CASE("Each mutant is rejected by the checker that is meant for it", "[mutation]") {
  for (const auto& mutant : kMutants) {
    auto g = mutant.of();
    mutant.mutate(g, g.evidence);
    const auto result = judge(g.plan, g.history(), g.evidence, all_checkers());
    INFO(mutant.what);
    CHECK(result.verdict == Verdict::fail);
    bool rejected = false;
    for (const auto& finding : result.findings)
      if (finding.checker == mutant.checker && finding.verdict == Verdict::fail)
        rejected = rejected || finding.symptom == mutant.symptom;
    CHECK(rejected);
  }
}

TEST_CASE("Every checker has a mutant", "[mutation]") {
  std::set<std::string_view> meant;
  for (const auto& mutant : kMutants) meant.insert(mutant.checker);
  for (const auto& checker : all_checkers()) {
    INFO(checker->name());
    CHECK(meant.contains(checker->name()));
  }
}

}  // namespace
}  // namespace migfuzz
