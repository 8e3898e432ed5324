// The director on the scripted world: whole cases, from the trigger to the verdict, in
// milliseconds.
//
// Every fault kind and side at three points under both protocols must be delivered and judged as
// the expected-outcome table says; each planted defect must be found by its checker. The world is a
// model: these tests speak of the harness only. Run alone: unit_director "[director]".
#include "harness/director.h"

#include <catch2/catch.hpp>

#include "harness/campaign/worker.h"
#include "harness/core/error.h"
#include "scenarios/cells.h"
#include "tests/fakes/scripted_case.h"

namespace migfuzz {
namespace {

using fakes::Defects;
using fakes::ScriptedCase;

Verdict verdict_wanted(const Evidence& evidence) {
  switch (evidence.expected.expect) {
    case Expect::loss:
      return Verdict::expected_loss;
    case Expect::double_run:
      return Verdict::hazard;
    default:
      return Verdict::pass;
  }
}

TEST_CASE("Without a fault the destination gets the VM under both protocols", "[director]") {
  for (const auto* protocol : {"handshake", "autostart"})
    for (const auto transport : {Transport::tcp, Transport::unix_tight}) {
      auto plan = fakes::scripted_plan();
      plan.protocol = protocol;
      plan.transport = transport;
      const ScriptedCase one(plan);
      INFO(one.story());
      CHECK(one.result.verdict == Verdict::pass);
      CHECK(one.result.survivor == "destination");
      CHECK(one.symptom("liveness").empty());
      CHECK(one.world->overlap_ms() == 0);
    }
}

TEST_CASE("Every fault is delivered and judged as the table says", "[director]") {
  for (const auto* protocol : {"handshake", "autostart"})
    for (const auto* point : {"stopcopy/enter", "stopcopy/device:cpu/middle", "commit/eof"})
      for (const auto& kind : all_faults())
        for (const auto side : kind.sides) {
          if (!kind.excluded(trigger_from(point), side).empty()) continue;
          const ScriptedCase one(fakes::scripted_cell(kind, side, point, protocol));
          INFO(protocol << " " << point << " " << kind.name << " " << to_string(side) << " rule "
                        << one.evidence.expected.rule << "\n"
                        << one.story());
          CHECK(one.evidence.delivered);
          CHECK_FALSE(one.result.delivery_proof.empty());
          const auto wanted = verdict_wanted(one.evidence);
          // A hazard is a race: the mode is allowed to get away with it.
          if (wanted == Verdict::hazard)
            CHECK(one.result.verdict >= Verdict::hazard);
          else
            CHECK(one.result.verdict == wanted);
        }
}

TEST_CASE("A refused migration leaves the source running, and its proof is the refusal itself",
          "[director]") {
  for (const auto* protocol : {"handshake", "autostart"})
    for (const auto& kind : all_faults()) {
      if (!kind.before_start) continue;
      const ScriptedCase one(
          fakes::scripted_cell(kind, Side::destination, "prepare/ready", protocol));
      INFO(protocol << " " << kind.name << "\n" << one.story());
      CHECK(one.evidence.delivered);
      CHECK(one.result.verdict == Verdict::pass);
      CHECK(one.result.survivor == "source");
    }
}

TEST_CASE("A stranger harms a migration only where it comes first to a port without TLS",
          "[director]") {
  for (const auto* mode : {"precopy", "tls-x509"})
    for (const auto* point : {"prepare/ready", "precopy/begin", "activate/resumed"}) {
      auto plan = fakes::scripted_cell(make_stranger(), Side::destination, point);
      plan.mode = mode;
      const ScriptedCase one(plan);
      INFO(mode << " " << point << "\n" << one.story());
      const bool first = plan.mode == "precopy" && std::string(point) == "prepare/ready";
      CHECK(one.evidence.delivered);
      CHECK(one.result.verdict == Verdict::pass);
      CHECK(one.result.survivor == (first ? "source" : "destination"));
    }
}

TEST_CASE("A difference that the destination accepts is no refused migration", "[director]") {
  auto plan = fakes::scripted_cell(make_mismatch_cpu(), Side::destination, "prepare/ready");
  plan.faults[0].parameter = 1;
  const ScriptedCase one(plan);
  INFO(one.story());
  CHECK(one.result.survivor == "destination");
  CHECK(one.symptom("delivery") == "not-delivered");
}

TEST_CASE("A manager that was blind sees again, and a command it lost is sent again",
          "[director]") {
  for (const auto& kind : {make_mgmt_close(), make_mgmt_silence()})
    for (const auto* point : {"prepare/connected", "stopcopy/enter", "activate/before-cont"}) {
      const ScriptedCase one(fakes::scripted_cell(kind, Side::destination, point));
      INFO(kind.name << " " << point << "\n" << one.story());
      CHECK(one.result.verdict == Verdict::pass);
      CHECK(one.result.survivor == "destination");
      CHECK(one.evidence.destination.at_settle.run == RunState::running);
    }
}

TEST_CASE("What a manager told a host as it went blind is told again", "[director]") {
  for (const auto* lost : {"migrate-continue", "cont", "quit"}) {
    Defects defects;
    defects.loses_connection_at = lost;
    const ScriptedCase one(fakes::scripted_plan(), defects);
    INFO(lost << "\n" << one.story());
    CHECK(one.result.verdict == Verdict::pass);
    CHECK(one.result.survivor == "destination");
    CHECK(one.evidence.settled);
  }
}

TEST_CASE("Under handshake no fault makes both hosts run", "[director]") {
  for (const auto* point : {"reserve/ram-setup-end", "precopy/page:100", "stopcopy/ram-end",
                            "commit/vmdesc-middle", "commit/vmdesc-end", "commit/ack",
                            "commit/ack-end", "prepare/ready", "prepare/connected",
                            "activate/before-cont", "activate/cont-journalled",
                            "activate/resumed", "activate/before-discard"})
    for (const auto& kind : all_faults())
      for (const auto side : kind.sides) {
        if (!kind.excluded(trigger_from(point), side).empty()) continue;
        const ScriptedCase one(fakes::scripted_cell(kind, side, point));
        INFO(point << " " << kind.name << " " << to_string(side) << "\n" << one.story());
        CHECK(one.world->overlap_ms() == 0);
        CHECK(one.result.verdict > Verdict::infra);
      }
}

TEST_CASE("A destination that acknowledged and then dies or stands still has not got the VM",
          "[director]") {
  for (const auto& kind : {make_hang(), make_crash(), make_host_crash()}) {
    const ScriptedCase one(fakes::scripted_cell(kind, Side::destination, "commit/ack"));
    INFO(one.story());
    CHECK(one.result.verdict == Verdict::pass);
    CHECK(one.result.survivor == "source");
  }
}

TEST_CASE("An autostart destination that ran before a lost acknowledgement is a hazard",
          "[director]") {
  // The acknowledgement stands in the relay until the arbiter loses its patience: the destination
  // has been running for all that time when the source resumes.
  auto plan = fakes::scripted_cell(make_stall(), Side::channel, "commit/ack", "autostart");
  plan.faults[0].heal_after_ms = 0;
  const ScriptedCase one(plan);
  INFO(one.story());
  CHECK(one.symptom("no-rollback") == "double-run");
  CHECK(one.finding("no-rollback")->verdict == Verdict::hazard);
  plan.protocol = "handshake";
  const ScriptedCase other(plan);
  INFO(other.story());
  CHECK(other.result.verdict == Verdict::pass);
}

TEST_CASE("After a double run the source's image is judged by the source's own records",
          "[director]") {
  auto plan = fakes::scripted_cell(make_stall(), Side::channel, "commit/ack", "autostart");
  plan.faults[0].heal_after_ms = 0;
  const ScriptedCase one(plan);
  INFO(one.story());
  CHECK(one.finding("memory")->verdict == Verdict::pass);
  CHECK(one.result.verdict == Verdict::hazard);
}

TEST_CASE("A fault that was not delivered never makes the table's expectation a failure",
          "[director]") {
  const ScriptedCase one(fakes::scripted_cell(make_crash(), Side::source, "precopy/pass:99"));
  INFO(one.story());
  CHECK(one.result.verdict == Verdict::not_delivered);
}

TEST_CASE("A trigger that never fires gives not-delivered and never a pass", "[director]") {
  for (const auto* point : {"precopy/pass:99", "stopcopy/device:floppy/begin", "commit/eof+9999999",
                            "stopcopy/enter#2"}) {
    const ScriptedCase one(fakes::scripted_cell(make_crash(), Side::source, point));
    INFO(point << "\n" << one.story());
    CHECK_FALSE(one.evidence.delivered);
    CHECK(one.symptom("delivery") == "not-delivered");
    CHECK(one.result.verdict != Verdict::pass);
  }
}

TEST_CASE("A fault whose effect is never seen gives not-delivered", "[director]") {
  // An AF_UNIX channel does not cross the network: the disabled port cannot hold anything back.
  auto plan = fakes::scripted_cell(make_port_disabled(), Side::destination, "stopcopy/enter");
  plan.transport = Transport::unix_tight;
  const ScriptedCase one(plan);
  INFO(one.story());
  CHECK_FALSE(one.evidence.delivered);
  CHECK(one.symptom("delivery") == "not-delivered");
  CHECK(one.world->port_forwarding(Side::destination));
}

TEST_CASE("Decisions are persisted in the order in which they are acted on", "[director]") {
  const ScriptedCase one(fakes::scripted_plan());
  CHECK(one.world->persisted() == std::vector<std::string>{"continue-switchover", "hand-over",
                                                           "ask-destination", "run-destination",
                                                           "discard-source", "done"});
  // On tight buffers a source that stands in stop-and-copy takes no in-band command: the channel's
  // end at the destination frees it.
  auto plan = fakes::scripted_cell(make_stall(), Side::channel, "stopcopy/device:cpu/middle");
  plan.faults[0].heal_after_ms = 0;
  const ScriptedCase stuck(plan);
  INFO(stuck.story());
  CHECK(stuck.result.verdict == Verdict::pass);
  const auto& all = stuck.world->persisted();
  const auto place = [&](const char* word) { return std::find(all.begin(), all.end(), word); };
  REQUIRE(place("yank-destination") != all.end());
  // The source is not told to give up while it cannot answer and the destination may have it all.
  CHECK(place("yank-destination") < place("cancel"));
  CHECK(place("cancel") != all.end());
  CHECK(stuck.result.survivor == "source");
}

TEST_CASE("An arbiter that crashed starts from its journal; an unsent command is not sent by magic",
          "[director]") {
  const char* point = "activate/cont-journalled";
  const ScriptedCase crashed(fakes::scripted_cell(make_arbiter_crash(), Side::channel, point));
  INFO(crashed.story());
  CHECK(crashed.result.verdict == Verdict::pass);
  CHECK(crashed.result.delivery_proof.find("`run-destination` was due") != std::string::npos);
  const auto runs = [](const ScriptedCase& one) {
    const auto& all = one.world->persisted();
    return std::count(all.begin(), all.end(), "run-destination");
  };
  CHECK(runs(crashed) == 2);
  const ScriptedCase paused(fakes::scripted_cell(make_arbiter_pause(), Side::channel, point));
  INFO(paused.story());
  CHECK(paused.result.verdict == Verdict::pass);
  CHECK(runs(paused) == 1);
}

TEST_CASE("A healed fault is healed once and the channel flows again", "[director]") {
  for (const auto& kind : {make_stall(), make_port_disabled(), make_link_down()}) {
    const ScriptedCase one(fakes::scripted_cell(kind, kind.sides[0], "stopcopy/device:cpu/middle"));
    INFO(kind.name << "\n" << one.story());
    CHECK(one.result.survivor == "destination");
    std::size_t healed = 0;
    for (const auto& event : one.world->history().events())
      healed += event.kind == "fault" && event.name == "healed" ? 1 : 0;
    CHECK(healed == 1);
    CHECK(
        one.world->port_forwarding(kind.sides[0] == Side::channel ? Side::source : kind.sides[0]));
  }
}

TEST_CASE("The corrupted page, and no other, is named", "[director]") {
  for (const auto* protocol : {"handshake", "autostart"}) {
    const ScriptedCase one(
        fakes::scripted_cell(make_corrupt(), Side::channel, "stopcopy/enter", protocol));
    INFO(one.story());
    REQUIRE(one.evidence.flip);
    CHECK(one.evidence.flip->forwarded);
    CHECK(one.finding("memory")->verdict == Verdict::pass);
    CHECK(one.finding("memory")->what.find("was seen") != std::string::npos);
  }
}

struct Planted {
  const char* what;
  Defects defects;
  const char* checker;
  const char* symptom;
};

TEST_CASE("A defect of the world is found by its checker, with its symptom", "[director]") {
  const auto with = [](bool Defects::*which) {
    Defects defects;
    defects.*which = true;
    return defects;
  };
  const Planted planted[] = {
      {"two owners", with(&Defects::source_runs_after_completed), "single-owner", "double-run"},
      {"lost acknowledgement", with(&Defects::acknowledgement_lost), "survivor", "wrong-survivor"},
      {"never settles", with(&Defects::never_settles), "liveness", "not-settled"},
      {"a page is lost", with(&Defects::loses_a_page), "memory", "stale-page"},
      {"the image is old", with(&Defects::image_is_old), "no-rollback", "rollback"},
      {"the image is old", with(&Defects::image_is_old), "memory", "stale-page"},
      {"abort", with(&Defects::aborts_at_load), "clean-exit", "assertion:load"},
      {"no steps", with(&Defects::runs_without_steps), "truth", "false-running"},
      {"no steps", with(&Defects::runs_without_steps), "survivor", "vm-lost"},
      {"deaf to quit", with(&Defects::deaf_to_quit), "liveness", "does-not-end"},
      {"the clock jumps", with(&Defects::clock_jumps), "clock", "clock-jumped"},
      {"the clock goes back", with(&Defects::clock_goes_back), "clock", "clock-went-back"},
  };
  for (const auto& one : planted) {
    const ScriptedCase found(fakes::scripted_plan(), one.defects);
    INFO(one.what << "\n" << found.story());
    CHECK(found.result.verdict == Verdict::fail);
    CHECK(found.symptom(one.checker) == one.symptom);
    CHECK(found.finding(one.checker)->verdict == Verdict::fail);
  }
}

Plan source_survives(std::uint64_t seed) {
  auto plan = fakes::scripted_cell(make_reset(), Side::channel, "stopcopy/device:cpu/middle");
  plan.guest.seed = seed;
  return plan;
}

TEST_CASE("A source that survived is migrated again, to the same host or to a fresh one",
          "[director][retry]") {
  for (const std::uint64_t seed : {1, 2}) {
    const ScriptedCase one(source_survives(seed));
    INFO(one.story());
    CHECK(one.result.verdict == Verdict::pass);
    CHECK(one.result.survivor == "source");
    REQUIRE(one.evidence.retry);
    CHECK(one.evidence.retry->to == (seed == 1 ? "a fresh host" : "the same host"));
    CHECK(one.evidence.retry->beats_after_settle_destination > 0);
    CHECK(one.finding("retry")->what.find("succeeded") != std::string::npos);
    // One chain of records over the source and the second destination, to the last image.
    CHECK_FALSE(one.evidence.records.broken);
    REQUIRE(one.evidence.retry->destination.exam);
    CHECK(one.evidence.records.records.back().step == one.evidence.retry->destination.exam->step);
    CHECK(one.world->overlap_ms() == 0);
    const auto& persisted = one.world->persisted();
    CHECK(std::count(persisted.begin(), persisted.end(), "done") == 2);
    CHECK(one.world->journal().back() == "done");
  }
}

TEST_CASE("What a second migration leaves in the history belongs to no point, phase or band",
          "[director][retry]") {
  const ScriptedCase one(source_survives(1));
  INFO(one.story());
  const auto& history = one.world->history();
  const auto first = history.first_migration();
  REQUIRE(first.events().size() < history.events().size());
  for (std::size_t i = first.events().size(); i < history.events().size(); ++i) {
    const auto& event = history.events()[i];
    INFO(event.actor << " " << event.kind << " " << event.name);
    CHECK_FALSE((event.kind == "point" || event.kind == "phase" || event.kind == "stream"));
    CHECK(event.actor != "destination");
  }
  CHECK(one.result.owners.back().to_ms < one.result.duration_ms);
}

TEST_CASE("A retry is not tried where the source does not survive alone", "[director][retry]") {
  const ScriptedCase good(fakes::scripted_plan());
  CHECK_FALSE(good.evidence.retry);
  CHECK(good.finding("retry")->verdict == Verdict::pass);
  const ScriptedCase lost(fakes::scripted_cell(make_crash(), Side::source, "stopcopy/enter"));
  CHECK_FALSE(lost.evidence.retry);
  CHECK(lost.result.verdict == Verdict::expected_loss);
}

TEST_CASE("A second migration that goes wrong is found with its symptom", "[director][retry]") {
  const std::pair<bool Defects::*, const char*> planted[] = {
      {&Defects::refuses_again, "retry-refused"},
      {&Defects::refuses_after_setup, "retry-refused"},
      {&Defects::stalls_again, "retry-failed"},
      {&Defects::loses_a_page_again, "retry-lost-pages"},
      {&Defects::never_settles_again, "retry-not-settled"}};
  for (const auto& [defect, symptom] : planted) {
    Defects defects;
    defects.*defect = true;
    const ScriptedCase one(source_survives(1), defects);
    INFO(symptom << "\n" << one.story());
    CHECK(one.result.verdict == Verdict::fail);
    CHECK(one.symptom("retry") == symptom);
    CHECK(one.finding("survivor")->verdict == Verdict::pass);
    CHECK(one.finding("memory")->verdict == Verdict::pass);
  }
}

TEST_CASE("A destination that runs although -S is found once the acknowledgement is lost",
          "[director]") {
  Defects defects;
  defects.runs_although_paused = true;
  auto plan = fakes::scripted_cell(make_stall(), Side::channel, "commit/ack");
  plan.faults[0].heal_after_ms = 0;
  const ScriptedCase one(plan, defects);
  INFO(one.story());
  CHECK(one.result.verdict == Verdict::fail);
  CHECK(one.symptom("no-rollback") == "rollback");
}

TEST_CASE("A source that claims completion too early is found as a false completion",
          "[director]") {
  Defects defects;
  defects.claims_completed = true;
  // What the source wrote stands in the relay for good.
  auto plan = fakes::scripted_cell(make_stall(), Side::channel, "stopcopy/ram-end");
  plan.faults[0].heal_after_ms = 0;
  plan.transport = Transport::tcp;
  const ScriptedCase one(plan, defects);
  INFO(one.story());
  CHECK(one.result.verdict == Verdict::fail);
  CHECK(one.symptom("truth") == "false-completion");
}

TEST_CASE("Each canary's planted defect is found on the scripted world, too", "[director]") {
  const std::pair<const char*, std::pair<const char*, const char*>> canaries[] = {
      {"double-resume", {"single-owner", "double-run"}},
      {"stale-page", {"memory", "stale-page"}},
      {"rollback", {"no-rollback", "rollback"}}};
  for (const auto& [plant, found] : canaries) {
    auto plan = fakes::scripted_plan();
    plan.plant = plant;
    plan.patience_ms = 5000;
    const ScriptedCase one(plan);
    INFO(plant << "\n" << one.story());
    CHECK(one.result.verdict == Verdict::fail);
    CHECK(one.symptom(found.first) == found.second);
    CHECK(one.result.signature ==
          std::string(found.first) + "/" + found.second + "/canary-" + plant + "/handshake");
  }
}

TEST_CASE("A double writer passes only where the refusal that its disk promises is seen",
          "[director]") {
  // The scripted world refuses nobody: right for a disk that nothing protects, wrong for a lock.
  for (const auto* disk : {"none", "nbd", "raw", "qcow2"}) {
    auto plan = fakes::scripted_plan();
    plan.plant = "double-writer";
    plan.disk = disk;
    plan.patience_ms = 5000;
    const ScriptedCase one(plan);
    INFO(disk << "\n" << one.story());
    const bool locked = std::string_view(disk) == "raw" || std::string_view(disk) == "qcow2";
    CHECK(one.result.verdict == (locked ? Verdict::fail : Verdict::hazard));
    CHECK(one.symptom("double-writer") ==
          (locked ? "oracle/other-protection" : "unprotected-disk"));
  }
}

TEST_CASE("A source that is told to quit behind the end mark takes nothing back", "[director]") {
  // Its migration fails because it quits, and it says so before it is dead.
  const ScriptedCase one(
      fakes::scripted_cell(make_quit(), Side::source, "commit/vmdesc-middle"));
  INFO(one.story());
  CHECK(one.result.verdict == Verdict::pass);
  CHECK(one.result.survivor == "destination");
}

TEST_CASE("A manager that finds a host without the disk, or without an answer, starts nothing",
          "[director]") {
  auto plan = fakes::scripted_plan();
  plan.policy.checks_storage = true;
  const auto begun = [&](std::optional<std::string_view> disk_says) {
    Defects defects;
    defects.disk_says = disk_says;
    const ScriptedCase one(plan, defects);
    INFO(one.story());
    CHECK(one.symptom("policy").empty());
    return one.result.survivor == "destination";
  };
  CHECK(begun(std::nullopt));
  CHECK_FALSE(begun("read failed: Input/output error"));
  CHECK_FALSE(begun(""));
}

TEST_CASE("A source whose storage answers errors gives the migration up and runs on",
          "[director]") {
  auto plan = fakes::scripted_cell(make_io_error(), Side::source, "precopy/begin");
  plan.faults[0].heal_after_ms = 2000;  // until the source wants to stop
  const ScriptedCase one(plan);
  INFO(one.story());
  CHECK(one.result.verdict == Verdict::pass);
  CHECK(one.result.survivor == "source");
}

TEST_CASE("Under autostart a destination that was refused the image's lock runs once it is free",
          "[director]") {
  auto plan =
      fakes::scripted_cell(make_lock_conflict(), Side::destination, "commit/vmdesc-middle");
  plan.protocol = "autostart";
  const ScriptedCase one(plan);
  INFO(one.story());
  CHECK(one.result.verdict == Verdict::pass);
  CHECK(one.result.survivor == "destination");
}

TEST_CASE("Storage that is silent for a while costs a migration time only", "[director]") {
  for (const auto& kind : {make_io_hang(), make_storage_crash()}) {
    const ScriptedCase one(fakes::scripted_cell(kind, Side::source, "precopy/begin"));
    INFO(one.story());
    CHECK(one.result.verdict == Verdict::pass);
    CHECK(one.result.survivor == "destination");
  }
}

TEST_CASE("A destination that was refused the image's lock runs once it is free", "[director]") {
  const ScriptedCase one(
      fakes::scripted_cell(make_lock_conflict(), Side::destination, "activate/before-cont"));
  INFO(one.story());
  CHECK(one.result.verdict == Verdict::pass);
  CHECK(one.result.survivor == "destination");
  CHECK(std::count(one.world->persisted().begin(), one.world->persisted().end(),
                   "run-destination") > 1);
}

TEST_CASE("The same plan decides the same way twice", "[director]") {
  const auto plan = fakes::scripted_cell(make_hang(), Side::source, "commit/eof");
  const ScriptedCase one(plan), two(plan);
  CHECK(one.world->persisted() == two.world->persisted());
  CHECK(one.evidence.source.guest_text == two.evidence.source.guest_text);
  CHECK(one.evidence.destination.guest_text == two.evidence.destination.guest_text);
  CHECK(one.result.verdict == two.result.verdict);
}

TEST_CASE("A world that cannot start gives infra with its reason", "[director]") {
  io::Loop loop;
  Defects defects;
  defects.fails_to_start = true;
  const auto catalogs = fakes::scripted_catalogs(defects);
  const auto run = run_case(loop, fakes::scripted_plan(), catalogs);
  CHECK(run.result.verdict == Verdict::infra);
  CHECK(run.result.headline.find("no host came up") != std::string::npos);
  CHECK(run.result.signature == "harness/case-failed/no-fault/handshake");
}

TEST_CASE("A worker's case is judged and names the points it passed", "[director]") {
  io::Loop loop;
  const auto catalogs = fakes::scripted_catalogs();
  const auto run = run_case(loop, fakes::scripted_plan(), catalogs);
  CHECK(run.result.verdict == Verdict::pass);
  const auto has = [&](const char* point) {
    return std::find(run.passed_points.begin(), run.passed_points.end(), point) !=
           run.passed_points.end();
  };
  CHECK(has("stopcopy/enter"));
  CHECK(has("stopcopy/device:virtio-blk/middle"));
  CHECK(has("commit/ack"));
  for (const auto* file : {"history.jsonl", "guest-source.log", "qmp-destination.log"})
    CHECK(run.result.evidence.count(file) == 1);
}

TEST_CASE("A plan that names what does not exist is infra for a worker, and says the word",
          "[director]") {
  io::Loop loop;
  const auto catalogs = fakes::scripted_catalogs();
  auto plan = fakes::scripted_plan();
  plan.protocol = "handshaek";
  const auto run = run_case(loop, plan, catalogs);
  CHECK(run.result.verdict == Verdict::infra);
  CHECK(run.result.headline.find("nearest: handshake") != std::string::npos);
}

}  // namespace
}  // namespace migfuzz
