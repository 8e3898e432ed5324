// Every checker accepts a good case and rejects at least one bad one, with the right symptom; and
// judge() makes one verdict and one stable signature of what they say.
//
// The histories are those of tests/fakes/evidence_builder.h. Run alone: unit_checkers "[checker]".
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <set>
#include <stdexcept>

#include "harness/checkers/catalog.h"
#include "harness/core/stacks_text.h"
#include "harness/judge.h"
#include "tests/fakes/evidence_builder.h"
#include "tests/fakes/fake_guest.h"

namespace migfuzz {
namespace {

using fakes::Golden;
using fakes::good_disk;
using fakes::good_exam;
using fakes::healthy;
using fakes::lost;
using fakes::source_ran_on;
using fakes::wrong_page;

Finding only(const Checker& checker, const Golden& g) {
  const auto findings = checker.check(g.plan, g.history(), g.evidence);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].checker == checker.name());
  CHECK_FALSE(findings[0].what.empty());
  return findings[0];
}

void accepts(const Checker& checker, const Golden& g) {
  const auto finding = only(checker, g);
  INFO(finding.what);
  CHECK(finding.verdict == Verdict::pass);
  CHECK(finding.symptom.empty());
}

void rejects(const Checker& checker, const Golden& g, const char* symptom,
             Verdict verdict = Verdict::fail) {
  const auto finding = only(checker, g);
  INFO(finding.what);
  CHECK(finding.verdict == verdict);
  CHECK(finding.symptom == symptom);
}

TEST_CASE("Every checker accepts a good migration and a good failed one", "[checker]") {
  for (const auto& checker : all_checkers()) {
    accepts(*checker, healthy());
    accepts(*checker, source_ran_on());
    CHECK_FALSE(checker->claim().empty());
  }
}

TEST_CASE("single-owner rejects heartbeats of both hosts at overlapping times", "[checker]") {
  const auto checker = make_single_owner();
  auto g = healthy().on_source({110, 5});
  rejects(*checker, g, "double-run");
  g.expect(Expect::double_run);
  rejects(*checker, g, "double-run", Verdict::hazard);
  auto failed = source_ran_on().on_destination({100, 8});
  rejects(*checker, failed, "double-run");
}

TEST_CASE("single-owner forgives one late look and a source that revives when the other is dead",
          "[checker]") {
  const auto checker = make_single_owner();
  accepts(*checker, healthy().on_source({107, 1}));
  // A rollback, not an overlap: no-rollback speaks of it.
  accepts(*checker, healthy().on_source({200, 5}));
}

TEST_CASE("memory rejects wrong, stale, unreadable and differing images", "[checker]") {
  const auto checker = make_memory();
  auto g = healthy();
  g.evidence.destination.exam->wrong = {wrong_page(3)};
  g.evidence.destination.exam->wrong_pages = 1;
  rejects(*checker, g, "wrong-page");
  g.evidence.destination.exam->wrong = {wrong_page(3, 24)};
  rejects(*checker, g, "stale-page");
  g = healthy();
  g.evidence.exam_at_switch->wrong = {wrong_page(1)};
  g.evidence.exam_at_switch->wrong_pages = 1;
  rejects(*checker, g, "wrong-page");
  g = healthy();
  g.evidence.destination.exam->readable = false;
  g.evidence.destination.exam->why = "no control block";
  rejects(*checker, g, "image-unreadable");
  g = healthy();
  g.evidence.pair = PairEvidence{9, 2, {0x3000, 0x5000}};
  rejects(*checker, g, "images-differ");
  g = healthy();
  g.evidence.records.records.push_back(
      {.kind = GuestRecord::Kind::self_check_failed, .step = 41, .page = 2, .gpa = 0x3000});
  rejects(*checker, g, "wrong-page");
}

TEST_CASE("memory does not pass what nobody looked at, and a lost VM has nothing to look at",
          "[checker]") {
  const auto checker = make_memory();
  auto g = healthy();
  g.evidence.exam_at_switch.reset();
  g.evidence.destination.exam.reset();
  rejects(*checker, g, "nothing-checked", Verdict::infra);
  accepts(*checker, lost());
}

