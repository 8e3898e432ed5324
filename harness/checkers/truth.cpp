// truth: what QMP reports agrees with what the evidence shows.
//
// Two lies are looked for: a source that says `completed` although the destination does not hold
// the image (a false completion), and a host that says it runs while its guest takes no step.
#include <fmt/format.h>

#include "harness/checkers/catalog.h"

namespace migfuzz {
namespace {

class Truth final : public Checker {
 public:
  std::string_view name() const override { return "truth"; }
  std::string_view claim() const override {
    return "what QMP reports agrees with what the evidence shows";
  }

  std::vector<Finding> check(const Plan&, const History& history,
                             const Evidence& e) const override {
    if (reported_completed(history) && !destination_had_image(history, e))
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
    return {checkers::good(name(), "reported states agree with the evidence")};
  }

 private:
  static bool reported_completed(const History& history) {
    for (const auto& event : history.events())
      if (event.actor == "source" && event.name == "MIGRATION" &&
          text_field(event, "status") == "completed")
        return true;
    return false;
  }

  static bool destination_had_image(const History& history, const Evidence& e) {
    if (e.exam_at_switch && e.exam_at_switch->readable) return true;
    if (history.first("destination", "heartbeat") != nullptr) return true;
    for (const auto& event : history.events())
      if (event.actor == "destination" && event.name == "MIGRATION" &&
          text_field(event, "status") == "completed")
        return true;
    return false;
  }
};

}  // namespace

std::unique_ptr<Checker> make_truth() { return std::make_unique<Truth>(); }

}  // namespace migfuzz
