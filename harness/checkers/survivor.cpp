// survivor: at least one host holds a consistent image that runs, or the loss is one the table
// expects.
//
// "Runs" means that the guest's own record grew after the arbiter was done; a QMP state alone
// proves nothing. A survivor where the table expects a loss is a finding too: then the table is
// wrong, or the fault did not do what it says. A protocol that lets the destination run before it
// is known to (Expect::double_run) has a second weakness: whoever ends it a moment later has ended
// the VM, which nobody could know. That is its hazard, too.
#include <fmt/format.h>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

class SurvivorChecker final : public Checker {
 public:
  std::string_view name() const override { return "survivor"; }
  std::string_view claim() const override {
    return "at least one host holds a consistent image that runs, or the loss is an expected one";
  }

  std::vector<Finding> check(const Plan&, const History& history,
                             const Evidence& e) const override {
    const auto survivor = survivor_of(e);
    const auto what = fmt::format("{}; expected: {} (rule {})", words(survivor),
                                  to_string(e.expected.expect), e.expected.rule);
    const std::string reason(e.expected.reason);
    if (survivor == Survivor::none && e.expected.expect == Expect::double_run &&
        history.first("destination", "qmp-event", "RESUME") != nullptr)
      return {{std::string(name()), Verdict::hazard, what + "; the destination had run",
               "lost-after-it-ran", reason}};
    if (agrees(e.expected.expect, survivor)) {
      const auto verdict = survivor == Survivor::none   ? Verdict::expected_loss
                           : survivor == Survivor::both ? Verdict::hazard
                                                        : Verdict::pass;
      return {{std::string(name()), verdict, what, survivor == Survivor::both ? "double-run" : "",
               reason}};
    }
    if (survivor == Survivor::none && source_went_back(history))
      return {checkers::broken(name(), "source-went-back",
                               what + "; the source took back a VM that it had handed over",
                               reason)};
    if (const auto stuck = checkers::stood_in_side_channels(history);
        survivor == Survivor::none && !stuck.empty())
      return {checkers::broken(name(), "side-channels-stuck",
                               what + "; the source, which stood in " + stuck + ", was fenced",
                               reason)};
    return {checkers::broken(name(), symptom(e.expected.expect, survivor), what, reason)};
  }

 private:
  // The VM was given to the destination, and the source calls the migration failed, or even runs:
  // whoever fences it then has not lost the VM, it was lost with the source's step back.
  static bool source_went_back(const History& history) {
    const auto* given = history.first("arbiter", "decision", "hand-over");
    const auto* taken_back = history.last("arbiter", "decision", "take-back");
    if (given == nullptr) return false;
    for (const auto& event : history.events()) {
      if (event.seq < given->seq || event.actor != "source" || event.kind != "qmp-event") continue;
      if (taken_back != nullptr && taken_back->seq < event.seq) return false;
      if (event.name == "RESUME") return true;
      if (event.name == "MIGRATION" && text_field(event, "status") == "failed") return true;
    }
    return false;
  }

  static std::string_view words(Survivor survivor) {
    switch (survivor) {
      case Survivor::source:
        return "the source runs the VM";
      case Survivor::destination:
        return "the destination runs the VM";
      case Survivor::both:
        return "both hosts run the VM";
      case Survivor::none:
        return "no host runs the VM";
    }
    return "?";
  }

  static bool agrees(Expect expect, Survivor survivor) {
    switch (expect) {
      case Expect::source:
        return survivor == Survivor::source;
      case Expect::destination:
        return survivor == Survivor::destination;
      case Expect::loss:
        return survivor == Survivor::none;
      case Expect::at_most_one:
        return survivor != Survivor::both;
      case Expect::one:
      case Expect::seen:
        return survivor == Survivor::source || survivor == Survivor::destination;
      case Expect::double_run:
        return survivor != Survivor::none;
    }
    return false;
  }

  static std::string symptom(Expect expect, Survivor survivor) {
    if (survivor == Survivor::none) return "vm-lost";
    if (survivor == Survivor::both) return "double-run";
    return expect == Expect::loss ? "unexpected-survivor" : "wrong-survivor";
  }
};

}  // namespace

std::unique_ptr<Checker> make_survivor() { return std::make_unique<SurvivorChecker>(); }

}  // namespace migfuzz