TEST_CASE("memory looks only at the survivor's last image", "[checker]") {
  auto g = source_ran_on();
  g.evidence.destination.exam = good_exam();
  g.evidence.destination.exam->wrong = {wrong_page(1)};
  g.evidence.destination.exam->wrong_pages = 1;
  accepts(*make_memory(), g);
}

Golden corrupted(std::vector<PageFault> seen) {
  Golden g = healthy();
  g.plan.faults = {{"corrupt", Side::channel, trigger_from("stopcopy/enter"), 0, 5}};
  g.expect(Expect::seen);
  g.evidence.flip = Flip{0x4000 + 17, 99, 5, true};
  g.evidence.exam_at_switch->wrong_pages = seen.size();
  g.evidence.exam_at_switch->wrong = std::move(seen);
  return g;
}

TEST_CASE("memory must name the flipped page and no other", "[checker]") {
  const auto checker = make_memory();
  accepts(*checker, corrupted({wrong_page(3)}));
  rejects(*checker, corrupted({}), "oracle/flip-unseen");
  rejects(*checker, corrupted({wrong_page(2)}), "oracle/flip-unseen");
  rejects(*checker, corrupted({wrong_page(2), wrong_page(3)}), "oracle/other-pages");
  auto none = corrupted({});
  none.evidence.flip.reset();
  rejects(*checker, none, "", Verdict::not_delivered);
}

TEST_CASE("no-rollback rejects a broken chain and an image behind its records", "[checker]") {
  const auto checker = make_no_rollback();
  auto g = healthy();
  g.evidence.records.broken = "step 31 follows 40";
  rejects(*checker, g, "rollback");
  g.expect(Expect::double_run);
  rejects(*checker, g, "double-run", Verdict::hazard);
  g = healthy();
  g.evidence.records_disagree = "records end at 40, the image at 37";
  rejects(*checker, g, "image-behind-records");
  g = healthy();
  g.evidence.records.records.clear();
  rejects(*checker, g, "no-record", Verdict::infra);
}

TEST_CASE("disk rejects a mirror that ended and left two unequal disks", "[checker]") {
  const auto checker = make_disk();
  auto g = healthy();
  g.evidence.disk = good_disk(20);
  g.evidence.disks = DiskPair{1 << 20, 0, 0};
  accepts(*checker, g);
  g.evidence.disks = DiskPair{1 << 20, 3, 4096};
  rejects(*checker, g, "mirror-inexact");
  g.evidence.disks.reset();
  g.evidence.retry.emplace().disks = DiskPair{1 << 20, 1, 0};
  rejects(*checker, g, "mirror-inexact");
}

TEST_CASE("disk names what is wrong with the journal, the worst first", "[checker]") {
  const auto checker = make_disk();
  auto g = healthy();
  CHECK(only(*checker, g).what == "no disk in this case");
  g.evidence.disk = good_disk(20);
  accepts(*checker, g);
  CHECK_THAT(only(*checker, g).what, Catch::StartsWith("20 writes acknowledged"));
  DiskExam& disk = *g.evidence.disk;
  disk.first = "slot 7: empty";
  disk.missing = 1;
  rejects(*checker, g, "write-lost");
  disk.torn = 1;
  rejects(*checker, g, "torn-write");
  disk.newer = 1;
  rejects(*checker, g, "write-from-the-future");
  disk.foreign = 1;
  rejects(*checker, g, "loser-wrote");
  CHECK_THAT(only(*checker, g).what, Catch::EndsWith("slot 7: empty"));
  disk.readable = false;
  rejects(*checker, g, "disk-unreadable");
  g.expect(Expect::double_run);
  rejects(*checker, g, "disk-unreadable", Verdict::hazard);
  disk.readable = true;
  rejects(*checker, g, "loser-wrote", Verdict::hazard);
  g.expect(Expect::destination).evidence.disk_kept = false;
  accepts(*checker, g);
}

