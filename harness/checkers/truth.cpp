// truth: what QMP reports agrees with what the evidence shows.
//
// Three lies are looked for: a source that says `completed` although the destination does not hold
// the image (a false completion), a host that says it runs while its guest takes no step, and one
// that answers `cont` with success and does not run the guest (RESUME comes before that answer).
#include <fmt/format.h>

#include <algorithm>

#include "harness/checkers/catalog.h"
#include "harness/core/mode.h"

namespace migfuzz {
namespace {

class Truth final : public Checker {
 public:
  std::string_view name() const override { return "truth"; }
  std::string_view claim() const override {
    return "what QMP reports agrees with what the evidence shows";
  }

  std::vector<Finding> check(const Plan& plan, const History& all,
                             const Evidence& e) const override {
    const auto history = all.first_migration();
    // Through a file, and without a way back, `completed` says nothing of a destination.
    const auto mode = mode_from(plan.mode);
    const bool promised = !mode.through_file() && !mode.snapshot();
    if (promised && completed_since(history, 0) && !destination_had_image(history, e))
      return {checkers::broken(name(), "false-completion",
                               "the source reported `completed`, the destination has no image")};
    const auto idle = [](const HostEvidence& host, std::uint64_t beats) {
      return !host.at_settle.dead && !host.frozen && host.at_settle.answers &&
             host.at_settle.run == RunState::running && beats == 0;
    };
    if (idle(e.source, e.beats_after_settle_source))
      return {
          checkers::broken(name(), "false-running", "the source says running, no step follows")};
    if (idle(e.destination, e.beats_after_settle_destination))
      return {checkers::broken(name(), "false-running",
                               "the destination says running, no step follows")};
    for (const auto* host : {"source", "destination"})
      if (ignores_cont(history, host))
        return {checkers::broken(
            name(), "cont-without-effect",
            fmt::format("the {} answered `cont` with success and never ran the guest", host))};
    if (promised && e.retry && completed_since(all, history.events().size()) &&
        !e.retry->exam_at_switch &&
        all.first("destination-2", "heartbeat") == nullptr)
      return {checkers::broken(
          name(), "false-completion",
          "the source reported its second migration `completed`, the destination has no image")};
    return {checkers::good(name(), "reported states agree with the evidence")};
  }

 private:
  static bool ignores_cont(const History& history, std::string_view host) {
    bool running = false, ignored = false;
    for (const auto& event : history.events()) {
      if (event.actor != host) continue;
      if (event.name == "STOP") running = false;
      if (event.name == "RESUME") running = true, ignored = false;
      if (event.kind == "qmp-reply" && event.name == "cont" && !running)
        ignored = !text_field(event, "error");
    }
    return ignored;
  }

  static bool completed_since(const History& history, std::size_t from) {
    const auto& events = history.events();
    return std::any_of(events.begin() + static_cast<std::ptrdiff_t>(from), events.end(),
                       is_completion_of_source);
  }

  static bool is_completion_of_source(const Event& event) {
    return event.actor == "source" && event.name == "MIGRATION" &&
           text_field(event, "status") == "completed";
  }

  // Heard by the manager; or, where that could not hear it, seen on the return path: SHUT with 0.
  static bool says_it_has_the_image(const Event& event) {
    if (event.actor == "destination")
      return event.name == "MIGRATION" && text_field(event, "status") == "completed";
    return event.actor == "channel" && event.kind == "return-path" && event.name == "shut" &&
           number_field(event, "value") == 0;
  }

  static bool destination_had_image(const History& history, const Evidence& e) {
    if (e.exam_at_switch && e.exam_at_switch->readable) return true;
    if (history.first("destination", "heartbeat") != nullptr) return true;
    return std::any_of(history.events().begin(), history.events().end(), says_it_has_the_image);
  }
};

}  // namespace

std::unique_ptr<Checker> make_truth() { return std::make_unique<Truth>(); }

}  // namespace migfuzz
