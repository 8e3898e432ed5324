// Golden histories and evidence of finished cases, in the words of a test.
//
// healthy() is what a good migration leaves behind; a test breaks one thing of it and asks a
// checker. Each bug that is found in the field becomes one more function here.
//
//   auto e = healthy();
//   e.on_destination(Beats{.from_ms = 10, .count = 5}).expect(Expect::double_run);
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "harness/core/checker.h"

namespace migfuzz::fakes {

/// Heartbeats of a host, 4 ms apart.
struct Beats {
  double from_ms = 0;
  int count = 5;
};

/// A plan, its history and its evidence.
class Golden {
 public:
  Plan plan;
  Evidence evidence;

  Golden& event(double at_ms, std::string actor, std::string kind, std::string name,
                Fields fields = {}) {
    events_.push_back({0, static_cast<std::int64_t>(at_ms * 1e6), std::move(actor), std::move(kind),
                       std::move(name), std::move(fields)});
    return *this;
  }
  Golden& status(double at_ms, std::string actor, std::string status) {
    return event(at_ms, std::move(actor), "qmp-event", "MIGRATION",
                 {{"status", std::move(status)}});
  }
  Golden& on_source(Beats beats) { return beat("source", beats); }
  Golden& on_destination(Beats beats) { return beat("destination", beats); }
  Golden& beat(const std::string& actor, Beats beats) {
    for (int i = 0; i < beats.count; ++i)
      event(beats.from_ms + 4.0 * i, actor, "heartbeat", "step");
    return *this;
  }
  Golden& expect(Expect expect) {
    evidence.expected = {expect, "rule-of-the-test", "because the test says so"};
    return *this;
  }
  /// Drops the events of that actor, kind and name; empty: any.
  Golden& without(std::string_view actor, std::string_view kind, std::string_view name = {}) {
    std::erase_if(events_, [&](const Event& one) {
      return (actor.empty() || one.actor == actor) && (kind.empty() || one.kind == kind) &&
             (name.empty() || one.name == name);
    });
    return *this;
  }
  /// The events in the order of their clock, numbered.
  History history() const {
    auto events = events_;
    std::stable_sort(events.begin(), events.end(),
                     [](const Event& a, const Event& b) { return a.at_ns < b.at_ns; });
    for (std::size_t i = 0; i < events.size(); ++i) events[i].seq = i;
    return History::from_events(std::move(events));
  }