TEST_CASE("disk passes no survivor that never acknowledged a write, unless none was wanted",
          "[checker]") {
  const auto checker = make_disk();
  auto g = healthy();
  g.evidence.disk = good_disk(0);
  rejects(*checker, g, "no-write", Verdict::infra);
  g.plan.guest.disk_writes_per_s = 0;
  accepts(*checker, g);
  auto nobody = lost();
  nobody.evidence.disk = good_disk(0);
  accepts(*checker, nobody);
}

TEST_CASE("disk judges what a guest makes of its disk", "[checker]") {
  const fakes::FakeGuest guest;
  GuestShape shape;
  const auto checker = make_disk();
  const auto judged = [&](const std::function<void(fakes::FakeGuest::Ram&)>& spoil) {
    fakes::FakeGuest::Ram disk(guest.disk_bytes());
    std::string text = "step 1\n" + guest.journal(shape, disk, 1, 1) + "step 2\n";
    text += guest.journal(shape, disk, 2, 2);
    spoil(disk);
    auto g = healthy();
    g.evidence.disk = guest.examine_disk(shape, disk, text, good_exam(2));
    return only(*checker, g).symptom;
  };
  CHECK(judged([](auto&) {}).empty());
  CHECK(judged([&](auto& disk) { guest.journal(shape, disk, 3, 2); }).empty());
  CHECK(judged([&](auto& disk) { guest.journal(shape, disk, 3, 3); }) == "write-from-the-future");
  CHECK(judged([&](auto& disk) { guest.journal(shape, disk, 4, 2); }) == "write-from-the-future");
  CHECK(judged([&](auto& disk) { guest.journal(shape, disk, 2, 1); }) == "loser-wrote");
  CHECK(judged([&](auto& disk) { disk[0] ^= std::byte{1}; }) == "torn-write");
  CHECK(judged([&](auto& disk) { std::fill_n(disk.begin(), 512, std::byte{0}); }) == "write-lost");
  CHECK(judged([&](auto& disk) { disk.resize(512); }) == "disk-unreadable");
}

TEST_CASE("network: what is no second sender, and what proves nothing", "[checker]") {
  const auto checker = make_network();
  const auto with = [](auto&& change) {
    auto g = healthy();
    g.evidence.network = fakes::good_network(Side::destination);
    change(g, *g.evidence.network);
    return g;
  };
  const auto sends = [](Side host, std::int64_t at_ms, VmFrame::Kind kind) {
    return NetworkEvidence::Frame{host, at_ms * 1'000'000, kind};
  };
  accepts(*checker, with([](auto&, auto&) {}));
  // The switch-over itself: the source has made its last step, the destination none yet.
  accepts(*checker, with([&](auto&, auto& n) {
    n.frames.push_back(sends(Side::source, 104, VmFrame::Kind::traffic));
    n.frames.push_back(sends(Side::destination, 100, VmFrame::Kind::traffic));
  }));
  // QEMU announces a VM that runs, and no other.
  rejects(*checker, with([&](auto&, auto& n) {
    n.frames.push_back(sends(Side::source, 120, VmFrame::Kind::rarp));
  }),
          "two-senders");
  rejects(*checker, with([](auto& g, auto& n) {
    g.expect(Expect::double_run);
    n.echoed_again = false;
  }),
          "connection-stands-still", Verdict::hazard);
  rejects(*checker, with([](auto&, auto& n) { n.frames_lost = 1; }), "frames-lost", Verdict::infra);
  rejects(*checker, with([&](auto& g, auto& n) {
    g.expect(Expect::double_run);
    n.frames.push_back(sends(Side::source, 120, VmFrame::Kind::gratuitous_arp));
  }),
          "two-senders", Verdict::hazard);
  rejects(*checker, with([](auto&, auto& n) { n.client.echoes.answered = 0; }), "no-client",
          Verdict::infra);
  for (const auto* said : {"carries", "not source"}) {
    auto g = with([&](auto& one, auto&) {
      one.event(60, "director", "fault", "delivered",
                {{"kind", std::string("link-down")}, {"vm_network", std::string(said)}});
    });
    if (said == std::string_view("carries")) {
      accepts(*checker, g);
      continue;
    }
    rejects(*checker, g, "network-not-apart", Verdict::infra);
    auto meant = with([&](auto& one, auto&) {
      one.event(50, "director", "fault", "injected",
                {{"kind", std::string("vm-link-down")},
                 {"component", std::string("guest network")}});
      one.event(60, "director", "fault", "delivered",
                {{"kind", std::string("link-down")}, {"vm_network", std::string(said)}});
    });
    accepts(*checker, meant);
  }
  // Who ended while it was asked is not blamed for its silence, and its frames still count.
  accepts(*checker, with([](auto&, auto& n) {
    n.unheard = "QEMU ended while it was asked";
    n.pinged_again = false;
  }));
  rejects(*checker, with([&](auto&, auto& n) {
    n.unheard = "QEMU ended while it was asked";
    n.frames.push_back(sends(Side::source, 120, VmFrame::Kind::traffic));
  }),
          "two-senders");
  accepts(*checker, with([](auto& g, auto& n) {  // a VM that is lost answers nobody
    g.evidence.beats_after_settle_destination = 0;
    n.pinged_again = false;
  }));
}

