// The proof of handshake: every state that the real Arbiter can lead two hosts into.
//
// The machine is tests/model/migration.h, the exploration tests/model/explorer.h; what is promised
// is in docs/protocols.md. With the arbiter's own death the stories have at most three failures,
// each of any kind at any moment; `[.long]` has no bound on failures, but an arbiter that lives.
// Then the check has to show that it can fail: each defect of a protocol must be named.
// Run alone: unit_handshake_model "[model]".
#include <catch2/catch.hpp>
#include <iostream>

#include "harness/arbiter.h"
#include "harness/protocols/catalog.h"
#include "tests/model/explorer.h"

namespace migfuzz {
namespace {

using model::explore;
using model::Explored;

void print(const char* what, const Explored& found) {
  std::cout << what << ": " << found.states << " states, " << found.moves << " moves; "
            << found.losses.states << " ends without a VM (from " << found.losses.failures
            << " failures on), " << found.unheard_rollbacks.states
            << " states after a source that resumed unheard (from "
            << found.unheard_rollbacks.failures << ")\n";
}

void keeps_its_promises(const Explored& found) {
  for (const auto& [promise, story] : found.broken) {
    INFO(promise << ":" << story);
    CHECK(promise.empty());
  }
  CHECK(found.broken.empty());
  CHECK(found.ends.states > 0);
  CHECK(found.losses.failures >= 1);
  CHECK(found.unheard_rollbacks.failures >= 1);
}

TEST_CASE("Handshake keeps its promises whatever three failures there are", "[model]") {
  const auto found = explore(*make_handshake(), {.most_failures = 3});
  print("handshake, three failures", found);
  CHECK(found.states > 1000000);
  keeps_its_promises(found);
}

TEST_CASE("Handshake with an arbiter that lives keeps its promises whatever fails", "[.long]") {
  const auto found = explore(*make_handshake(), {.arbiter_dies = false});
  print("handshake, any failures", found);
  keeps_its_promises(found);
}

TEST_CASE("Without failures the VM always lives, and never in two places", "[model]") {
  const auto found = explore(*make_handshake(), {.most_failures = 0});
  CHECK(found.broken.empty());
  CHECK(found.losses.states == 0);
  CHECK(found.unheard_rollbacks.states == 0);
}

TEST_CASE("What a successor reads adds up, entry by entry", "[model]") {
  const auto protocol = make_handshake();
  std::vector<std::string> words;
  for (int i = 0; i <= static_cast<int>(Action::done); ++i) {
    words.emplace_back(to_string(static_cast<Action>(i)));
    const auto before = Arbiter(*protocol, {words.begin(), words.end() - 1}).journal();
    const auto after = Arbiter(*protocol, words).journal();
    auto added = record(before, static_cast<Action>(i));
    // Harmless tries are forgotten, whoever wrote them.
    added.continued = added.asked_destination = false;
    added.yanked_source = added.yanked_destination = false;
    added.paused_source = added.paused_destination = added.loading = false;
    CHECK(after == added);
  }
}

// --- the check can fail --------------------------------------------------------------------------

// Handshake with one rule broken: what it sees or what it decides is changed.
class Mutant final : public Protocol {
 public:
  using See = void (*)(Situation&);
  using Say = Action (*)(const Situation&, Action);
  Mutant(See see, Say say) : see_(see), say_(say) {}
  std::string_view name() const override { return "mutant"; }
  std::string_view summary() const override { return "handshake with a defect"; }
  bool destination_starts_paused() const override { return true; }
  bool pause_before_switchover() const override { return true; }
  Decision decide(const Situation& situation) const override {
    auto seen = situation;
    see_(seen);
    return {say_(seen, handshake_->decide(seen).action), "as the mutant sees it"};
  }

 private:
  const std::unique_ptr<Protocol> handshake_ = make_handshake();
  See see_;
  Say say_;
};

void as_it_is(Situation&) {}
Action as_said(const Situation&, Action action) { return action; }

void is_caught(const Protocol& protocol, const char* promise, model::Rules rules = {}) {
  rules.most_failures = std::min(rules.most_failures, 2u);
  rules.until = promise;
  const auto found = explore(protocol, rules);
  std::string all;
  for (const auto& [name, story] : found.broken) all += "\n" + name + ":" + story;
  INFO("broken:" << all);
  CHECK(found.broken.count(promise) == 1);
}

TEST_CASE("A protocol that resumes without fencing is caught", "[model]") {
  const Mutant mutant(as_it_is, [](const Situation& s, Action action) {
    if (action == Action::fence_source && !s.journal.handed_over) return Action::hand_over;
    return action;
  });
  is_caught(mutant, "the destination is told to run before the source is fenced or completed");
  is_caught(mutant, "two owners");
}

TEST_CASE("A protocol that tells a destination to run without asking it is caught", "[model]") {
  const Mutant mutant([](Situation& s) { s.destination_fresh = true; }, as_said);
  is_caught(mutant, "a destination that has not answered since the hand-over is told to run");
}

TEST_CASE("An arbiter that acts before it writes its journal is caught", "[model]") {
  const auto protocol = make_handshake();
  is_caught(*protocol, "the source runs after the destination", {.journal_first = false});
}

TEST_CASE("Taking the VM back from a destination that may have run is caught", "[model]") {
  const Mutant mutant(
      [](Situation& s) {
        if (s.destination.dead) s.journal.ran_destination = false;
      },
      as_said);
  is_caught(mutant, "the source runs after the destination");
}

TEST_CASE("Handing over from a source that said that it goes on is caught", "[model]") {
  const Mutant mutant(
      [](Situation& s) {
        if (s.source.dead) s.source.migration = MigrationStatus::device;
      },
      as_said);
  is_caught(mutant, "a VM whose source has said that it goes on is handed over");
}

TEST_CASE("Fencing a silent source before the destination's load has ended is caught", "[model]") {
  const Mutant mutant(as_it_is, [](const Situation& s, Action action) {
    return action == Action::yank_destination && !s.source.dead ? Action::fence_source : action;
  });
  is_caught(mutant, "a source is fenced while it may hold the only image and the other host lives");
}

TEST_CASE("Fencing a source that answers is caught", "[model]") {
  const Mutant mutant(
      [](Situation& s) {
        if (s.journal.yanked_source && s.destination.dead) s.source.answers = false;
      },
      as_said);
  is_caught(mutant, "a source that answers is fenced");
}

TEST_CASE("A protocol that waits for ever is caught", "[model]") {
  const Mutant mutant(as_it_is, [](const Situation&, Action action) {
    return action == Action::discard_source ? Action::wait : action;
  });
  is_caught(mutant, "no way to an end without further failures", {.most_failures = 0});
}

TEST_CASE("Autostart: two owners are reachable, as the table of hazards says", "[model]") {
  const auto protocol = make_autostart();
  is_caught(*protocol, "two owners", {.autostart = true});
}

}  // namespace
}  // namespace migfuzz