 private:
  std::vector<Event> events_;
};

inline ImageExam good_exam(std::uint64_t step = 40) {
  ImageExam exam;
  exam.readable = true;
  exam.step = exam.recorded_step = step;
  exam.pages_checked = 8;
  return exam;
}

/// A disk that holds what was acknowledged.
inline DiskExam good_disk(std::uint64_t acknowledged = 20) {
  DiskExam exam;
  exam.readable = true;
  exam.acknowledged = exam.found = acknowledged;
  return exam;
}

inline PageFault wrong_page(std::uint64_t page, std::optional<std::uint64_t> stale_step = {}) {
  return {page, (1 + page) * 4096, 40, stale_step, 17, 3};
}

/// A look at the guest's clock that agrees with real time; at 20 ms it has run for 5 ms.
inline ClockReading look(std::string host, double at_ms) {
  return {std::move(host),
          static_cast<std::int64_t>(at_ms * 1e6),
          {static_cast<std::uint64_t>((at_ms - 15) * 1e6), 0}};
}

/// A client that spoke with the VM on both hosts, and a switch that has learnt where it is.
inline NetworkEvidence good_network(Side survivor) {
  NetworkEvidence network;
  network.client.connected = network.pinged_again = network.echoed_again = true;
  network.client.pings = {40, 36, {}, Milliseconds(30)};
  network.client.echoes = {40, 40, {}, Milliseconds(35)};
  network.frames = {{Side::source, 50'000'000, VmFrame::Kind::traffic}};
  if (survivor == Side::destination)
    network.frames.push_back({Side::destination, 106'000'000, VmFrame::Kind::rarp});
  if (survivor == Side::destination)
    network.frames.push_back({survivor, 110'000'000, VmFrame::Kind::gratuitous_arp});
  network.place = survivor;
  return network;
}

/// A migration without any fault: the source runs 100 ms, the destination goes on.
inline Golden healthy() {
  Golden g;
  g.expect(Expect::destination);
  g.event(0, "source", "process", "started").event(0, "destination", "process", "started");
  g.event(20, "director", "phase", "prepare").event(30, "channel", "phase", "precopy");
  g.on_source({10, 20}).status(40, "source", "active");
  g.event(90, "source", "qmp-event", "STOP").status(100, "destination", "completed");
  g.status(102, "source", "completed");
  g.event(105, "destination", "qmp-event", "RESUME").on_destination({106, 10});
  g.event(150, "source", "process", "exited").event(160, "destination", "process", "exited");
  Evidence& e = g.evidence;
  e.delivered = e.settled = true;
  e.settle_note = "settled 90 ms after `migrate`";
  e.beats_after_settle_destination = 3;
  e.source.at_settle.dead = true;
  e.destination.at_settle.run = RunState::running;
  e.source.ending = e.destination.ending = Ending{0, 0};
  e.exam_at_switch = good_exam(30);
  e.destination.exam = good_exam(40);
  e.pair = PairEvidence{9, 0, {}};
  e.clock = {look("source", 20), look("destination", 104), look("destination", 146)};
  for (std::uint64_t step = 1; step <= 40; ++step)
    e.records.records.push_back({.kind = GuestRecord::Kind::step, .step = step});
  return g;
}

/// A second migration that succeeded.
inline RetryEvidence good_retry() {
  RetryEvidence retry;
  retry.to = "the same host";
  retry.settled = true;
  retry.settle_note = "settled 60 ms after `migrate`";
  retry.destination.at_settle.run = RunState::running;
  retry.destination.ending = Ending{0, 0};
  retry.beats_after_settle_destination = 3;
  retry.exam_at_switch = good_exam(50);
  retry.destination.exam = good_exam(60);
  retry.pair = PairEvidence{9, 0, {}};
  return retry;
}

/// A migration that failed: the source runs on, the destination was fenced, and the second
/// migration succeeds.
inline Golden source_ran_on() {
  Golden g = healthy();
  g.expect(Expect::source).without("destination", "heartbeat").without("", "qmp-event");
  g.without("source", "process", "exited").event(250, "source", "process", "exited");
  g.status(100, "source", "failed").on_source({104, 10});
  Evidence& e = g.evidence;
  e.beats_after_settle_source = 3;
  e.beats_after_settle_destination = 0;
  e.source.at_settle.dead = false;
  e.source.at_settle.run = RunState::running;
  e.destination.at_settle.dead = true;
  e.destination.at_settle.run = RunState::unknown;
  e.destination.ending = Ending{0, 9};
  e.destination.ended_by_plan = true;
  e.exam_at_switch.reset();
  e.destination.exam.reset();
  e.pair.reset();
  e.source.exam = good_exam(40);
  g.event(180, "director", "retry", "begins").event(182, "source", "qmp-event", "RESUME");
  g.event(182, "destination-2", "process", "started").on_source({184, 4});
  g.status(210, "source", "completed").event(212, "destination-2", "qmp-event", "RESUME");
  g.beat("destination-2", {213, 6});
  e.retry = good_retry();
  e.clock = {look("source", 20), look("source", 146), look("source", 190),
             look("destination-2", 211), look("destination-2", 240)};
  g.plan.faults = {{"reset", Side::channel, trigger_from("stopcopy/enter"), 0, 0}};
  return g;
}

/// Nobody is left.
inline Golden lost() {
  Golden g = source_ran_on();
  g.expect(Expect::loss);
  g.evidence.beats_after_settle_source = 0;
  g.evidence.source.at_settle = {};
  g.evidence.source.at_settle.dead = true;
  g.evidence.source.exam.reset();
  g.evidence.source.ending = Ending{0, 9};
  g.evidence.source.ended_by_plan = true;
  g.evidence.retry.reset();
  g.without("director", "retry").without("destination-2", "").without("source", "heartbeat");
  g.on_source({10, 20});
  g.without("source", "qmp-event", "RESUME").without("source", "qmp-event", "MIGRATION");
  g.evidence.clock = {look("source", 20)};
  g.plan.faults = {{"crash", Side::source, trigger_from("stopcopy/enter"), 0, 0}};
  return g;
}

}  // namespace migfuzz::fakes