TEST_CASE("A stack tells where the thread that migrates waits for its side channels", "[checker]") {
  const std::string other =
      "thread 1 \"multifdsend_0\": state S\n  #0 multifd_send_thread in q+0x1\n";
  const auto named = [&](const std::string& name, const std::string& function) {
    return waits_for_side_channels(other + "thread 2 \"" + name + "\": state S\n" +
                                   "  #0 qemu_sem_wait in q+0x1\n  #1 " + function + " in q+0x2\n");
  };
  CHECK(named("live_migration", "multifd_send_sync_main") == "multifd_send_sync_main");
  CHECK(named("mig/src/main", "multifd_send_sync_main") == "multifd_send_sync_main");
  CHECK(named("mig/src/main", "qemu_savevm_state_complete_precopy").empty());
  CHECK(named("worker", "multifd_send_sync_main").empty());
  CHECK(waits_for_side_channels("").empty());
}

TEST_CASE("survivor compares who steps on with who should", "[checker]") {
  const auto checker = make_survivor();
  rejects(*checker, healthy().expect(Expect::source), "wrong-survivor");
  rejects(*checker, source_ran_on().expect(Expect::destination), "wrong-survivor");
  rejects(*checker, healthy().expect(Expect::loss), "unexpected-survivor");
  rejects(*checker, lost().expect(Expect::source), "vm-lost");
  rejects(*checker, lost().expect(Expect::one), "vm-lost");
  rejects(*checker, lost(), "", Verdict::expected_loss);
  const auto went_back = [](bool taken_back) {
    auto g = lost();
    g.event(100, "arbiter", "decision", "hand-over");
    if (taken_back) g.event(101, "arbiter", "decision", "take-back");
    g.event(102, "source", "qmp-event", "RESUME");
    return g.event(103, "arbiter", "decision", "fence-source");
  };
  rejects(*checker, went_back(false).expect(Expect::one), "source-went-back");
  rejects(*checker, went_back(true).expect(Expect::one), "vm-lost");
  const auto stuck = [](const char* host) {
    auto g = lost();
    g.event(100, host, "note", "stacks kept",
            {{"side channels", std::string("multifd_send_sync_main")}});
    return g.expect(Expect::source);
  };
  rejects(*checker, stuck("source"), "side-channels-stuck");
  rejects(*checker, stuck("destination"), "vm-lost");
  auto gave_up = lost();  // fenced before it ran
  gave_up.event(100, "arbiter", "decision", "hand-over");
  gave_up.event(101, "source", "qmp-event", "MIGRATION", {{"status", std::string("failed")}});
  rejects(*checker, gave_up.expect(Expect::one), "source-went-back");
  accepts(*checker, healthy().expect(Expect::one));
  accepts(*checker, source_ran_on().expect(Expect::one));
  accepts(*checker, healthy().expect(Expect::double_run));
  auto both = healthy();
  both.evidence.beats_after_settle_source = 3;
  rejects(*checker, both, "double-run");
  rejects(*checker, both.expect(Expect::double_run), "double-run", Verdict::hazard);
}

TEST_CASE("truth rejects a completion without an image and a run without steps", "[checker]") {
  const auto checker = make_truth();
  auto g = healthy();
  g.without("destination", "heartbeat").without("destination", "qmp-event");
  g.evidence.exam_at_switch.reset();
  rejects(*checker, g, "false-completion");
  const auto shut = [&](std::int64_t value) {
    auto with = g;
    return with.event(101, "channel", "return-path", "shut", {{"value", value}});
  };
  rejects(*checker, shut(1), "false-completion");
  accepts(*checker, shut(0));
  g = healthy();
  g.evidence.beats_after_settle_destination = 0;
  rejects(*checker, g, "false-running");
  g = source_ran_on();
  g.evidence.beats_after_settle_source = 0;
  rejects(*checker, g, "false-running");
  // A silent host has not said anything lately.
  g.evidence.source.at_settle.answers = false;
  accepts(*checker, g);
}

TEST_CASE("liveness rejects what never settles and what never ends", "[checker]") {
  const auto checker = make_liveness();
  auto g = healthy();
  g.evidence.settled = false;
  g.evidence.settle_note = "not settled; the arbiter waits";
  rejects(*checker, g, "not-settled");
  g = healthy();
  g.evidence.destination.ending.reset();
  rejects(*checker, g, "does-not-end");
  g = healthy();
  g.evidence.source.ending.reset();
  rejects(*checker, g, "does-not-end");
}

TEST_CASE("clean-exit rejects signals, statuses and asserts that nobody planned", "[checker]") {
  const auto checker = make_clean_exit();
  auto g = healthy();
  g.evidence.source.ending = Ending{0, 11};
  rejects(*checker, g, "signal:SIGSEGV-source");
  g.evidence.source.ended_by_plan = true;  // the plan kills by 9, never by 11
  rejects(*checker, g, "signal:SIGSEGV-source");
  g.evidence.source.ending = Ending{0, 9};
  accepts(*checker, g);
  g = healthy();
  g.evidence.destination.ending = Ending{1, 0};
  rejects(*checker, g, "exit-status-destination");
  g = source_ran_on();
  g.evidence.destination.ending = Ending{1, 0};  // a failed load ends with 1 by design
  accepts(*checker, g);
  g.evidence.source.ending = Ending{1, 0};
  rejects(*checker, g, "exit-status-source");
  g = healthy();
  g.evidence.destination.messages = "qemu: ../x.c:1: f: Assertion `x' failed.";
  rejects(*checker, g, "assertion:f");
}

TEST_CASE("An assert has one name, whatever build, version and process it comes from",
          "[checker]") {
  const auto checker = make_clean_exit();
  for (const auto* line :
       {"qemu-system-x86_64: ../../block/io.c:1967: bdrv_f: Assertion `!(bs->flags & 1)' failed.",
        "/opt/q/bin/qemu: /home/u/qemu/block/io.c:2101: bdrv_f: Assertion `bs' failed.",
        "ERROR:../block/io.c:1967:bdrv_f: assertion failed: (bs->refcnt == 0x7f21)",
        "qemu: 4711: ERROR:block/io.c:3:bdrv_f: assertion failed (a == b): (1 == 2)"}) {
    INFO(line);
    auto g = healthy();
    g.evidence.destination.messages = std::string("something before\n") + line + "\nafter";
    g.evidence.destination.ending = Ending{0, 6};
    rejects(*checker, g, "assertion:bdrv_f");
  }
}

// --- judge ---------------------------------------------------------------------------------------

class Says final : public Checker {
 public:
  explicit Says(std::vector<Finding> findings) : findings_(std::move(findings)) {}
  std::string_view name() const override { return "says"; }
  std::string_view claim() const override { return "what the test wants"; }
  std::vector<Finding> check(const Plan&, const History&, const Evidence&) const override {
    return findings_;
  }

 private:
  std::vector<Finding> findings_;
};

class Throws final : public Checker {
 public:
  std::string_view name() const override { return "throws"; }
  std::string_view claim() const override { return "nothing"; }
  std::vector<Finding> check(const Plan&, const History&, const Evidence&) const override {
    throw std::runtime_error("out of its depth");
  }
};

CaseResult judged(const Golden& g, std::vector<Finding> findings, bool throws = false) {
  std::vector<std::unique_ptr<Checker>> checkers;
  checkers.push_back(std::make_unique<Says>(std::move(findings)));
  if (throws) checkers.push_back(std::make_unique<Throws>());
  return judge(g.plan, g.history(), g.evidence, checkers);
}

Finding says(Verdict verdict, std::string symptom = "") {
  return {"says", verdict, "so it is", std::move(symptom), ""};
}

TEST_CASE("The worst verdict wins, in whatever order the findings come", "[judge]") {
  const auto all = all_verdicts();
  for (const auto a : all)
    for (const auto b : all) {
      CHECK(judged(healthy(), {says(a, "a"), says(b, "b")}).verdict == std::min(a, b));
    }
}

TEST_CASE("A checker that throws makes the case infra, unless something is broken", "[judge]") {
  const auto result = judged(healthy(), {says(Verdict::pass)}, true);
  CHECK(result.verdict == Verdict::infra);
  CHECK(result.headline.find("out of its depth") != std::string::npos);
  CHECK(result.signature == "throws/checker-threw/no-fault/handshake");
  CHECK(judged(healthy(), {says(Verdict::fail, "x")}, true).verdict == Verdict::fail);
}

TEST_CASE("Nothing checked is infra, a fault without proof is not delivered", "[judge]") {
  CHECK(judged(healthy(), {}).verdict == Verdict::infra);
  auto g = source_ran_on();
  g.evidence.delivered = false;
  const auto result = judged(g, {says(Verdict::pass)});
  CHECK(result.verdict == Verdict::not_delivered);
  CHECK_FALSE(result.delivered);
  CHECK(judged(g, {}).verdict != Verdict::pass);
}

TEST_CASE("Nothing checked is infra for an undelivered fault, too", "[judge]") {
  auto g = source_ran_on();
  g.evidence.delivered = false;
  CHECK(judged(g, {}).verdict == Verdict::infra);
}

TEST_CASE("A signature is the same for every seed and number", "[judge]") {
  auto g = source_ran_on();
  std::set<std::string> signatures;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    g.plan.seed = g.plan.guest.seed = seed;
    g.plan.faults[0].trigger = trigger_from(seed % 2 == 0 ? "stopcopy/enter" : "stopcopy/ram-end");
    Finding finding = says(Verdict::fail, "stale-page");
    finding.what = "page " + std::to_string(seed) + " is stale";
    signatures.insert(judged(g, {finding}).signature);
  }
  CHECK(signatures == std::set<std::string>{"says/stale-page/stopcopy/reset-channel/handshake"});
}

TEST_CASE("Signatures tell faults, sides, protocols and oracles apart", "[judge]") {
  auto g = lost();
  CHECK(judged(g, {says(Verdict::fail, "x")}).signature ==
        "says/x/stopcopy/crash-source/handshake");
  g.plan.protocol = "autostart";
  CHECK(judged(g, {says(Verdict::hazard, "x")}).signature ==
        "says/x/stopcopy/crash-source/autostart");
  CHECK(judged(g, {says(Verdict::fail, "oracle/flip-unseen")}).signature ==
        "oracle/flip-unseen/stopcopy/crash-source/autostart");
  CHECK(judged(g, {says(Verdict::fail)}).signature ==
        "says/unnamed/stopcopy/crash-source/autostart");
  g.plan.plant = "rollback";
  g.plan.faults.clear();
  CHECK(judged(g, {says(Verdict::fail, "x")}).signature == "says/x/canary-rollback/autostart");
}

TEST_CASE("A VM lost where nobody knew it to run is a hazard under autostart, else a failure",
          "[checker]") {
  const auto survivor = make_survivor();
  auto g = healthy();
  g.evidence.beats_after_settle_destination = 0;
  g.expect(Expect::double_run);
  CHECK(only(*survivor, g).verdict == Verdict::hazard);
  CHECK(only(*survivor, g).symptom == "lost-after-it-ran");
  g.without("destination", "qmp-event", "RESUME");
  CHECK(only(*survivor, g).verdict == Verdict::fail);
  CHECK(only(*survivor, g).symptom == "vm-lost");
}

TEST_CASE("clock: a guest that was starved before its stop had that time to run in", "[checker]") {
  const auto clock = make_clock();
  auto g = healthy();  // its last heartbeat at the source: 86 ms, stopped at 90 ms
  g.without("", "qmp-event").event(690, "source", "qmp-event", "STOP");
  g.without("destination", "heartbeat");
  auto& looks = g.evidence.clock;
  looks = {fakes::look("source", 20), fakes::look("destination", 704),
           fakes::look("destination", 746)};
  looks[1].guest.ns = 71'000'000;  // what it recorded at 86 ms
  looks[2].guest.ns = 71'000'000 + 600'000'000;
  accepts(*clock, g);
  looks[2].guest.ns += 600'000'000;
  rejects(*clock, g, "clock-jumped");
}

TEST_CASE("A pass or an expected loss has no signature, the first worst finding names the others",
          "[judge]") {
  CHECK(judged(healthy(), {says(Verdict::pass)}).signature.empty());
  CHECK(judged(healthy(), {says(Verdict::expected_loss, "x")}).signature.empty());
  CHECK(
      judged(healthy(), {says(Verdict::fail, "first"), says(Verdict::fail, "second")}).signature ==
      "says/first/no-fault/handshake");
}

TEST_CASE("The result tells the case: survivor, proof, phases, owners, blackout", "[judge]") {
  auto g = healthy();
  g.event(60, "director", "fault", "delivered", {{"proof", std::string("it was seen")}});
  const auto result = judge(g.plan, g.history(), g.evidence, all_checkers());
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.survivor == "destination");
  CHECK(result.delivery_proof == "it was seen");
  REQUIRE(result.phases.size() == 2);
  CHECK(result.phases[0].name == "prepare");
  CHECK(result.phases[0].to_ms == Approx(30));
  REQUIRE(result.owners.size() >= 3);
  CHECK(result.owners[0].name == "source");
  CHECK(result.owners[1].name == "none");
  CHECK(result.owners[2].name == "destination");
  CHECK(result.owners[2].from_ms == Approx(105));
  CHECK(result.blackout_ms == Approx(20));  // 86 to 106 ms
  CHECK(result.heartbeats_source_ms.size() == 20);
}

TEST_CASE("Thinned heartbeats keep the first and the last", "[judge]") {
  Golden g;
  g.on_source({0, 1000});
  const auto result = judged(g, {says(Verdict::pass)});
  REQUIRE(result.heartbeats_source_ms.size() == 60);
  CHECK(result.heartbeats_source_ms.front() == Approx(0));
  CHECK(result.heartbeats_source_ms.back() == Approx(4 * 999));
}

TEST_CASE("The last stream items are kept of a case that did not pass only", "[judge]") {
  auto g = source_ran_on();
  for (int i = 0; i < 150; ++i) g.event(i, "channel", "stream", "item-" + std::to_string(i));
  const auto passed = judged(g, {says(Verdict::pass)});
  CHECK(passed.history.first("channel", "stream") == nullptr);
  const auto failed = judged(g, {says(Verdict::fail)});
  REQUIRE(failed.history.first("channel", "stream") != nullptr);
  CHECK(failed.history.first("channel", "stream")->name == "item-50");
  CHECK(failed.history.last("channel", "stream")->name == "item-149");
}

TEST_CASE("An untold case is infra with the reason as its headline", "[judge]") {
  const auto result = untold(source_ran_on().plan, "the worker died");
  CHECK(result.verdict == Verdict::infra);
  CHECK(result.headline == "the worker died");
  CHECK(result.signature == "harness/case-failed/stopcopy/reset-channel/handshake");
  CHECK(result.survivor == "unknown");
}

}  // namespace
}  // namespace migfuzz
